"""PURE: the curves behind the figures of a run, small enough to keep in a row: at most 200 points each."""

from typing import Any

import numpy as np

from experiments.evaluation.classes import Classes
from experiments.evaluation.comparison import Z
from experiments.evaluation.intervals import wilson
from experiments.evaluation.metrics import Array, Binary, Numbers

MOST_POINTS = 200
MOST_DOTS = 400
Curve = dict[str, Any]


def binary_curves(held: Binary) -> Curve:
    """ROC, precision-recall and calibration of one method; empty lists where only one answer was held back."""
    order = np.argsort(-held.chance, kind="stable")
    ranked, truth = held.chance[order], held.truth[order]
    ends = np.append(np.flatnonzero(np.diff(ranked)), ranked.size - 1)
    hits, misses = np.cumsum(truth)[ends], np.cumsum(1 - truth)[ends]
    curves: Curve = {"roc": {"x": [], "y": []}, "pr": {"x": [], "y": []}, "calibration": calibration(held)}
    if hits[-1] > 0:
        keep = _thinned(ends.size)
        curves["pr"] = {"x": _plain((hits / hits[-1])[keep]), "y": _plain((hits / (hits + misses))[keep])}
    if hits[-1] > 0 and misses[-1] > 0:
        keep = _thinned(ends.size, MOST_POINTS - 1)
        curves["roc"] = {
            "x": [0.0, *_plain((misses / misses[-1])[keep])],
            "y": [0.0, *_plain((hits / hits[-1])[keep])],
        }
    return curves


def calibration(held: Binary) -> list[Curve]:
    """Ten equal bins of the chance that was said, and how often it happened, with Wilson's interval."""
    bins = np.minimum((held.chance * 10).astype(int), 9)
    found = []
    for number in range(10):
        here = bins == number
        if count := int(here.sum()):
            low, high = wilson(float(held.truth[here].sum()), count)
            said, happened = float(held.chance[here].mean()), float(held.truth[here].mean())
            found.append({"said": said, "happened": happened, "low": low, "high": high, "n": count})
    return found


def class_matrix(held: Classes) -> Curve:
    """Rows by truth and answer, and of each class how many were found and how many calls of it were right.

    `each` has {recall, precision} in the order of the classes, with Wilson's intervals; None where there is no row.
    """
    matrix = held.matrix()
    right, there, said = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    each = [
        {"recall": _proportion(right[place], there[place]), "precision": _proportion(right[place], said[place])}
        for place in range(len(held.names))
    ]
    return {"matrix": matrix.astype(int).tolist(), "each": each}


def _proportion(right: float, of: float) -> Curve:
    if not of:
        return {"value": None, "low": None, "high": None, "n": 0}
    low, high = wilson(float(right), float(of))
    return {"value": float(right / of), "low": low, "high": high, "n": int(of)}


def residuals(held: Numbers, seed: int) -> Curve:
    """Quantiles and histogram of the errors (truth minus answer), sampled dots, and the middle error by answer."""
    low, high = (float(edge) for edge in np.quantile(held.error, [0.005, 0.995]))
    edges = np.linspace(low, high if high > low else low + 1.0, 31)
    counts, _ = np.histogram(np.clip(held.error, edges[0], edges[-1]), bins=edges)
    taken = _sample(held.truth.size, MOST_DOTS, seed)
    return {
        "quantiles": {f"{q:g}": float(np.quantile(held.error, q)) for q in (0.05, 0.25, 0.5, 0.75, 0.95)},
        "mean": float(held.error.mean()),
        "histogram": {"edges": _plain(edges), "counts": [int(count) for count in counts]},
        "dots": {"truth": _plain(held.truth[taken]), "answer": _plain(held.answer[taken])},
        "rows": int(held.truth.size),
        "bins": _binned(held),
    }


def _binned(held: Numbers) -> list[Curve]:
    """Up to ten bins of equally many answers: the middle answer, the mean error and its interval."""
    order = np.argsort(held.answer, kind="stable")
    found = []
    for part in np.array_split(order, min(10, max(1, order.size // 10))):
        errors = held.error[part]
        half = Z * float(errors.std(ddof=1)) / np.sqrt(errors.size) if errors.size > 1 else 0.0
        mean = float(errors.mean())
        found.append(
            {
                "answer": float(np.median(held.answer[part])),
                "error": mean,
                "low": mean - float(half),
                "high": mean + float(half),
                "n": int(errors.size),
            }
        )
    return found


def _thinned(points: int, most: int = MOST_POINTS) -> Array:
    return np.unique(np.linspace(0, points - 1, min(points, most)).round().astype(int))


def _sample(rows: int, most: int, seed: int) -> Array:
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def _plain(values: Array) -> list[float]:
    return [float(f"{value:.6g}") for value in values]
