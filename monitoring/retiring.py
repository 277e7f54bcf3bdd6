"""PURE: whether a model is worth its keep: what it brings beyond the practice without it, window after window."""

from collections.abc import Sequence
from typing import Any

from monitoring.rules import Matter

RULE, WINDOWS = "no_uplift", 3


def matter(found: Sequence[dict[str, Any]]) -> Matter | None:
    """The newest windows first, each as `performance.practice` counted it: nothing beyond chance in the last three."""
    last = [one for one in found if one.get("uplift")][:WINDOWS]
    if len(last) < WINDOWS or any(one["uplift"]["low"] > 0 for one in last):
        return None
    rows = sum(one["rows"] for one in last)
    model, practice = (sum(one[side] * one["rows"] for one in last) / rows for side in ("model", "practice"))
    if last[0].get("is_number"):
        said = f"it was off by {model:.3g} on average, the practice without it by {practice:.3g}"
    else:
        said = f"it was right in {100 * model:.0f} of 100, the practice without it in {100 * practice:.0f}"
    sentence = (
        f"The model brings nothing beyond chance. On the {rows} newest answers with known outcomes {said}. "
        "Propose to take it out of use."
    )
    return Matter(RULE, "", "watch", sentence)


def words(one: dict[str, Any]) -> str:
    """What one window says of it; empty where it says nothing."""
    if not one.get("uplift"):
        return ""
    uplift = one["uplift"]
    status = "more" if uplift["low"] > 0 else "fewer" if uplift["high"] < 0 else ""
    if one.get("is_number"):
        apart = f"off by {one['model']:.3g} on average, the practice without a model by {one['practice']:.3g}"
    else:
        apart = f"right in {100 * one['model']:.1f} of 100, the practice without a model in {100 * one['practice']:.1f}"
    chance = {"more": "That is better by more than chance.", "fewer": "That is worse by more than chance."}
    return f"On {one['rows']} known outcomes it was {apart}. {chance.get(status, 'That could be chance.')}"
