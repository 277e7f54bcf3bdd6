"""Targets on the Define page: each a sentence with slots, where it is measured, and how it stands now."""

from collections.abc import Sequence
from typing import Any

from projects.contract import Goal, TargetKind, as_row, goal_of
from projects.forms.targets import more_of
from projects.kinds import CADENCES, pieces
from projects.models.projects import Project
from projects.overview import results
from projects.permissions import Role
from projects.queries.kpis import judged_now
from projects.scorecard import line
from projects.targets import sentence

WHERE = {
    TargetKind.METRIC: "held-back data and live",
    TargetKind.SLICE: "held-back data, and live where callers send the column",
    TargetKind.FAIRNESS: "fairness, held-back data, and live where callers send the column",
    TargetKind.LATENCY: "before launch and live",
    TargetKind.KPI: "business outcome, after launch",
}


def target_lines(project: Project, goals: Sequence[Goal], who: str) -> list[dict[str, Any]]:
    """Every target of a list that is written or signed, with what is known of it now."""
    result = results([project]).get(project.pk)
    known = {goal_of(row).key: row for row in result.rows} if result else {}
    known |= {key: as_row(judged) for key, judged in judged_now(project, goals).items()}
    return [
        _line(place, goal, who, known.get(goal.key), result.name if result else "") for place, goal in enumerate(goals)
    ]


def _line(place: int, goal: Goal, who: str, row: Any, name: str) -> dict[str, Any]:
    same = row is not None and goal_of(row).threshold == goal.threshold
    now = line(row, who) if row is not None and row.get("value") is not None else None
    return {
        "place": place,
        "goal": goal,
        "pieces": pieces(goal, who),
        "sentence": sentence(goal, who),
        "where": "business outcome, from the first run on" if goal.source == "money" else WHERE[TargetKind(goal.kind)],
        "facts": _facts(goal),
        "more": more_of(goal, place),
        "now": now,
        "now_name": "" if goal.kind == TargetKind.KPI else name.removesuffix(","),
        "same": same,
        "within": _within(goal, row) if now else "",
    }


def _within(goal: Goal, row: Any) -> str:
    """How precisely it is known, in the unit that people read; empty where it was counted, not estimated."""
    far = max(row["high"] - row["value"], row["value"] - row["low"]) * goal.scale
    if not far:
        return ""
    said = f"{far:.1g}" if far < 1 else f"{far:.0f}"
    if goal.scale == 100:
        return f"known to within {said} point{'' if said == '1' else 's'}"
    unit = "ms" if goal.kind == TargetKind.LATENCY else goal.unit
    return f"known to within {said} {unit}".strip()


def _facts(goal: Goal) -> list[str]:
    """What the sentence leaves out."""
    said = []
    if goal.measure:
        said.append(goal.measure.term)
    if goal.kind == TargetKind.FAIRNESS:
        said.append(f"groups of {goal.least_group} rows and more")
    if goal.kind == TargetKind.KPI and goal.source == "money":
        said.append("counted from the table of money")
    elif goal.kind == TargetKind.KPI:
        said.append(f"{Role(goal.owner).label.lower()} brings it {CADENCES[goal.cadence]}")
    return said
