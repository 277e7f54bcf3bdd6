"""PURE: fitted estimators of scikit-learn as plain arrays. What is not listed here is served by its stored pipeline."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from experiments.compiled.preparing import NotCompilable

Array = np.ndarray[Any, Any]
Arrays = dict[str, Array]
KNOWN, SETS = 256, 512


def arrays_of(estimator: Any) -> tuple[str, Arrays]:
    """(link, arrays) of a fitted estimator; the arrays hold `weights`, or the fields of `Trees`, and `start`."""
    name = type(estimator).__name__
    if name not in READERS:
        raise NotCompilable(f"{name} is not known to the compiler.")
    return READERS[name](estimator)


def _linear(estimator: Any) -> tuple[str, Arrays]:
    weights = np.atleast_2d(np.asarray(estimator.coef_, dtype=np.float64))
    start = np.broadcast_to(np.asarray(estimator.intercept_, dtype=np.float64), (len(weights),)).copy()
    link = "identity"
    if hasattr(estimator, "classes_"):
        link = "sigmoid" if len(weights) == 1 else "softmax"
    return link, {"weights": weights, "start": start}


def _constant_chance(estimator: Any) -> tuple[str, Arrays]:
    if estimator.strategy != "prior":
        raise NotCompilable("This yardstick is not known to the compiler.")
    chances = np.asarray(estimator.class_prior_, dtype=np.float64)
    return "chances", {"weights": np.zeros((len(chances), 0)), "start": chances}


def _constant_number(estimator: Any) -> tuple[str, Arrays]:
    start = np.asarray(estimator.constant_, dtype=np.float64).ravel()
    return "identity", {"weights": np.zeros((1, 0)), "start": start}


def _forest(estimator: Any) -> tuple[str, Arrays]:
    return _averaged(estimator, [one.tree_ for one in estimator.estimators_])


def _tree(estimator: Any) -> tuple[str, Arrays]:
    return _averaged(estimator, [estimator.tree_])


def _averaged(estimator: Any, grown: Sequence[Any]) -> tuple[str, Arrays]:
    classes = hasattr(estimator, "classes_")
    parts: list[Arrays] = []
    for tree in grown:
        value = np.asarray(tree.value[:, 0, :], dtype=np.float64)
        if classes:
            value = value / value.sum(axis=1, keepdims=True)
        parts.append(
            {
                "feature": tree.feature,
                "threshold": tree.threshold,
                "left": tree.children_left,
                "right": tree.children_right,
                "missing_left": tree.missing_go_to_left.astype(bool),
                "value": value / len(grown),
            }
        )
    outputs = parts[0]["value"].shape[1]
    if classes and outputs == 2:  # the chance of the second says that of the first
        parts = [part | {"value": part["value"][:, 1:]} for part in parts]
    link = "identity" if not classes else "chance" if outputs == 2 else "chances"
    return link, _joined(parts) | _no_sets(parts) | {"start": np.zeros(1), "single": np.array(True)}


def _no_sets(parts: Sequence[Arrays]) -> Arrays:
    nodes = sum(len(part["left"]) for part in parts)
    return {"set_of": np.full(nodes, -1, dtype=np.int32), "sets": np.zeros((0, SETS), dtype=bool)}


def _joined(parts: Sequence[Arrays]) -> Arrays:
    """Trees in one row of nodes, their children counted through."""
    starts = np.cumsum([0, *(len(part["left"]) for part in parts[:-1])]).astype(np.int32)
    found: Arrays = {"starts": starts}
    for name in ("feature", "threshold", "missing_left", "value"):
        found[name] = np.concatenate([part[name] for part in parts])
    for name in ("left", "right"):
        moved = [np.where(part[name] < 0, -1, part[name] + start) for part, start in zip(parts, starts, strict=True)]
        found[name] = np.concatenate(moved).astype(np.int32)
    return found | {"feature": found["feature"].astype(np.int32), "threshold": found["threshold"].astype(np.float64)}


def _histogram(estimator: Any) -> tuple[str, Arrays]:
    start = np.asarray(estimator._baseline_prediction, dtype=np.float64).ravel()
    parts: list[Arrays] = []
    sets: list[Array] = []
    known, place_of = estimator._bin_mapper.make_known_categories_bitsets()
    for step in estimator._predictors:
        for output, grown in enumerate(step):
            parts.append(_histogram_tree(grown, output, len(start), sets, lambda feature: known[place_of[feature]]))
    joined = _joined(parts) | {"set_of": np.concatenate([part["set_of"] for part in parts])}
    joined["sets"] = np.array(sets, dtype=bool).reshape(len(sets), SETS)
    link = "identity"
    if hasattr(estimator, "classes_"):
        link = "sigmoid" if len(start) == 1 else "softmax"
    elif type(estimator._loss.link).__name__ != "IdentityLink":
        raise NotCompilable("This loss of boosted trees is not known to the compiler.")
    return link, joined | {"start": start, "single": np.array(False)}


def _histogram_tree(
    grown: Any, output: int, outputs: int, sets: list[Array], known_of: Callable[[int], Array]
) -> Arrays:
    nodes = grown.nodes
    leaf = nodes["is_leaf"].astype(bool)
    value = np.zeros((len(nodes), outputs))
    value[leaf, output] = nodes["value"][leaf]
    set_of = np.full(len(nodes), -1, dtype=np.int32)
    for place in np.flatnonzero(nodes["is_categorical"].astype(bool) & ~leaf):
        set_of[place] = len(sets)
        left = grown.raw_left_cat_bitsets[nodes["bitset_idx"][place]]
        known = known_of(int(nodes["feature_idx"][place]))
        sets.append(np.concatenate([_members(left), _members(known)]))
    return {
        "feature": nodes["feature_idx"],
        "threshold": nodes["num_threshold"],
        "left": np.where(leaf, -1, nodes["left"].astype(np.int64)),
        "right": np.where(leaf, -1, nodes["right"].astype(np.int64)),
        "missing_left": nodes["missing_go_to_left"].astype(bool),
        "value": value,
        "set_of": set_of,
    }


def _members(bits: Array) -> Array:
    """Which of 256 categories are in eight words of 32 bits."""
    return np.unpackbits(np.ascontiguousarray(bits, dtype="<u4").view(np.uint8), bitorder="little").astype(bool)


READERS: dict[str, Callable[[Any], tuple[str, Arrays]]] = {
    "LogisticRegression": _linear,
    "Ridge": _linear,
    "LinearRegression": _linear,
    "Lasso": _linear,
    "ElasticNet": _linear,
    "DummyClassifier": _constant_chance,
    "DummyRegressor": _constant_number,
    "RandomForestClassifier": _forest,
    "RandomForestRegressor": _forest,
    "ExtraTreesClassifier": _forest,
    "ExtraTreesRegressor": _forest,
    "DecisionTreeClassifier": _tree,
    "DecisionTreeRegressor": _tree,
    "HistGradientBoostingClassifier": _histogram,
    "HistGradientBoostingRegressor": _histogram,
}
