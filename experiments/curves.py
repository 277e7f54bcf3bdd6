"""PURE: the curve of a column of numbers, kept at a few hundred points so exactly that distances can be measured later.

A column has many rows with the same value (0, a fee, a whole number), and a curve that is read between its steps is
wrong there. So both P(x < v) and P(x <= v) are kept at every point. Every value that holds more than 1 of `POINTS` of
the rows is a point of its own, as are the smallest and the largest; `STEPS` more lie within four standard deviations,
so that no gap there is wide, also between whole numbers.
"""

from typing import Any

import numpy as np

from experiments.evaluation.metrics import Array

POINTS, STEPS = 500, 200


def curve_of(values: Array) -> dict[str, Any]:
    """`values`: finite numbers, at least one. Returns plain JSON: `at` (rising points), `below` and `upto` (rows under
    and up to each point), `gaps` (in each open gap between two points the sum of the distances from the lower one),
    `rows` and `spread` (the standard deviation).
    """
    ordered = np.sort(values)
    ranks = np.ceil(np.linspace(0, 1, POINTS + 1) * ordered.size).astype(np.int64) - 1
    least, most, middle, spread = ordered[0], ordered[-1], ordered.mean(), ordered.std()
    grid = np.linspace(max(least, middle - 4 * spread), min(most, middle + 4 * spread), STEPS + 1)
    at = np.unique(np.concatenate([ordered[np.clip(ranks, 0, ordered.size - 1)], grid if least < most else []]))
    below, upto, gaps = standing(ordered, at)
    return {
        "at": at.tolist(),
        "below": below.tolist(),
        "upto": upto.tolist(),
        "gaps": gaps[1:-1].tolist(),
        "rows": int(ordered.size),
        "spread": float(spread) if at.size > 1 else 0.0,
    }


def standing(ordered: Array, at: Array) -> tuple[Array, Array, Array]:
    """How sorted numbers stand to the points: rows below and up to each, and the sums of distances in the gaps.

    There are `at.size + 1` gaps: before the first point (distances to it), between two, and after the last. All three
    add up over batches.
    """
    below, upto = np.searchsorted(ordered, at, side="left"), np.searchsorted(ordered, at, side="right")
    middle = at[at.size // 2]  # sums of numbers far from zero would lose their digits
    sums = np.concatenate([[0.0], np.cumsum(ordered - middle)])
    starts, ends = np.append(0, upto), np.append(below, ordered.size)
    lower = np.append(at[0], at) - middle
    gaps = sums[ends] - sums[starts] - (ends - starts) * lower
    gaps[0] = -gaps[0]
    return below, upto, np.maximum(gaps, 0.0)
