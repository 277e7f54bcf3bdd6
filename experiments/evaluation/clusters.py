"""PURE: rows in groups, measured without anybody's answers: silhouette (Rousseeuw 1987), the indices of Davies and
Bouldin (1979) and of Calinski and Harabasz (1974), and whether other seeds and rows find the same groups (adjusted Rand
index of Hubert and Arabie 1985).

Values equal scikit-learn's on the same rows; the silhouette of more than 5 000 rows is that of a sample. Where all rows
fall into one group they are undefined. Intervals hold the groups still and draw the rows; that of the stability is
Student's over the times that a method learned again.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
GROUP_KEYS = ("silhouette", "davies_bouldin", "calinski_harabasz", "group_stability")
MOST_ROWS = 5_000
UNDEFINED_GROUPS = {
    **dict.fromkeys(GROUP_KEYS[:3], "the held-back rows do not fall into at least two groups"),
    "group_stability": "it was not learned again",
}
STUDENT = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365}


class Grouped:
    """Rows as the estimator sees them with their groups, and the groups that other seeds gave the same rows.

    `truth` counts the rows, as everywhere; nobody knows a true group.
    """

    def __init__(self, ready: Array, labels: Array, others: Sequence[Array] = ()) -> None:
        self.ready, self.labels = np.asarray(ready, dtype=np.float64), np.asarray(labels, dtype=np.int64)
        self.others = [np.asarray(one, dtype=np.int64) for one in others]
        self.truth = np.zeros(len(self.labels))
        rows = len(self.labels)
        few = np.sort(np.random.default_rng(7).choice(rows, MOST_ROWS, replace=False)) if rows > MOST_ROWS else None
        self._some = np.arange(rows) if few is None else few
        self._nearer: Array | None = None

    def part(self, rows: Array) -> "Grouped":
        """The same for some of the rows, by a mask or by places."""
        return Grouped(self.ready[rows], self.labels[rows], [one[rows] for one in self.others])

    def value(self, key: str, weights: Array | None = None) -> float | None:
        """One metric; with weights a row counts so often."""
        if key == "group_stability":
            found = self.agreements()
            return float(np.mean(found)) if found else None
        w = np.ones(len(self.labels)) if weights is None else weights
        present = np.unique(self.labels[w > 0])
        if not 2 <= present.size < w.sum():
            return None
        if key == "silhouette":
            return self._silhouette(w[self._some])
        sizes, middles = self._middles(w, present)
        own = np.searchsorted(present, self.labels).clip(0, present.size - 1)
        away = np.linalg.norm(self.ready - middles[own], axis=1)
        if key == "davies_bouldin":
            return self._overlap(w, present, sizes, middles, away)
        return _separation(w, self.ready, sizes, middles, float(w @ away**2))

    def values(self, weights: Array | None = None) -> dict[str, float | None]:
        """All metrics."""
        return {key: self.value(key, weights) for key in GROUP_KEYS}

    def _silhouette(self, w: Array) -> float | None:
        """The mean of the rows' own; of very many rows that of a sample."""
        labels = self.labels[self._some]
        if not 2 <= np.unique(labels).size < labels.size or w.sum() <= 0:
            return None
        if self._nearer is None:
            from sklearn.metrics import silhouette_samples

            self._nearer = np.asarray(silhouette_samples(self.ready[self._some], labels), dtype=np.float64)
        return float(w @ self._nearer / w.sum())

    def agreements(self) -> list[float]:
        """How far each other seed's groups are these, from about 0 (by chance) to 1 (the same)."""
        from sklearn.metrics import adjusted_rand_score

        return [float(adjusted_rand_score(self.labels, other)) for other in self.others]

    def _middles(self, w: Array, present: Array) -> tuple[Array, Array]:
        mine = (self.labels[None, :] == present[:, None]) * w[None, :]
        sizes = mine.sum(axis=1)
        return sizes, mine @ self.ready / sizes[:, None]

    def _overlap(self, w: Array, present: Array, sizes: Array, middles: Array, away: Array) -> float:
        """Davies and Bouldin: how wide a group and its most similar neighbour are against how far they lie apart."""
        wide = np.array([w[self.labels == one] @ away[self.labels == one] for one in present]) / sizes
        apart = np.linalg.norm(middles[:, None, :] - middles[None, :, :], axis=2)
        if np.allclose(wide, 0) or np.allclose(apart, 0):
            return 0.0
        apart[apart == 0] = np.inf
        return float(np.mean(np.max((wide[:, None] + wide[None, :]) / apart, axis=1)))


def _separation(w: Array, ready: Array, sizes: Array, middles: Array, within: float) -> float:
    """Calinski and Harabasz: how far groups lie apart against how wide they are, each by its degrees of freedom."""
    rows, groups = float(w.sum()), len(sizes)
    middle = w @ ready / rows
    between = float(sizes @ ((middles - middle) ** 2).sum(axis=1))
    return 1.0 if within == 0 else between * (rows - groups) / (within * (groups - 1))


def spread_of(values: Sequence[float]) -> tuple[float, float]:
    """Student's interval of a mean over seeds; the mean alone where there is one value or none differs."""
    count = len(values)
    if count < 2:
        return math.nan, math.nan
    half = STUDENT.get(count, 2.262) * float(np.std(values, ddof=1)) / math.sqrt(count)
    mean = float(np.mean(values))
    return max(-1.0, mean - half), min(1.0, mean + half)
