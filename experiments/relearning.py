"""PURE: a run's chosen method trained again: on folds of its own training rows, and with other seeds."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.columns import from_table
from experiments.estimators.catalog import FAMILIES, UPLOADED
from experiments.estimators.preprocessing import pipeline
from experiments.evaluation.folds import FOLDS, cross_validated, folds
from experiments.evaluation.held import Judge, hold
from experiments.evaluation.intervals import Held
from experiments.evaluation.metrics import Array
from experiments.evaluation.stability import over_seeds
from experiments.matrices import Layout, Matrix
from experiments.packaging import answers_of
from experiments.preparing import prepared
from jobs.report import Silent

SEEDS, MOST_ROWS, LONGEST_FIT = 3, 20_000, 60.0


def relearned(spec: Mapping[str, Any], layout: Layout, judge: Judge, metric: str) -> dict[str, Any]:
    """{folds, seeds, rows}: cross-validation on the training rows, and other seeds judged on the held-back ones.

    Beyond `MOST_ROWS` a seeded sample of the training rows is used, and `rows` says so. A method that took longer than
    `LONGEST_FIT` seconds to train is not trained again; {reason} says so.
    """
    if spec["fit_seconds"] > LONGEST_FIT:
        return {"reason": f"Training it again eight times would take {8 * spec['fit_seconds'] / 60:.0f} minutes."}
    if spec["method"] == UPLOADED:
        return {"reason": "This model was made elsewhere; nothing here can train it again."}
    if spec["method"] not in FAMILIES:
        return {"reason": "This method is not among those that can be trained here."}
    data = prepared(spec, Silent())
    chance = np.random.default_rng(spec["seed"])
    train = np.sort(chance.choice(data.split.train, min(data.split.train.size, MOST_ROWS), replace=False))
    test = np.sort(chance.choice(data.split.test, min(data.split.test.size, MOST_ROWS), replace=False))
    rows = np.concatenate([train, test])
    matrix, truth = from_table(data.table.take(rows), layout), data.truth[rows]
    inside, outside = np.arange(train.size), np.arange(train.size, rows.size)

    def fitted(learn: Array, asked: Array, seed: int) -> Held:
        said = _answers(spec, layout, seed, matrix, truth, learn, asked)
        return hold(judge.kind, truth[asked], said, judge.threshold, judge.names)

    classes = truth[inside] if judge.kind != "regression" else None
    parts = folds(inside, FOLDS, spec["seed"], classes=classes)
    seeds = {spec["seed"] + extra: fitted(inside, outside, spec["seed"] + extra) for extra in range(SEEDS)}
    return {
        "folds": cross_validated(lambda learn, asked: fitted(learn, asked, spec["seed"]), parts, metric),
        "seeds": over_seeds(seeds, metric, spec["seed"]),
        "rows": int(train.size),
        "sampled": bool(train.size < data.split.train.size),
    }


def _answers(
    spec: Mapping[str, Any], layout: Layout, seed: int, matrix: Matrix, truth: Array, learn: Array, asked: Array
) -> Array:
    model = pipeline(FAMILIES[spec["method"]], spec["kind"], spec["settings"], layout, seed)
    model.fit(matrix[learn], truth[learn])
    return answers_of(model, spec["kind"], matrix[asked])
