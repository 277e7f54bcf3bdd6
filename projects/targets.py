"""PURE: targets as people write and read them, and what a list of targets must be to make sense."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from projects.contract import OF_METRICS, Goal, TargetKind, bound_words, day_words
from projects.kinds import NUMBERS, grouped, made, pieces, plain
from projects.measures import MEASURES, Measure

MAX_TARGETS = 20


def stored(measure: Measure, entered: float) -> float:
    """The number that people read (70 of 100) in the metric's own unit (0.70)."""
    return round(entered / 100, 6) if measure.of_100 else entered


def stored_for(kind: str, metric: str, entered: float) -> float:
    """The number that people read in the own unit of a target of this kind."""
    measure = MEASURES.get(metric) if kind in OF_METRICS else None
    return stored(measure, entered) if measure else entered


def shown(measure: Measure, threshold: float) -> float:
    """The metric's own number (0.70) as the number that people read (70)."""
    return round(threshold * 100, 4) if measure.of_100 else threshold


def sentence(goal: Goal, who: str) -> str:
    """The target as one sentence; `who` is what the project calls the people behind a yes."""
    return "".join(grouped(piece.text) if piece.slot in NUMBERS else piece.text for piece in pieces(goal, who))


def short(goal: Goal) -> str:
    """The target's bound as tables show it: `at least 70`, `at most 5 points`, `at most 120 ms`."""
    at = round(goal.threshold * goal.scale, 4) if goal.scale != 1 else goal.threshold
    measure, value = goal.measure, grouped(plain(at))
    unit = goal.unit
    if measure and measure.of_100:
        unit = "points" if goal.kind == TargetKind.FAIRNESS else ""
    by = f" by {day_words(goal.by_date)}" if goal.by_date else ""
    return f"{bound_words(goal.direction)} {value}{' ' + unit if unit else ''}{by}"


def fingerprint(goals: Sequence[Goal]) -> str:
    """SHA-256 over the list, so that a signature covers exactly what was seen. 70 and 70.0 are the same number."""
    rows = [{name: float(part) if type(part) is int else part for name, part in asdict(goal).items()} for goal in goals]
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()


def make(question: str, /, *, threshold: float, **given: Any) -> tuple[Goal | None, dict[str, str]]:
    """A target for a project that asks this kind of question, or what is wrong with it by field.

    `threshold` is in the metric's own unit. `given` may carry every other field of a goal.
    """
    return made(question, threshold=threshold, **given)


def wrong_list(goals: Sequence[Goal]) -> str:
    """What is wrong with the list as a whole, in a sentence; empty when nothing is."""
    if len(goals) > MAX_TARGETS:
        return f"More than {MAX_TARGETS} targets cannot be weighed against each other. Keep the ones that matter."
    keys = [goal.key for goal in goals]
    twice = next((goal for goal in goals if keys.count(goal.key) > 1), None)
    if twice:
        return f"{twice.measure.term if twice.measure else twice.name} is named twice. One target for each measure."
    deciding = sum(goal.deciding for goal in goals)
    if any(goal.kind == TargetKind.METRIC for goal in goals) and deciding != 1:
        return f"Exactly one target decides between models; here {deciding or 'none'} would."
    return ""


def with_added(goals: Sequence[Goal], new: Goal) -> list[Goal]:
    """The list with one more; the first metric decides, and so does a later one that asks to."""
    deciding = new.kind == TargetKind.METRIC and (new.deciding or not any(goal.deciding for goal in goals))
    kept = [replace(goal, deciding=False) if deciding else goal for goal in goals]
    return [*kept, replace(new, deciding=deciding)]


def with_changed(goals: Sequence[Goal], place: int, new: Goal) -> list[Goal]:
    """The list with the target at `place` written anew; which one decides stays."""
    return [replace(new, deciding=goal.deciding) if i == place else goal for i, goal in enumerate(goals)]


def with_deciding(goals: Sequence[Goal], place: int) -> list[Goal]:
    """The list with the target at `place` deciding between models."""
    return [replace(goal, deciding=i == place) for i, goal in enumerate(goals)]


def without(goals: Sequence[Goal], place: int) -> list[Goal]:
    """The list without the target at `place`; when that one decided, the first metric that is left does."""
    left = [goal for i, goal in enumerate(goals) if i != place]
    first = next((i for i, goal in enumerate(left) if goal.kind == TargetKind.METRIC), None)
    return left if first is None or any(goal.deciding for goal in left) else with_deciding(left, first)


def changes(old: Sequence[Goal], new: Sequence[Goal], who: str) -> list[str]:
    """What a change of targets did, a sentence for each."""
    before, after = {goal.key: goal for goal in old}, {goal.key: goal for goal in new}
    said = [f"Added: {sentence(goal, who)}" for key, goal in after.items() if key not in before]
    said += [f"Removed: {sentence(goal, who)}" for key, goal in before.items() if key not in after]
    for key in (key for key in after if key in before):
        was, now = before[key], after[key]
        if short(was) != short(now):
            said.append(f"{now.name}: {short(was)} became {short(now)}")
        elif was.name != now.name:
            said.append(f"“{was.name}” is now called “{now.name}”")
        elif replace(was, deciding=now.deciding) != now:
            said.append(f"{now.name}: what it starts from, who looks after it, or when, was changed")
        if now.deciding and not was.deciding:
            said.append(f"{now.name} now decides between models")
    return said
