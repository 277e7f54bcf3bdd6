"""PURE: how the answer goes with one input, all else as it is: partial dependence with the spread of single rows.

Friedman 2001: the mean answer when every row gets the same value of one input; the band holds the middle 80 of 100
rows' own answers (Goldstein et al. 2015), so that a flat mean over rows that go opposite ways is seen. It shows what
the model does, not what causes what, and says little where inputs move together.
"""

from typing import Any

import numpy as np

from experiments.evaluation.held import Judge
from experiments.evaluation.metrics import Array
from experiments.matrices import GAP, Layout, Matrix

MOST_ROWS, POINTS, MOST_WORDS = 200, 15, 12


def dependence(judge: Judge, matrix: Matrix, layout: Layout, name: str, seed: int = 7) -> dict[str, Any]:
    """{name, kind, points: [{value, mean, low, high}], rows, range} of one input; numbers at quantiles, words by
    frequency.

    `matrix` is rows x layout.width, of which at most `MOST_ROWS` seeded ones are asked; answers are in the judge's
    unit. An input that has only gaps has no points. Dates are not drawn: their parts cannot be set alone.
    """
    kind, places = dict(layout.inputs)[name], layout.places[name]
    chance = np.random.default_rng(seed)
    sample = matrix[np.sort(chance.choice(len(matrix), min(len(matrix), MOST_ROWS), replace=False))]
    values = [] if len(places) > 1 else _grid(matrix[:, places[0]], kind)
    points = _points(judge, sample, places[0], values)
    means = [point["mean"] for point in points]
    return {
        "name": name,
        "kind": kind,
        "points": points,
        "rows": len(sample),
        "range": max(means) - min(means) if means else 0.0,
    }


def _grid(column: Array, kind: str) -> list[Any]:
    if kind in ("text", "boolean"):
        words, counts = np.unique(column[column != GAP].astype(str), return_counts=True)
        return [str(words[place]) for place in np.lexsort((words, -counts))[:MOST_WORDS]]
    numbers = column.astype(np.float64)
    known = numbers[~np.isnan(numbers)]
    if not known.size:
        return []
    return [float(value) for value in np.unique(np.quantile(known, np.linspace(0.02, 0.98, POINTS), method="nearest"))]


def _points(judge: Judge, sample: Matrix, place: int, values: list[Any]) -> list[dict[str, Any]]:
    """All values are asked at once: a model takes far longer to be asked often than to be asked much."""
    if not values:
        return []
    asked = np.tile(sample, (len(values), 1))
    asked[:, place] = np.repeat(np.array(values, dtype=sample.dtype), len(sample))
    said = judge.said(asked).reshape(len(values), len(sample))
    lows, highs = np.quantile(said, [0.1, 0.9], axis=1)
    return [
        {"value": value, "mean": float(line.mean()), "low": float(low), "high": float(high)}
        for value, line, low, high in zip(values, said, lows, highs, strict=True)
    ]
