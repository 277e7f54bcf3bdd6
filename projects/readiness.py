"""PURE: what must be known before the targets may be signed and the work handed over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from projects.contract import Goal
from projects.measures import UNLABELLED


@dataclass(frozen=True)
class Point:
    """One line of the readiness list: a stable key, what must be so, whether it is, and what to do when not.

    One that does not block is asked for, and the targets may be signed without it.
    """

    key: str
    text: str
    ready: bool
    todo: str
    blocks: bool = True


def readiness(
    kind: str, texts: Mapping[str, str], goals: Sequence[Goal], *, baseline: bool | None = None
) -> list[Point]:
    """The list for one project: its charter's texts by field, its targets, and whether a baseline is named."""
    measurable = bool(goals) and all(goal.measure is None or kind in goal.measure.kinds for goal in goals)
    points = [
        Point("problem", "What goes wrong is written down", bool(texts.get("problem")), "Say what is going wrong."),
        Point("decision", "Someone will act on it", bool(texts.get("decision")), "Say what someone will do with it."),
        Point("prediction", "What to predict is one sentence", bool(texts.get("prediction")), "Say what to predict."),
        Point(
            "harmed",
            "People who could be harmed are named",
            bool(texts.get("harmed")),
            "Name who a wrong answer could harm, or say that it is nobody and why.",
        ),
        Point("deciding", "One target decides", any(goal.deciding for goal in goals), "Add a target that decides."),
        Point("measurable", "Every target can be measured", measurable, "Add a target that fits the question."),
    ]
    if baseline is not None and kind not in UNLABELLED:
        todo = "Name it under “Without a model”; until then results stand beside the yardstick only."
        points.append(Point("baseline", "What is done without a model is named", baseline, todo, blocks=False))
    return points


def missing(points: Sequence[Point]) -> list[Point]:
    """The points that are not ready and stand in the way."""
    return [point for point in points if not point.ready and point.blocks]


def before_approval(texts: Mapping[str, str], *, risk_answered: bool, approved: bool) -> list[Point]:
    """What should be known as well. The targets can be signed without it; the charter is not approved without it."""
    asked = bool(texts.get("ml_needed") and texts.get("ml_why"))
    named = bool(texts.get("sponsor") and texts.get("users"))
    return [
        Point(
            "ml_needed",
            "It is said whether machine learning is needed",
            asked,
            "Say whether it is, and why.",
            blocks=False,
        ),
        Point(
            "sponsor",
            "Sponsor and users of the result are named",
            named,
            "Name who pays and who uses it.",
            blocks=False,
        ),
        Point(
            "risk",
            "The risk questions are answered",
            risk_answered,
            "Answer them under Risks. Until then the project counts as medium risk.",
            blocks=False,
        ),
        Point(
            "charter",
            "The charter is approved",
            approved,
            "Hand it in; product manager or leadership approves.",
            blocks=False,
        ),
    ]
