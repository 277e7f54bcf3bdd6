"""PURE: how a method learned step by step, where it learns in steps: boosted trees by round, networks by epoch.

The loss of each step is measured on a sample of the rows to learn from and of the held-back ones. The held-back rows
choose nothing here: the curve only shows whether the method still learned, or learned by heart.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from experiments.evaluation.metrics import Array

MOST_ROWS, MOST_STEPS, MOST_CALLS = 1000, 60, 12  # a library that is asked anew for each step is asked seldom
Sides = Mapping[str, tuple[Array, Array]]  # train and held_back: matrix and truth


def series_of(model: Pipeline, sides: Sides) -> list[dict[str, Any]]:
    """[{key, points: [[step, loss], …]}], empty for a method that does not learn in steps.

    `train.log_loss` and `held_back.log_loss` where answers are words (their places as truth), `….rmse` for numbers.
    """
    estimator = model[-1]
    inner = getattr(estimator, "regressor_", estimator)
    if hasattr(inner, "loss_curve_"):
        return [{"key": "train.loss", "points": [[step, float(v)] for step, v in enumerate(inner.loss_curve_, 1)]}]
    found = []
    for side, (matrix, truth) in sides.items():
        places = np.linspace(0, len(truth) - 1, min(MOST_ROWS, len(truth))).astype(int)
        picked, known = matrix[places], truth[places]
        prepared = model[:-1].transform(picked) if len(model) > 1 else picked  # an ensemble prepares inside
        points = [[step, _loss(said, known)] for step, said in _staged(estimator, prepared)]
        if points:
            found.append({"key": f"{side}.{_named(estimator)}", "points": points})
    return found


def _named(estimator: Any) -> str:
    return "log_loss" if hasattr(estimator, "predict_proba") else "rmse"


def _staged(estimator: Any, rows: Array) -> Iterator[tuple[int, Array]]:
    """What the estimator said after some of its steps: all of them where they are few, else evenly spread."""
    proba = hasattr(estimator, "predict_proba")
    staged = getattr(estimator, "staged_predict_proba" if proba else "staged_predict", None)
    ask = estimator.predict_proba if proba else estimator.predict
    if staged is not None:
        wanted = set(_steps(_rounds(estimator)))
        yield from ((step, said) for step, said in enumerate(staged(rows), 1) if step in wanted)
    elif type(estimator).__module__.startswith("lightgbm"):
        yield from ((step, ask(rows, num_iteration=step)) for step in _steps(estimator.n_estimators_, MOST_CALLS))
    elif type(estimator).__module__.startswith("xgboost"):
        rounds = estimator.get_booster().num_boosted_rounds()
        yield from ((step, ask(rows, iteration_range=(0, step))) for step in _steps(rounds, MOST_CALLS))


def _rounds(estimator: Any) -> int:
    return int(getattr(estimator, "n_iter_", 0) or len(getattr(estimator, "estimators_", ())) or estimator.n_estimators)


def _steps(rounds: int, most: int = MOST_STEPS) -> list[int]:
    return sorted({round(step) for step in np.linspace(1, rounds, min(most, rounds))})


def _loss(said: Array, truth: Array) -> float:
    """Log loss of chances, in nats; root of the mean squared error of numbers."""
    if said.ndim == 2:
        chances = said[np.arange(len(truth)), truth.astype(int)]
        return float(-np.log(np.clip(chances.astype(np.float64), 1e-15, 1.0)).mean())
    return float(np.sqrt(np.mean((said.astype(np.float64) - truth.astype(np.float64)) ** 2)))
