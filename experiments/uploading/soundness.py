"""PURE: whether the inside of a strange model is sound, so that native code that walks it is not led astray.

Types alone do not make a file harmless: a tree whose branch leads outside of its own nodes makes scikit-learn's
compiled code read foreign memory or never end, and a vectorizer may be told to read files.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from experiments.uploading.looking import refused

NATIVE = ("lightgbm.", "xgboost.")
MOST_PARTS, MOST_ROWS = 2_000_000, 10


def refuse_unsound(model: Any) -> None:
    """Look at every part of a loaded model; Invalid says which one is not whole."""
    for part in parts_of(model):
        name = type(part).__name__
        if type(part).__module__.startswith(NATIVE):
            raise refused(f"{name} keeps its trees in a format of its own that cannot be checked here.")
        if check := _CHECKS.get(name):
            sound = False
            try:
                sound = check(part)
            except (AttributeError, KeyError, TypeError, ValueError, IndexError):
                sound = False
            if not sound:
                raise refused(f"The file is damaged: a {name} in it does not hold together.", code="unsound_model")


def refuse_astray(ours: Any, matrix: Any) -> None:
    """An ONNX model is given some rows, to see that its forests look at no more columns than reach them."""
    if (look := getattr(ours.pipeline, "refuse_astray", None)) and len(matrix):
        look(ours.given(matrix[:MOST_ROWS]))


def parts_of(model: Any) -> Iterator[Any]:
    """Every object in a model, each once."""
    seen: set[int] = set()
    waiting = [model]
    while waiting:
        part = waiting.pop()
        if id(part) in seen or isinstance(part, str | bytes | int | float | bool | type(None)):
            continue
        seen.add(id(part))
        if len(seen) > MOST_PARTS:
            raise refused("The model has more parts than can be checked.")
        yield part
        if isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, list | tuple):
            waiting.extend(part)
        elif isinstance(part, np.ndarray):
            waiting.extend(part.ravel().tolist() if part.dtype == object else [])
        else:
            waiting.extend(getattr(part, "__dict__", {}).values())


def _tree(tree: Any) -> bool:
    left, right = np.asarray(tree.children_left), np.asarray(tree.children_right)
    leaf = left == -1
    return _leads_down(left[~leaf], right[~leaf], np.flatnonzero(~leaf), left.size) and _looks_at(
        np.asarray(tree.feature)[~leaf], int(tree.n_features)
    )


def _estimator(estimator: Any) -> bool:
    """A tree looks at no more columns than its estimator lets through."""
    if not hasattr(estimator, "tree_"):
        return True  # the pattern that a forest's trees are made from; it answers nothing
    looked = int(estimator.tree_.n_features)
    return looked == int(getattr(estimator, "n_features_in_", looked))  # a tree of a forest does not say


def _forest(forest: Any) -> bool:
    return all(int(one.tree_.n_features) == int(forest.n_features_in_) for one in forest.estimators_)


def _steps(predictor: Any) -> bool:
    nodes = predictor.nodes
    inner = ~nodes["is_leaf"].astype(bool)
    branches = nodes[inner]
    sets = int(np.asarray(predictor.raw_left_cat_bitsets).shape[0])
    coded = branches[branches["is_categorical"].astype(bool)]
    down = _leads_down(
        branches["left"].astype(np.int64), branches["right"].astype(np.int64), np.flatnonzero(inner), nodes.size
    )
    return down and bool((coded["bitset_idx"] < max(sets, 0)).all())


def _boosted(model: Any) -> bool:
    """Every tree looks only at columns that there are."""
    coded = getattr(model, "is_categorical_", None)
    count = int(model.n_features_in_) if coded is None else len(coded)
    trees = [one for step in model._predictors for one in step]
    return all(_looks_at(one.nodes["feature_idx"].astype(np.int64), count) for one in trees)


def _machine(machine: Any) -> bool:
    vectors, support = np.asarray(machine.support_vectors_), np.asarray(machine._n_support)
    wide = machine.kernel == "precomputed" or vectors.shape[1] == machine.n_features_in_
    whole = (support >= 0).all() and int(support.sum()) == vectors.shape[0]
    return bool(wide and whole and np.asarray(machine._dual_coef_).shape[1] == vectors.shape[0])


def _texts(vectorizer: Any) -> bool:
    """It reads what it is given, no files."""
    return bool(vectorizer.input == "content")


def _leads_down(left: Any, right: Any, places: Any, count: int) -> bool:
    """Both branches lead to a later node, so every walk ends, and inside."""
    ends = np.concatenate([left, right])
    return bool((ends > np.concatenate([places, places])).all() and (ends < count).all())


def _looks_at(features: Any, count: int) -> bool:
    return bool((features >= 0).all() and (features < count).all())


_CHECKS = {
    "Tree": _tree,
    "TreePredictor": _steps,
    "TfidfVectorizer": _texts,
    "SVC": _machine,
    "SVR": _machine,
    "OneClassSVM": _machine,
    **dict.fromkeys(("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"), _boosted),
    **dict.fromkeys(
        ("DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor"), _estimator
    ),
    **dict.fromkeys(
        ("RandomForestClassifier", "RandomForestRegressor", "ExtraTreesClassifier", "ExtraTreesRegressor"), _forest
    ),
}
