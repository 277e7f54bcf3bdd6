"""PURE: rows with how unusual they are: what share is flagged, whether other seeds flag the same, and, where some rows'
answers are known, whether the unusual ones are those that are looked for.

`truth` is 1 for a known case, 0 for a known other row, NaN where nobody knows. With no known row of both kinds the
metrics that need them are undefined. The share k counts rows from the most unusual down, equal scores in their order.
"""

import math
from collections.abc import Sequence

import numpy as np

from experiments.evaluation.metrics import Array, Binary

CHECKED = ("roc_auc", "average_precision", "recall_at_share", "precision_at_share")
ODD_KEYS = ("flagged_share", "flag_stability", *CHECKED)
UNDEFINED_ODD = {
    "flag_stability": "it was not learned again, or no row is flagged",
    **dict.fromkeys(CHECKED, "no column with known answers was named, or the held-back rows have only one"),
}


class Odd:
    """Scores of rows, what is flagged from `edge` on, and what other seeds flag."""

    def __init__(self, truth: Array, score: Array, edge: float, share: float, others: Sequence[Array] = ()) -> None:
        self.truth, self.score = np.asarray(truth, dtype=np.float64), np.asarray(score, dtype=np.float64)
        self.edge, self.share = edge, share
        self.flagged = self.score > edge
        self.others = [np.asarray(one, dtype=bool) for one in others]
        self.known = ~np.isnan(self.truth)
        truth, score = self.truth[self.known], self.score[self.known]
        self._ranked = Binary(truth, score) if truth.size else None
        self._order = np.argsort(-score, kind="stable")

    def part(self, rows: Array) -> "Odd":
        """The same for some of the rows, by a mask or by places."""
        return Odd(self.truth[rows], self.score[rows], self.edge, self.share, [one[rows] for one in self.others])

    def value(self, key: str, weights: Array | None = None) -> float | None:
        """One metric; with weights a row counts so often."""
        if key == "flag_stability":
            found = self.agreements()
            return float(np.mean(found)) if found else None
        w = np.ones(self.score.size) if weights is None else weights
        if key == "flagged_share":
            return float(w @ self.flagged / w.sum()) if w.sum() > 0 else None
        if self._ranked is None:
            return None
        own = w[self.known]
        if key in ("roc_auc", "average_precision"):
            return self._ranked.value(key, own)
        found_rows, cases = self._at_share(own), float(own @ self._ranked.truth)
        bottom = cases if key == "recall_at_share" else found_rows[1]
        return found_rows[0] / bottom if bottom > 0 and cases > 0 else None

    def values(self, weights: Array | None = None) -> dict[str, float | None]:
        """All metrics."""
        return {key: self.value(key, weights) for key in ODD_KEYS}

    def _at_share(self, w: Array) -> tuple[float, float]:
        """Of the most unusual rows that make up the share: how many are known cases, and how many there are."""
        assert self._ranked is not None
        ordered, truth = w[self._order], self._ranked.truth[self._order]
        most = math.ceil(self.share * float(w.sum()))
        taken = np.clip(most - (np.cumsum(ordered) - ordered), 0, ordered)
        return float(taken @ truth), float(taken.sum())

    def counted(self, key: str) -> tuple[float, float]:
        """What a share is a share of: successes and trials."""
        if key == "flagged_share":
            return float(self.flagged.sum()), float(self.flagged.size)
        assert self._ranked is not None
        cases, taken = self._at_share(np.ones(int(self.known.sum())))
        return cases, float(self._ranked.truth.sum()) if key == "recall_at_share" else taken

    def ranked(self) -> Binary | None:
        """The known rows with their scores."""
        return self._ranked

    def agreements(self) -> list[float]:
        """Of the rows that this or another seed flags, the share that both do."""
        either = [(self.flagged | other).sum() for other in self.others]
        both = [(self.flagged & other).sum() for other in self.others]
        return [float(b / e) for b, e in zip(both, either, strict=True) if e]
