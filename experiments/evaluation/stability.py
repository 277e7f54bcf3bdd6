"""PURE: whether the deciding metric hangs on luck: over seeds of the learning, and over windows of the rows.

A model is called sensitive to its seed when two trainings that differ in nothing but the seed decide more than
`MOST_FLIPS` of the rows otherwise, or when their metric spreads wider than the chance in the rows themselves explains.
Windows are tested for being alike by Cochran's Q (1954) over their metrics and intervals.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import NormalDist, stdev
from typing import Any

import numpy as np

from experiments.evaluation.classes import Classes
from experiments.evaluation.comparison import Z
from experiments.evaluation.held import decided
from experiments.evaluation.intervals import Held, Measured, measured_one
from experiments.evaluation.metrics import Array, Binary, Numbers

MOST_FLIPS = 0.05
WINDOWS, LEAST_WINDOW = 5, 30


def over_seeds(held: Mapping[int, Held], metric: str, seed: int = 7) -> dict[str, Any]:
    """{metric, seeds: [{seed, value}], spread, half, flips, sensitive, why} of models that differ in their seed only.

    `held` has each seed's answers on the same rows. `spread` is the standard deviation of the metric over seeds, `half`
    half the interval that the rows alone give it, `flips` the largest share of rows that two of them decide otherwise.
    """
    values = {number: one.value(metric) for number, one in held.items()}
    seeds = [{"seed": number, "value": value} for number, value in values.items()]
    known = [value for value in values.values() if value is not None]
    if len(known) < 2 or len(known) < len(values):
        return {"metric": metric, "seeds": seeds, "sensitive": None, "why": "it is undefined, or was trained once only"}
    first = measured_one(next(iter(held.values())), metric, seed)
    spread, half = stdev(known), (first["high"] - first["low"]) / 2
    flips = max(_flips(one, other) for one, other in combinations(held.values(), 2))
    why = _why(spread, half, flips)
    return {
        "metric": metric,
        "seeds": seeds,
        "spread": spread,
        "half": half,
        "flips": flips,
        "sensitive": bool(why),
        "why": why,
    }


def _why(spread: float, half: float, flips: float) -> str:
    said = []
    if flips > MOST_FLIPS:
        said.append(f"another seed decides {100 * flips:.0f} of 100 rows otherwise")
    if Z * spread > half and spread > 0:
        said.append("the metric moves more with the seed than chance in the rows explains")
    return " and ".join(said)


def _flips(one: Held, other: Held) -> float:
    """Rows decided otherwise; for numbers, rows whose answer moves by more than a tenth of the spread of the truth."""
    if isinstance(one, Binary | Classes) and isinstance(other, Binary | Classes):
        return float((decided(one) != decided(other)).mean())
    if not isinstance(one, Numbers) or not isinstance(other, Numbers):
        return 1.0
    spread = float(one.truth.std())
    return float((np.abs(one.answer - other.answer) > spread / 10).mean()) if spread > 0 else 0.0


def over_windows(held: Held, order: Array, labels: Sequence[str], metric: str, seed: int = 7) -> dict[str, Any]:
    """{metric, windows: [{name, value, low, high, n}], p, alike} of equal parts of the rows in this order.

    `order` holds places of rows, oldest first; `labels` has a name for each row that a window's ends are called by.
    """
    parts = [part for part in np.array_split(order, WINDOWS) if part.size >= LEAST_WINDOW]
    windows: list[Measured] = [
        {"name": f"{labels[part[0]]} to {labels[part[-1]]}"} | measured_one(held.part(part), metric, seed)
        for part in parts
    ]
    p = alike(windows)
    return {"metric": metric, "windows": windows, "p": p, "alike": None if p is None else p >= 0.05}


def alike(measured: Sequence[Measured]) -> float | None:
    """The chance of such differences, or larger ones, if all were alike: Cochran's Q, by Wilson and Hilferty (1931)."""
    known = [one for one in measured if one["value"] is not None and one["high"] > one["low"]]
    if len(known) < 2:
        return None
    weights = np.array([(2 * Z / (one["high"] - one["low"])) ** 2 for one in known])
    values = np.array([one["value"] for one in known])
    q = float(weights @ (values - weights @ values / weights.sum()) ** 2)
    free = len(known) - 1
    return 1 - NormalDist().cdf(((q / free) ** (1 / 3) - (1 - 2 / (9 * free))) / math.sqrt(2 / (9 * free)))
