"""PURE: makes inputs ready for a method: gaps filled, numbers scaled, words one-hot; fitted on training rows only."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from experiments.estimators.catalog import FAMILIES
from experiments.estimators.family import Family
from experiments.matrices import Layout

MANY_WORDS = 20  # columns with more different words than this keep the most frequent ones and group the rest


def pipeline(
    family: Family,
    kind: str,
    settings: Mapping[str, Any],
    layout: Layout,
    seed: int,
    others: Mapping[str, Mapping[str, Any]] | None = None,
) -> Pipeline:
    """Preparation and estimator as one unfitted Pipeline over the matrix that `layout` describes.

    `others` are the run's other methods with their settings; only a method that combines looks at them.
    """
    if family.combine:
        members = [
            (key, pipeline(FAMILIES[key], kind, given, layout, seed))
            for key, given in (others or {}).items()
            if FAMILIES[key].make
        ]
        return Pipeline([("model", family.combine(kind, settings, seed, members))])
    assert family.make is not None
    return Pipeline([("prepare", preparation(family.prepare, layout)), ("model", family.make(kind, settings, seed))])


def preparation(style: str, layout: Layout) -> ColumnTransformer:
    """The column transformer: a number step in one of three styles, and one-hot words with a place for unseen ones."""
    steps: list[tuple[str, Any, list[int]]] = []
    if layout.numbers:
        steps.append(("numbers", _numbers(style), layout.numbers))
    if layout.words:
        words = OneHotEncoder(
            handle_unknown="infrequent_if_exist", max_categories=MANY_WORDS, sparse_output=False, dtype=np.float64
        )
        steps.append(("words", words, layout.words))
    return ColumnTransformer(steps, remainder="drop", sparse_threshold=0.0, verbose_feature_names_out=False)


def _numbers(style: str) -> Any:
    if style == "raw":
        return StandardScaler()  # leaves gaps as gaps, which boosted trees learn from
    fill = SimpleImputer(strategy="median", keep_empty_features=True)
    return Pipeline([("fill", fill), ("scale", StandardScaler())]) if style == "scaled" else fill
