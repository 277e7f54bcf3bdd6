"""PURE: a model's answers on rows whose truth is known, whatever the kind of question, and what each row costs.

The judging engines work on these and on a plain `Ask`; a new kind of question joins `KINDS` and `losses`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from experiments.evaluation.metrics import Array, Binary, Numbers
from experiments.matrices import Matrix
from problems.problem import Problem

Held = Binary | Numbers
# The matrix of some rows in, one number for each row out: the chance of the answer looked for, or the number itself.
Ask = Callable[[Matrix], Array]
KINDS = ("binary", "regression")


@dataclass(frozen=True)
class Judge:
    """A model as the judging engines see it: how it is asked, and how its answers are held against the truth."""

    kind: str
    ask: Ask
    threshold: float = 0.5

    def said(self, matrix: Matrix) -> Array:
        """One finite number for each row; anything else is a Problem, never a gap that vanishes in a mean."""
        found = np.asarray(self.ask(matrix), dtype=np.float64)
        if found.shape != (len(matrix),) or not np.isfinite(found).all():
            bad = int((~np.isfinite(found)).sum()) if found.shape == (len(matrix),) else len(matrix)
            raise Problem(f"The model gave no usable answer for {bad} of {len(matrix)} rows.", code="no_answer")
        return found

    def held(self, matrix: Matrix, truth: Array) -> Held:
        """Its answers on these rows beside their truth."""
        return hold(self.kind, truth, self.said(matrix), self.threshold)


def hold(kind: str, truth: Array, said: Array, threshold: float | None = None) -> Held:
    """Answers beside the truth."""
    if kind == "binary":
        return Binary(truth, said, 0.5 if threshold is None else threshold)
    if kind == "regression":
        return Numbers(truth, said)
    raise Problem(f"There is no way to judge a {kind} question yet.", code="unknown_kind")


@dataclass(frozen=True)
class Losses:
    """What rows cost by one metric. `rows` are the places of rows that count; `cost` is theirs, larger is worse.

    A mean of costs is a metric again: `value = 1 - mean` where `of_1` (shares of right answers), else the mean, or its
    root where `root`. `by` is the metric that this is: a metric that rows cannot be charged with one by one, as the
    area under a curve, is stood for by one that they can.
    """

    by: str
    rows: Array
    cost: Array
    of_1: bool = False
    root: bool = False

    def value(self, mean: float) -> float:
        """The metric of a mean cost."""
        return 1 - mean if self.of_1 else float(np.sqrt(max(0.0, mean))) if self.root else mean


def losses(held: Held, metric: str) -> Losses:
    """Each row's part in a metric."""
    if isinstance(held, Numbers):
        if metric in ("rmse", "r2"):
            return Losses("rmse", np.arange(held.truth.size), held.error**2, root=True)
        return Losses("mae", np.arange(held.truth.size), held.size)
    wrong = (held.flagged != held.truth).astype(np.float64)
    counted = {"recall": held.truth == 1, "specificity": held.truth == 0, "precision": held.flagged == 1}
    if metric in counted:
        rows = np.flatnonzero(counted[metric])
        return Losses(metric, rows, wrong[rows], of_1=True)
    if metric in ("accuracy", "f1"):
        return Losses("accuracy", np.arange(held.truth.size), wrong, of_1=True)
    return Losses("brier", np.arange(held.truth.size), (held.chance - held.truth) ** 2)
