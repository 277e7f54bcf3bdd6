"""PURE: what a model of rows without answers says: the group of each row and how far it lies from its middle, or how
unusual each row is.

Groups are told by place, the largest of the training rows first: `order` holds for each place the estimator's own
number of that group.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
UNUSUAL, USUAL = "unusual", "usual"


def spaced(pipeline: Any, matrix: Array) -> Array:
    """The rows as the estimator sees them: filled, scaled, words as columns of 0 and 1."""
    ready: Array = np.asarray(pipeline[:-1].transform(matrix), dtype=np.float64)
    return ready


def middles(estimator: Any) -> Array:
    """The middle of each group in the estimator's own order."""
    found = estimator.means_ if hasattr(estimator, "means_") else estimator.cluster_centers_
    return np.asarray(found, dtype=np.float64)


def placed(pipeline: Any, matrix: Array, order: Sequence[int]) -> tuple[Array, Array]:
    """For each row the place of its group, and its distance from that group's middle."""
    if not len(matrix):
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    ready, estimator = spaced(pipeline, matrix), pipeline[-1]
    own = np.asarray(estimator.predict(ready), dtype=np.int64)
    away = np.linalg.norm(ready - middles(estimator)[own], axis=1)
    places = np.empty(len(order), dtype=np.int64)
    places[np.asarray(order, dtype=np.int64)] = np.arange(len(order))
    return places[own], away


def order_of(labels: Array, count: int) -> list[int]:
    """The estimator's numbers of its groups, the largest first; equals by their number."""
    sizes = np.bincount(labels, minlength=count)
    return [int(one) for one in np.argsort(-sizes, kind="stable")]


def named(count: int) -> list[str]:
    """What groups are called."""
    return [f"Group {place}" for place in range(1, count + 1)]


def oddness(pipeline: Any, matrix: Array) -> Array:
    """How unusual each row is, larger is more; the scale is the method's own."""
    if not len(matrix):
        return np.zeros(0)
    return -np.asarray(pipeline[-1].score_samples(spaced(pipeline, matrix)), dtype=np.float64)


def edge_of(pipeline: Any, matrix: Array, share: float) -> float:
    """From which score on a row is unusual: so that of the training rows this share is.

    A row to learn from is its own nearest neighbour, so the local outlier factor keeps the factors that leave each row
    itself out.
    """
    own = getattr(pipeline[-1], "negative_outlier_factor_", None)
    scores = oddness(pipeline, matrix) if own is None else -np.asarray(own, dtype=np.float64)
    return float(np.quantile(scores, 1 - share))
