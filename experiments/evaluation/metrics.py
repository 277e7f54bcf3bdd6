"""PURE: every metric of `projects.measures` from held-back answers, optionally with a weight for each row.

Truth is 1 for the answer that is looked for and 0 otherwise, or a number. Values equal scikit-learn's; what is
undefined (no flagged row, only one class) is None, never 0. Weights serve the bootstrap: how often a row was drawn.
"""

from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
EPSILON = float(np.finfo(np.float64).eps)


class Binary:
    """Held-back truth and chances of a yes-or-no question; sorts once, then answers every metric."""

    def __init__(self, truth: Array, chance: Array, threshold: float = 0.5) -> None:
        self.truth = np.asarray(truth, dtype=np.float64)
        self.chance = np.asarray(chance, dtype=np.float64)
        self.threshold = threshold
        self.flagged = (self.chance >= threshold).astype(np.float64)
        self._order = np.argsort(-self.chance, kind="stable")
        ranked = self.chance[self._order]
        self._ends = np.append(np.flatnonzero(np.diff(ranked)), ranked.size - 1)  # the last row of each run of ties
        clipped = np.clip(self.chance, EPSILON, 1 - EPSILON)
        self._surprise = -np.log(np.where(self.truth == 1, clipped, 1 - clipped))
        self._error = (self.chance - self.truth) ** 2

    def with_truth(self, truth: Array) -> "Binary":
        """The same answers beside another truth, of 0 and 1 or of shares between them, without sorting them again."""
        twin, clipped = copy(self), np.clip(self.chance, EPSILON, 1 - EPSILON)
        twin.truth = np.asarray(truth, dtype=np.float64)
        twin._surprise = -(twin.truth * np.log(clipped) + (1 - twin.truth) * np.log(1 - clipped))
        twin._error = twin.truth * (1 - self.chance) ** 2 + (1 - twin.truth) * self.chance**2
        return twin

    def part(self, rows: Array) -> "Binary":
        """The same for some of the rows, by a mask or by places."""
        return Binary(self.truth[rows], self.chance[rows], self.threshold)

    def counts(self, weights: Array | None = None) -> dict[str, float]:
        """The four cells: true and false positives, false and true negatives."""
        w = np.ones_like(self.truth) if weights is None else weights
        tp, flagged = float(w @ (self.truth * self.flagged)), float(w @ self.flagged)
        positives, total = float(w @ self.truth), float(w.sum())
        return {"tp": tp, "fp": flagged - tp, "fn": positives - tp, "tn": total - positives - flagged + tp}

    def value(self, key: str, weights: Array | None = None) -> float | None:
        """One metric."""
        if key in FROM_COUNTS:
            return FROM_COUNTS[key](self.counts(weights))
        w = np.ones_like(self.truth) if weights is None else weights
        if key in ("log_loss", "brier"):
            return float(w @ (self._surprise if key == "log_loss" else self._error) / w.sum())
        hits = np.cumsum((w * self.truth)[self._order])[self._ends]
        misses = np.cumsum((w * (1 - self.truth))[self._order])[self._ends]
        if key == "average_precision":
            return _average_precision(hits, misses)
        return _area(hits, misses)

    def values(self, weights: Array | None = None) -> dict[str, float | None]:
        """All metrics."""
        return {key: self.value(key, weights) for key in BINARY_KEYS}


class Numbers:
    """Held-back truth and answers of a question for a number."""

    def __init__(self, truth: Array, answer: Array) -> None:
        self.truth = np.asarray(truth, dtype=np.float64)
        self.answer = np.asarray(answer, dtype=np.float64)
        self.error = self.truth - self.answer
        self.size = np.abs(self.error)
        self._square = self.error**2
        self._order = np.argsort(self.size, kind="stable")

    def part(self, rows: Array) -> "Numbers":
        """The same for some of the rows, by a mask or by places."""
        return Numbers(self.truth[rows], self.answer[rows])

    def value(self, key: str, weights: Array | None = None) -> float | None:
        """One metric."""
        w = np.ones_like(self.truth) if weights is None else weights
        total = float(w.sum())
        if key == "mae":
            return float(w @ self.size / total)
        if key == "median_ae":
            return self._median(w)
        squares = float(w @ self._square)
        if key == "rmse":
            return float(np.sqrt(squares / total))
        centred = self.truth - float(w @ self.truth) / total
        spread = float(w @ centred**2)
        return 1 - squares / spread if spread > 0 else None

    def values(self, weights: Array | None = None) -> dict[str, float | None]:
        """All metrics."""
        return {key: self.value(key, weights) for key in REGRESSION_KEYS}

    def _median(self, w: Array) -> float:
        """The middle of the errors, each counted as often as its weight says."""
        ordered, passed = self.size[self._order], np.cumsum(w[self._order])
        total = passed[-1]
        low = ordered[np.searchsorted(passed, total / 2, side="left")]
        high = ordered[min(int(np.searchsorted(passed, total / 2, side="right")), ordered.size - 1)]
        return float((low + high) / 2)


def _ratio(top: float, bottom: float) -> float | None:
    return top / bottom if bottom > 0 else None


FROM_COUNTS: dict[str, Callable[[dict[str, float]], float | None]] = {
    "recall": lambda c: _ratio(c["tp"], c["tp"] + c["fn"]),
    "precision": lambda c: _ratio(c["tp"], c["tp"] + c["fp"]),
    "f1": lambda c: _ratio(2 * c["tp"], 2 * c["tp"] + c["fp"] + c["fn"]),
    "accuracy": lambda c: _ratio(c["tp"] + c["tn"], sum(c.values())),
    "specificity": lambda c: _ratio(c["tn"], c["tn"] + c["fp"]),
}
BINARY_KEYS = (*FROM_COUNTS, "roc_auc", "average_precision", "log_loss", "brier")
REGRESSION_KEYS = ("mae", "rmse", "median_ae", "r2")
UNDEFINED = {
    "recall": "no held-back row has the answer that is looked for",
    "precision": "no held-back row was flagged",
    "f1": "no held-back row has the answer that is looked for, and none was flagged",
    "specificity": "every held-back row has the answer that is looked for",
    "roc_auc": "the held-back rows have only one answer",
    "average_precision": "no held-back row has the answer that is looked for",
    "r2": "the held-back rows all have the same value",
    "mase": "nobody knows how far a series usually is from the season before, or it is always equal",
}


def _average_precision(hits: Array, misses: Array) -> float | None:
    """Sum of (recall step x precision), as scikit-learn has it."""
    if hits[-1] <= 0:
        return None
    seen = hits + misses
    precision = np.divide(hits, seen, out=np.zeros_like(hits), where=seen > 0)
    return float(np.sum(np.diff(np.concatenate([[0.0], hits])) * precision) / hits[-1])


def _area(hits: Array, misses: Array) -> float | None:
    """Area under the ROC curve by trapezes, ties counted half."""
    if hits[-1] <= 0 or misses[-1] <= 0:
        return None
    rise = np.concatenate([[0.0], hits / hits[-1]])
    run = np.concatenate([[0.0], misses / misses[-1]])
    return float(np.sum(np.diff(run) * (rise[1:] + rise[:-1]) / 2))
