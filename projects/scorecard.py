"""PURE: judged targets as pages show them: the sentence, the bound, the interval bar, the verdict in words."""

from collections.abc import Mapping
from typing import Any

from projects.contract import goal_of
from projects.targets import sentence, short


def line(row: Mapping[str, Any], who: str) -> dict[str, Any]:
    """One kept row (see `contract.as_row`) in the numbers that people read; without numbers while unmeasured."""
    goal = goal_of(row)
    waits = goal.after_launch and row["verdict"] == "unmeasured"
    found: dict[str, Any] = {
        "name": goal.name,
        "goal": goal,
        "words": sentence(goal, who),
        "target": short(goal),
        "deciding": bool(goal.deciding),
        "verdict": row["verdict"],
        "word": "After launch" if waits else "",
        "why": str(row.get("sentence") or ""),
        "url": row.get("url", ""),
    }
    if row.get("value") is None:
        return found
    low, value, high = (row[end] * goal.scale for end in ("low", "value", "high"))
    at = goal.threshold * goal.scale
    said = f"{goal.said(row['value'])}, between {low:.4g} and {high:.4g}; target {found['target']}"
    bar = {"low": low, "value": value, "high": high, "at": at, "said": said, "sure": low == high}
    return found | bar | {"shown": goal.said(row["value"]).removesuffix(" of 100")}
