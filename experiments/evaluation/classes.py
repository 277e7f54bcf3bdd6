"""PURE: metrics of questions with several answers, by scikit-learn's definitions, optionally with weights of rows.

A class that no held-back row has, or that was never said, leaves the averages that need it undefined (None), where
scikit-learn would count it as 0. `balanced_accuracy` is the mean recall of the classes that the rows have.
"""

import numpy as np

from experiments.evaluation.metrics import Array, Binary

CLASS_KEYS = (
    "accuracy",
    "balanced_accuracy",
    "macro_precision",
    "macro_recall",
    "macro_f1",
    "weighted_precision",
    "weighted_recall",
    "weighted_f1",
    "log_loss",
    "macro_roc_auc",
)
NEEDS_CHANCES = ("log_loss", "macro_roc_auc")
NEVER_SAID = "some answer was never given, so it has no precision"
UNDEFINED_CLASSES = {
    "macro_precision": NEVER_SAID,
    "weighted_precision": NEVER_SAID,
    "macro_recall": "some answer is that of no held-back row",
    "macro_f1": "some answer is that of no held-back row, and was never given",
    "macro_roc_auc": "some answer is that of no held-back row, or of all",
}
EPSILON = float(np.finfo(np.float64).eps)


class Classes:
    """Held-back truth and chances; truth is the place of the class in `names`, chances have a column for each class.

    Without chances (a practice gives none) what needs them is undefined. `said` are the answers where they were given
    by somebody else than the largest chance.
    """

    def __init__(self, truth: Array, chances: Array | None, names: list[str], said: Array | None = None) -> None:
        self.truth = np.asarray(truth, dtype=np.int64)
        self.chances = None if chances is None else np.asarray(chances, dtype=np.float64)
        self.names = names
        if said is None:
            assert self.chances is not None
            said = np.argmax(self.chances, axis=1)
        self.said = np.asarray(said, dtype=np.int64)
        self._cell = self.truth * len(names) + self.said
        self._each: list[Binary] | None = None

    def part(self, rows: Array) -> "Classes":
        """The same for some of the rows, by a mask or by places."""
        chances = None if self.chances is None else self.chances[rows]
        return Classes(self.truth[rows], chances, self.names, self.said[rows])

    def matrix(self, weights: Array | None = None) -> Array:
        """Rows by truth (down) and answer (across)."""
        size = len(self.names)
        return np.bincount(self._cell, weights, size * size).reshape(size, size).astype(np.float64)

    def value(self, key: str, weights: Array | None = None) -> float | None:
        """One metric."""
        if key in NEEDS_CHANCES:
            return self._of_chances(key, weights)
        matrix = self.matrix(weights)
        right, there, said = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
        if key in ("accuracy", "weighted_recall"):
            return float(right.sum() / there.sum())
        if key == "balanced_accuracy":
            return float(np.mean(right[there > 0] / there[there > 0]))
        how, _, what = key.partition("_")
        top, bottom = {"precision": (right, said), "recall": (right, there), "f1": (2 * right, there + said)}[what]
        counted = np.ones_like(there) if how == "macro" else there
        counts = counted > 0
        if (bottom[counts] == 0).any():
            return None
        return float(np.average(top[counts] / bottom[counts], weights=counted[counts]))

    def values(self, weights: Array | None = None) -> dict[str, float | None]:
        """All metrics."""
        return {key: self.value(key, weights) for key in CLASS_KEYS}

    def _of_chances(self, key: str, weights: Array | None) -> float | None:
        if self.chances is None:
            return None
        w = np.ones(self.truth.size) if weights is None else weights
        if key == "log_loss":
            chance = self.chances[np.arange(self.truth.size), self.truth] / self.chances.sum(axis=1)
            return float(w @ -np.log(np.clip(chance, EPSILON, 1 - EPSILON)) / w.sum())
        if self._each is None:  # each class against all others; sorted once
            self._each = [Binary(self.truth == place, self.chances[:, place]) for place in range(len(self.names))]
        areas = [one.value("roc_auc", w) for one in self._each]
        return None if None in areas else float(np.mean([area for area in areas if area is not None]))
