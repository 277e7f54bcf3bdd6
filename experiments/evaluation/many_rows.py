"""PURE: intervals where the rows are too many to draw them again: the same metrics, by their limits instead of
resamples.

Means of rows (log loss, Brier, absolute error) are normal; F1 comes from the four cells, which are drawn as a
multinomial, which is the bootstrap itself; RMSE and R² by their influence functions (Huber 1981); the median by ranks;
average precision by drawing a sample of rows, whose spread shrinks with the root of the rows. Tests hold them against
`intervals`.
"""

import math
from typing import Any

import numpy as np

from experiments.evaluation.comparison import Z
from experiments.evaluation.forecasts import Forecasts
from experiments.evaluation.intervals import DRAWS, Held, Measured, delong, measured, wilson
from experiments.evaluation.metrics import FROM_COUNTS, Array, Binary, Numbers
from experiments.evaluation.quantiles import ranks

MANY, SAMPLE, SAMPLES = 50_000, 20_000, 60


def measured_all(held: Held, seed: int, many: int = MANY) -> dict[str, Measured]:
    """All metrics with intervals, {value, low, high, n} or {value: None, reason}; quickly beyond `many` rows."""
    if held.truth.size <= many or isinstance(held, Forecasts) or not isinstance(held, Binary | Numbers):
        return measured(held, seed)
    found = _binary(held, seed) if isinstance(held, Binary) else _numbers(held)
    missing = {"value": None, "low": None, "high": None, "n": int(held.truth.size), "reason": "it is undefined here"}
    return {key: missing if one is None else one for key, one in found.items()}


def _told(value: float | None, low: float, high: float, rows: int) -> Measured | None:
    return None if value is None else {"value": value, "low": min(low, value), "high": max(high, value), "n": rows}


def _mean(values: Array) -> Measured | None:
    mean, half = float(values.mean()), Z * float(values.std(ddof=1)) / math.sqrt(values.size)
    return _told(mean, mean - half, mean + half, int(values.size))


def _binary(held: Binary, seed: int) -> dict[str, Measured | None]:
    cells, rows = held.counts(), int(held.truth.size)
    trials = {
        "recall": cells["tp"] + cells["fn"],
        "precision": cells["tp"] + cells["fp"],
        "accuracy": float(rows),
        "specificity": cells["tn"] + cells["fp"],
    }
    found: dict[str, Measured | None] = {}
    for key, count in trials.items():
        value = held.value(key)
        ends = (math.nan, math.nan) if value is None else wilson(value * count, count)
        found[key] = _told(value, *ends, int(count))
    found["f1"] = _f1(cells, rows, seed)
    both = 0 < held.truth.sum() < rows
    found["roc_auc"] = _told(held.value("roc_auc"), *delong(held.truth, held.chance), rows) if both else None
    found["average_precision"] = _average_precision(held, seed)
    clipped = np.clip(held.chance, np.finfo(np.float64).eps, 1 - np.finfo(np.float64).eps)
    found["log_loss"] = _mean(-np.log(np.where(held.truth == 1, clipped, 1 - clipped)))
    found["brier"] = _mean((held.chance - held.truth) ** 2)
    return found


def _f1(cells: dict[str, float], rows: int, seed: int) -> Measured | None:
    names, of = list(cells), FROM_COUNTS["f1"]
    drawn = np.random.default_rng(seed).multinomial(rows, np.array([cells[name] for name in names]) / rows, DRAWS)
    values = [of(dict(zip(names, (float(count) for count in line), strict=True))) for line in drawn]
    known = [value for value in values if value is not None]
    low, high = np.quantile(known, [0.025, 0.975]) if known else (math.nan, math.nan)
    return _told(of(cells), float(low), float(high), rows)


def _average_precision(held: Binary, seed: int) -> Measured | None:
    value, rows, chance = held.value("average_precision"), held.truth.size, np.random.default_rng(seed)
    if value is None:
        return None
    parts = (held.part(chance.integers(0, rows, SAMPLE)).value("average_precision") for _ in range(SAMPLES))
    known = [one for one in parts if one is not None]
    if len(known) < 2:
        return _told(value, 0.0, 1.0, int(rows))
    half = Z * float(np.std(known, ddof=1)) * math.sqrt(SAMPLE / rows)
    return _told(value, max(0.0, value - half), min(1.0, value + half), int(rows))


def _numbers(held: Numbers) -> dict[str, Measured | None]:
    rows, square = int(held.truth.size), held.error**2
    rmse, r2 = held.value("rmse"), held.value("r2")
    middle, below, above = ranks(rows, 0.5)
    ordered = np.partition(held.size, [below - 1, middle - 1, above - 1])
    ends: tuple[Any, Any] = (float(ordered[below - 1]), float(ordered[above - 1]))
    found = {"mae": _mean(held.size), "median_ae": _told(held.value("median_ae"), *ends, rows)}
    found["rmse"] = _influenced(rmse, square / (2 * rmse) if rmse else square, rows)
    spread = (held.truth - held.truth.mean()) ** 2
    whole = float(spread.mean())
    parts = -square / whole + float(square.mean()) * spread / whole**2 if whole > 0 else square
    found["r2"] = _influenced(r2, parts, rows)
    return found


def _influenced(value: float | None, parts: Array, rows: int) -> Measured | None:
    if value is None:
        return None
    half = Z * float(parts.std(ddof=1)) / math.sqrt(rows)
    return _told(value, value - half, value + half, rows)
