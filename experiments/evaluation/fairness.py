"""PURE: whether a model treats groups alike: four measures for each group of a column, their gaps and ratios.

The measures and the words gap and ratio as in Fairlearn (Bird et al. 2020): gap is largest less smallest group, ratio
is smallest by largest. Intervals of groups are Wilson's, widened for all pairs of groups at once (Bonferroni); a gap
has the interval of `asked.gap`, a ratio lies between the quotients of the widened ends. Both are rather too wide than
too narrow. The measures cannot all be alike at once unless the groups are (Chouldechova 2017); the report says so.
"""

from collections.abc import Callable, Mapping, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np

from experiments.evaluation.asked import gap
from experiments.evaluation.classes import Classes
from experiments.evaluation.grouping import OTHERS, Groups
from experiments.evaluation.intervals import Known, Measured, measured_one, wilson
from experiments.evaluation.metrics import Array, Binary

LEAST_GROUP = 30
Cells = Mapping[str, float]

# key -> (of which rows, how often): successes and trials from the four cells of a group
MEASURES: dict[str, Callable[[Cells], tuple[float, float]]] = {
    "selection_rate": lambda c: (c["tp"] + c["fp"], c["tp"] + c["fp"] + c["tn"] + c["fn"]),
    "true_positive_rate": lambda c: (c["tp"], c["tp"] + c["fn"]),
    "false_positive_rate": lambda c: (c["fp"], c["fp"] + c["tn"]),
    "precision": lambda c: (c["tp"], c["tp"] + c["fp"]),
}
REASONS = {
    "selection_rate": "the group has no row",
    "true_positive_rate": "no row of the group has the answer that is looked for",
    "false_positive_rate": "every row of the group has the answer that is looked for",
    "precision": "no row of the group was flagged",
}


def fairness(held: Known, groups: Groups, attribute: str, *, least: int = LEAST_GROUP, seed: int = 7) -> dict[str, Any]:
    """{attribute, least, groups, measures, small} of one protected column of the same rows as `held`.

    Each group has rows and {value, low, high, n} per measure, or {value: None, reason}. Each measure has `gap` and
    `ratio` over the groups in which it is defined and that have at least `least` rows; smaller ones are only counted.
    """
    sizes = groups.sizes
    large = [place for place, label in enumerate(groups.labels) if sizes[place] >= least and label != OTHERS]
    left = [int(size) for place, size in enumerate(sizes) if size and place not in large]
    pairs = max(1, len(large) * (len(large) - 1) // 2)
    z = NormalDist().inv_cdf(1 - 0.025 / pairs)
    found: list[dict[str, Any]] = []
    for place in large:
        rows = groups.codes == place
        measures = _of_group(held, rows, z, seed)
        found.append({"name": groups.labels[place], "rows": int(sizes[place]), "measures": measures})
    keys = tuple(found[0]["measures"]) if found else ()
    return {
        "attribute": attribute,
        "least": least,
        "groups": found,
        "measures": {key: _across(key, found) for key in keys},
        "small": {"groups": len(left), "rows": sum(left)},
    }


def _of_group(held: Known, rows: Array, z: float, seed: int) -> dict[str, Measured]:
    part = held.part(rows)
    if isinstance(part, Classes):
        return {"accuracy": measured_one(part, "accuracy", seed, z)}
    if not isinstance(part, Binary):
        return {"mae": measured_one(part, "mae", seed, z), "bias": _bias(part.error, z)}
    cells = part.counts()
    return {key: _share(key, *of(cells), z) for key, of in MEASURES.items()}


def _share(key: str, successes: float, trials: float, z: float) -> Measured:
    if trials <= 0:
        return {"value": None, "low": None, "high": None, "n": 0, "reason": REASONS[key]}
    low, high = wilson(successes, trials, z)
    value = successes / trials
    return {"value": value, "low": min(low, value), "high": max(high, value), "n": int(trials)}


def _bias(error: Array, z: float) -> Measured:
    """Truth less answer on average: above 0 the model says too little for this group."""
    mean, half = float(error.mean()), z * float(error.std(ddof=1)) / error.size**0.5 if error.size > 1 else np.inf
    if not np.isfinite(half):
        return {"value": None, "low": None, "high": None, "n": int(error.size), "reason": "one row says nothing"}
    return {"value": mean, "low": mean - half, "high": mean + half, "n": int(error.size)}


def _across(key: str, groups: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    usable = [(group["name"], group["measures"][key]) for group in groups]
    usable = [(name, found) for name, found in usable if found["value"] is not None]
    if len(usable) < 2:
        reason = "fewer than two groups have enough rows and a value"
        nothing = {"value": None, "low": None, "high": None, "reason": reason}
        return {"gap": nothing, "ratio": dict(nothing), "lowest": None, "highest": None}
    lowest = min(usable, key=lambda pair: pair[1]["value"])
    highest = max(usable, key=lambda pair: pair[1]["value"])
    return {
        "gap": gap([found for _, found in usable]),
        "ratio": _ratio(key, lowest[1], highest[1]),
        "lowest": lowest[0],
        "highest": highest[0],
    }


def _ratio(key: str, low: Measured, high: Measured) -> dict[str, Any]:
    if key == "bias":
        return {"value": None, "low": None, "high": None, "reason": "a ratio of errors with a sign says nothing"}
    if high["value"] <= 0:
        return {"value": None, "low": None, "high": None, "reason": "it is 0 in every group"}
    value = low["value"] / high["value"]
    top = min(1.0, low["high"] / high["low"]) if high["low"] > 0 else 1.0
    return {"value": value, "low": min(value, low["low"] / high["high"]), "high": max(value, top)}


def equalized_odds(found: Mapping[str, Any]) -> float | None:
    """The larger of the gaps in true and false positive rate, as Fairlearn's `equalized_odds_difference`."""
    gaps = [found["measures"].get(key, {}).get("gap", {}) for key in ("true_positive_rate", "false_positive_rate")]
    values = [one.get("value") for one in gaps]
    return None if None in values or not values else max(float(value) for value in values if value is not None)
