"""PURE: makes inputs ready for a method: gaps filled, numbers scaled, words one-hot; fitted on training rows only."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

from experiments.estimators.catalog import FAMILIES
from experiments.estimators.family import Family
from experiments.forecasting.naive import SeasonalNaive
from experiments.matrices import Layout

MANY_WORDS = 20  # columns with more different words than this keep the most frequent ones and group the rest
BINS, MOST_TERMS, MOST_DENSE = 10, 20_000, 500


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
    if kind == "forecast":
        if family.key == "dummy":
            return Pipeline([("model", SeasonalNaive())])
        kind = "regression"
    if family.combine:
        members = [
            (key, pipeline(FAMILIES[key], kind, given, layout, seed))
            for key, given in (others or {}).items()
            if FAMILIES[key].make
        ]
        return Pipeline([("model", family.combine(kind, settings, seed, members))])
    assert family.make is not None
    if family.key == "dummy" and kind == "clustering":  # as many groups at random as the methods look for
        settings = {"groups": max((given["groups"] for given in (others or {}).values()), default=4)}
    prepare = preparation(family, kind, layout, seed)
    return Pipeline([("prepare", prepare), ("model", family.make(kind, settings, seed))])


def preparation(family: Family, kind: str, layout: Layout, seed: int) -> ColumnTransformer:
    """The column transformer: one step for all columns that are treated alike; fitted on training rows only."""
    alike: dict[tuple[str, str, str], list[int]] = {}
    for name, _ in layout.inputs:
        treatment = layout.treatments.get(name, {})
        for place in layout.places[name]:
            if place in layout.words:
                key = ("words", treatment.get("coding", ""), str(place) if treatment.get("coding") == "text" else "")
            else:
                key = ("numbers", treatment.get("gaps", ""), treatment.get("scale", ""))
            alike.setdefault(key, []).append(place)
    steps: list[tuple[str, Any, Any]] = []
    for key in sorted(alike):  # what is treated as the method likes it comes first
        name = " ".join(part for part in key if part)
        if key[0] == "numbers":
            steps.append((name, _numbers(family.prepare, key[1], key[2]), alike[key]))
        elif key[1] == "text":
            steps.append((name, _text(family.sparse), alike[key][0]))
        else:
            steps.append((name, _words(key[1], family.prepare, kind, seed), alike[key]))
    mostly_zeros = 0.3 if layout.prose and family.sparse else 0.0
    return ColumnTransformer(steps, remainder="drop", sparse_threshold=mostly_zeros, verbose_feature_names_out=False)


def _numbers(style: str, gaps: str, scale: str) -> Any:
    """Raw leaves gaps as gaps, which boosted trees learn from, unless somebody wants them filled."""
    steps: list[tuple[str, Any]] = []
    if gaps or style != "raw" or scale == "bins":
        how = {"mean": "mean", "most_frequent": "most_frequent", "zero": "constant"}.get(gaps, "median")
        fill = {"fill_value": 0.0} if gaps == "zero" else {}
        fitted = SimpleImputer(strategy=how, add_indicator=gaps == "mark", keep_empty_features=True, **fill)
        steps.append(("fill", fitted))
    scale = scale or ("none" if style == "filled" else "standard")
    if scale == "bins":
        steps.append(("bins", KBinsDiscretizer(BINS, encode="onehot-dense", quantile_method="averaged_inverted_cdf")))
    elif scale != "none":
        steps.append(("scale", RobustScaler() if scale == "robust" else StandardScaler()))
    as_it_is = StandardScaler(with_mean=False, with_std=False)  # only makes numbers of what the matrix holds
    return Pipeline(steps) if len(steps) > 1 else steps[0][1] if steps else as_it_is


def _words(coding: str, style: str, kind: str, seed: int) -> Any:
    """Codes of whole words. `target` is cross-fitted: no row's own answer is in its code while training."""
    if not coding:
        return OneHotEncoder(
            handle_unknown="infrequent_if_exist", max_categories=MANY_WORDS, sparse_output=False, dtype=np.float64
        )
    if coding == "ordinal":
        code: Any = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    else:
        answers = {"binary": "binary", "multiclass": "multiclass", "regression": "continuous"}[kind]
        folds = KFold if kind == "regression" else StratifiedKFold
        code = TargetEncoder(target_type=answers, cv=folds(5, shuffle=True, random_state=seed))
    return code if style == "filled" else Pipeline([("code", code), ("scale", StandardScaler())])


def _text(sparse: bool) -> Any:
    """TF-IDF of words and pairs of words; only of the most frequent ones for methods that need dense columns."""
    return TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, max_features=MOST_TERMS if sparse else MOST_DENSE)


def plain_vocabularies(fitted: Any) -> Any:
    """Vocabularies with numbers of Python's own, which are stored a hundred times faster; the same pipeline."""
    if hasattr(fitted, "vocabulary_"):
        fitted.vocabulary_ = {term: int(place) for term, place in fitted.vocabulary_.items()}
    parts = [step for _, step in getattr(fitted, "steps", [])]
    parts += [step for _, step, _ in getattr(fitted, "transformers_", [])]
    parts += list(getattr(fitted, "estimators_", []))
    for part in parts:
        plain_vocabularies(part)
    return fitted
