"""PURE: a model's answers on rows whose truth is known, whatever the kind of question, and what each row costs.

The judging engines work on these and on a plain `Ask`; a new kind of question joins `hold` and `losses`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from experiments.evaluation.classes import EPSILON, Classes
from experiments.evaluation.forecasts import Forecasts
from experiments.evaluation.intervals import Held, Known
from experiments.evaluation.metrics import Array, Binary, Numbers
from experiments.matrices import Matrix
from problems.problem import Problem
from projects.measures import NUMBERS

# The matrix of some rows in; for each row out the chance of the answer looked for, the number itself, or, where there
# are several answers, a line with the chance of each.
Ask = Callable[[Matrix], Array]


@dataclass(frozen=True)
class Judge:
    """A model as the judging engines see it: how it is asked, and how its answers are held against the truth.

    `names` are the answers of a question with several.
    """

    kind: str
    ask: Ask
    threshold: float = 0.5
    names: Sequence[str] = ()

    def said(self, matrix: Matrix) -> Array:
        """Finite numbers for each row; anything else is a Problem, never a gap that vanishes in a mean."""
        found = np.asarray(self.ask(matrix), dtype=np.float64)
        shape = (len(matrix), len(self.names)) if self.names else (len(matrix),)
        usable: Array = np.zeros(len(matrix), dtype=bool)
        if found.shape == shape:
            usable = np.isfinite(found).reshape(len(matrix), math.prod(shape[1:])).min(axis=1)
        if not usable.all():
            bad = int((~usable).sum())
            raise Problem(f"The model gave no usable answer for {bad} of {len(matrix)} rows.", code="no_answer")
        return found

    def held(self, matrix: Matrix, truth: Array) -> Held:
        """Its answers on these rows beside their truth."""
        return hold(self.kind, truth, self.said(matrix), self.threshold, self.names)

    def about(self, place: int) -> "Judge":
        """The same model, asked for the chance of one of several answers only."""
        return replace(self, kind="binary", ask=lambda matrix: self.said(matrix)[:, place], names=())


def hold(kind: str, truth: Array, said: Array, threshold: float | None = None, names: Sequence[str] = ()) -> Held:
    """Answers beside the truth."""
    if kind == "binary":
        return Binary(truth, said, 0.5 if threshold is None else threshold)
    if kind == "multiclass":
        return Classes(truth, said, list(names))
    if kind not in NUMBERS:
        raise Problem(f"There is no way to judge a question of the kind “{kind}”.", code="unknown_kind")
    return Forecasts(truth, said) if kind == "forecast" else Numbers(truth, said)


def decided(held: Binary | Classes) -> Array:
    """What was decided for each row."""
    return held.said if isinstance(held, Classes) else held.flagged


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


def losses(held: Known, metric: str) -> Losses:
    """Each row's part in a metric."""
    if isinstance(held, Numbers):
        if metric in ("rmse", "r2"):
            return Losses("rmse", np.arange(held.truth.size), held.error**2, root=True)
        return Losses("mae", np.arange(held.truth.size), held.size)
    if isinstance(held, Classes):
        return _of_classes(held, metric)
    wrong = (held.flagged != held.truth).astype(np.float64)
    counted = {"recall": held.truth == 1, "specificity": held.truth == 0, "precision": held.flagged == 1}
    if metric in counted:
        rows = np.flatnonzero(counted[metric])
        return Losses(metric, rows, wrong[rows], of_1=True)
    if metric in ("accuracy", "f1"):
        return Losses("accuracy", np.arange(held.truth.size), wrong, of_1=True)
    return Losses("brier", np.arange(held.truth.size), (held.chance - held.truth) ** 2)


def _of_classes(held: Classes, metric: str) -> Losses:
    """Right or wrong, for every metric of several answers but the log loss."""
    rows = np.arange(held.truth.size)
    if metric == "log_loss" and held.chances is not None:
        chance = held.chances[rows, held.truth] / held.chances.sum(axis=1)
        return Losses("log_loss", rows, -np.log(np.clip(chance, EPSILON, 1 - EPSILON)))
    return Losses("accuracy", rows, (held.said != held.truth).astype(np.float64), of_1=True)
