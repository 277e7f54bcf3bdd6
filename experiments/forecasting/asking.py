"""PURE: what a caller may ask of a forecast: a moment ahead of what is known, and maybe the past itself."""

from collections.abc import Mapping
from typing import Any

from experiments.forecasting.steps import Plan, place, plan_of, told

HISTORY = "history"
MOST_PAST = 5000
LARGEST = 1e30


def wrong(signature: Mapping[str, Any], row: Mapping[str, Any]) -> tuple[str, str] | None:
    """The first field of a row that a forecast cannot be made from, and why; None where all is well."""
    plan = plan_of(signature["forecast"], signature["target"])
    known: Mapping[str, Any] = signature.get("tail") or {}
    if row.get(HISTORY) is not None:
        if why := _bad_past(row[HISTORY], plan):
            return HISTORY, why
        end = max(past(row[HISTORY], plan.step))
    else:
        name = str(row[plan.key]) if plan.key else ""
        if name not in known:
            return plan.key, "is no series that the model knows; send its history"
        end = known[name]["end"]
    ahead = (place(row[plan.time], plan.step) or 0) - end
    if not 1 <= ahead <= plan.horizon:
        first, last = told(end + 1, plan.step), told(end + plan.horizon, plan.step)
        return plan.time, f"must lie from {first} to {last}: 1 to {plan.horizon} steps after the last known value"
    return None


def past(history: list[dict[str, Any]], step: str) -> dict[int, float | None]:
    """The values of a history that was checked, by their step."""
    return {place(one["time"], step) or 0: one["value"] for one in history}


def _bad_past(given: Any, plan: Plan) -> str:
    if not isinstance(given, list) or len(given) > MOST_PAST:
        return f"must be a list of at most {MOST_PAST} objects with time and value"
    seen: dict[int, Any] = {}
    for number, one in enumerate(given):
        if not isinstance(one, dict) or set(one) != {"time", "value"}:
            return f"entry {number} must be an object with time and value"
        at = place(one["time"], plan.step)
        if at is None:
            return f"entry {number} has no date as text, like 2026-11-18"
        if at in seen:
            return f"entry {number} is the second one of {told(at, plan.step)}"
        if why := _bad_value(one["value"]):
            return f"entry {number}: the value {why}"
        seen[at] = one["value"]
    return _bad_reach(seen, plan)


def _bad_reach(seen: Mapping[int, Any], plan: Plan) -> str:
    """It must be long enough to say something, end with what is known, and not have more gaps than values."""
    reach = max(seen) - min(seen) + 1 if seen else 0
    if reach < plan.least:
        return f"must reach back at least {plan.least} steps"
    if reach > 2 * MOST_PAST:
        return f"must reach back at most {2 * MOST_PAST} steps"
    return "" if seen[max(seen)] is not None else "must end with a known value"


def _bad_value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "must be a number or null"
    return "" if abs(value) <= LARGEST else "must be at most 1e30"
