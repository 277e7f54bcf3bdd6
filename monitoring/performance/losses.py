"""PURE: how far off an answer in numbers probably is, learned on held-back rows: direct loss estimation.

Boosted trees learn the size of the error from the inputs and the answer itself (NannyML's DLE, 2022). They are kept as
plain numbers, so that a check neither learns again nor opens foreign bytes. The square of an error is taken as a fixed
multiple of the square of its probable size: trees on squares would follow a few huge errors. How well the sum of losses
is met on rows that the trees did not see is kept as `doubt`; how rows scatter around it as `spread`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.signatures import word

Array = np.ndarray[Any, Any]
LEAST_ROWS, MOST_ROWS, TREES, DEPTH, FOLDS, SEED = 100, 20_000, 40, 3, 5, 7
SHRINK = 20  # a rare category leans on the mean of all by as many rows


def learned(
    rows: Sequence[Mapping[str, Any]], fields: Sequence[Mapping[str, Any]], answers: Array, truth: Array
) -> dict[str, Any] | None:
    """`rows` as they would be asked, `fields` of the signature, equally many `answers` and `truth`. Plain JSON."""
    if answers.size < LEAST_ROWS:
        return None
    sizes = np.abs(truth - answers)
    places = [_place(field, [row.get(field["name"]) for row in rows], sizes) for field in fields]
    matrix = _matrix(places, rows, answers)
    return {"places": places} | _fitted(matrix, sizes)


def probable(kept: dict[str, Any], rows: Sequence[Mapping[str, Any]], answers: Array) -> tuple[Array, Array]:
    """The probable size of each answer's error, and of its square."""
    matrix = _matrix(kept["places"], rows, answers)
    sizes = np.maximum(_asked(kept, matrix), 0.0)
    return sizes, kept["times"] * sizes**2


def _place(field: Mapping[str, Any], values: list[Any], sizes: Array) -> dict[str, Any]:
    """How an input becomes a number: itself, or the mean error of its category."""
    if field["type"] in ("number", "integer"):
        numbers = [float(value) for value in values if isinstance(value, int | float)]
        return {"name": field["name"], "gap": float(np.median(numbers)) if numbers else 0.0}
    overall, sums = float(sizes.mean()), dict[str, list[float]]()
    for value, size in zip(values, sizes.tolist(), strict=True):
        sums.setdefault(word(value), []).append(size)
    codes = {key: (sum(own) + SHRINK * overall) / (len(own) + SHRINK) for key, own in sums.items() if len(own) > 1}
    return {"name": field["name"], "gap": overall, "codes": codes}


def _matrix(places: Sequence[dict[str, Any]], rows: Sequence[Mapping[str, Any]], answers: Array) -> Array:
    columns = [answers.astype(np.float64)]
    for place in places:
        name, gap, codes = place["name"], place["gap"], place.get("codes")
        if codes is None:
            found = [value if isinstance(value := row.get(name), int | float) else gap for row in rows]
        else:
            found = [codes.get(word(row.get(name)), gap) for row in rows]
        columns.append(np.nan_to_num(np.array(found, dtype=np.float64), nan=gap))
    return np.column_stack(columns)


def _fitted(matrix: Array, sizes: Array) -> dict[str, Any]:
    """The trees; and how well both losses are met on rows that each tree did not see."""
    fold = np.random.default_rng(SEED).permutation(sizes.size) % FOLDS
    said = np.empty_like(sizes)
    for number in range(FOLDS):
        out = fold == number
        said[out] = np.maximum(_trees(matrix[~out], sizes[~out]).predict(matrix[out]), 0.0)
    model = _trees(matrix, sizes)
    times = float((sizes**2).sum() / max((said**2).sum(), 1e-300))
    return {
        "start": float(model.init_.constant_.ravel()[0]),
        "rate": float(model.learning_rate),
        "trees": [_plain(tree[0].tree_) for tree in model.estimators_],
        "times": times,
        "mae": _met(sizes, said, fold),
        "rmse": _met(sizes**2, times * said**2, fold),
    }


def _met(happened: Array, said: Array, fold: Array) -> dict[str, float]:
    """`doubt`: the relative standard error of a mean loss; `spread`: the standard deviation of one loss around it."""
    ratios = [float(happened[fold == i].sum() / max(said[fold == i].sum(), 1e-300)) for i in range(FOLDS)]
    return {"doubt": float(np.std(ratios, ddof=1) / np.sqrt(FOLDS)), "spread": float((happened - said).std())}


def _trees(matrix: Array, wanted: Array) -> Any:
    from sklearn.ensemble import GradientBoostingRegressor

    model = GradientBoostingRegressor(
        n_estimators=TREES, max_depth=DEPTH, min_samples_leaf=20, subsample=0.7, random_state=SEED
    )
    return model.fit(matrix, wanted)


def _plain(tree: Any) -> dict[str, list[float]]:
    return {
        "feature": tree.feature.tolist(),
        "at_most": tree.threshold.tolist(),
        "left": tree.children_left.tolist(),
        "right": tree.children_right.tolist(),
        "value": tree.value.ravel().tolist(),
    }


def _asked(kept: dict[str, Any], matrix: Array) -> Array:
    """What the kept trees say of each row."""
    total, rows = np.full(len(matrix), float(kept["start"])), np.arange(len(matrix))
    matrix = matrix.astype(np.float32)  # as scikit-learn compares
    for tree in kept["trees"]:
        feature, at_most = np.array(tree["feature"]), np.array(tree["at_most"])
        left, right = np.array(tree["left"]), np.array(tree["right"])
        node = np.zeros(len(matrix), np.int64)
        for _ in range(DEPTH):
            inner = left[node] >= 0
            goes = matrix[rows, np.maximum(feature[node], 0)] <= at_most[node]
            node = np.where(inner, np.where(goes, left[node], right[node]), node)
        total += kept["rate"] * np.array(tree["value"])[node]
    return total
