"""PURE: looks at inputs before anything is fitted: leaves out what cannot help, and warns of what knows the answer."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from experiments.columns import from_table, numbers_of, unusable, words_of
from experiments.evaluation.classes import Classes
from experiments.evaluation.metrics import Array, Binary, Numbers
from experiments.matrices import GAP, layout_of
from experiments.references import is_text

LEAK_AT = 0.99
SUM_LEAK_AT = 0.999
MOST_ROWS = 20_000
KNOWS = {
    "binary": "ranks the answer right",
    "multiclass": "gives each answer right",
    "regression": "explains the answer",
}
Notice = dict[str, str]
Field = Mapping[str, Any]


def kept_inputs(train: pa.Table, inputs: Sequence[Field]) -> tuple[list[Field], list[Notice]]:
    """The inputs that can be learned from, judged on training rows only, and a notice for each that was left out."""
    kept: list[Field] = []
    notices: list[Notice] = []
    for field in inputs:
        why = _unfit(train.column(field["name"]), field) or _twin(train, field, kept)
        if why:
            notices.append({"column": field["name"], "text": f"{field['name']} was left out: {why}."})
        else:
            kept.append(field)
    return kept, notices


def odd_numbers(table: pa.Table, inputs: Sequence[Field]) -> list[Notice]:
    """A notice for each number column with values that cannot be used (infinite, or beyond 1e30)."""
    found = []
    for field in inputs:
        if field["type"] in ("integer", "number") and (count := unusable(table.column(field["name"]))):
            text = f"{field['name']}: {count} values are infinite or beyond 1e30 and count as missing."
            found.append({"column": field["name"], "text": text})
    return found


def _unfit(column: pa.ChunkedArray, field: Field) -> str:
    kind = field["type"]
    present = len(column) - column.null_count
    if not present:
        return "it is empty in all training rows"
    values = column.drop_null()
    distinct = pc.count_distinct(values).as_py()
    if distinct == 1 and not column.null_count:
        return "it has the same value in all training rows"
    if is_text(field):
        texts = " ".join(str(value) for value in values.slice(0, MOST_ROWS).to_pylist())
        return "" if re.search(r"\w\w", texts) else "its texts hold no words"
    if present >= 20 and kind == "text" and distinct >= 0.9 * present:
        return "it looks like an identifier, nearly every row has its own"
    if present >= 20 and kind == "integer" and distinct == present and _counts_rows(values, present):
        return "it looks like an identifier, it counts the rows"
    return ""


def _counts_rows(values: pa.ChunkedArray, present: int) -> bool:
    """Whole numbers, all different, that fill most of their range: a row number of which some rows are held back."""
    ends = pc.min_max(values).as_py()
    return bool(ends["max"] - ends["min"] + 1 <= 2 * present)


def _twin(train: pa.Table, field: Field, kept: Sequence[Field]) -> str:
    column = train.column(field["name"])
    for other in kept:
        if other["type"] == field["type"] and column.equals(train.column(other["name"])):
            return f"it is the same as {other['name']}"
    return ""


def leaks(
    train: pa.Table, test: pa.Table, inputs: Sequence[Field], answer: str, truth: tuple[Array, Array]
) -> list[Notice]:
    """Warnings of inputs that know the answer: one alone (a small tree on it scores above 0.99 on held-back rows), or
    numbers that add up to it. `truth` is that of training and held-back rows: 0/1 places of classes, or
    numbers; `answer` is the kind.
    """
    train, test, truth = _bounded(train, test, truth)
    warnings = []
    for field in (one for one in inputs if not is_text(one)):
        if (score := _alone(train, test, field, answer, truth)) is not None and score > LEAK_AT:
            what = KNOWS[answer]
            text = (
                f"{field['name']} looks like it knows the answer: alone it {what} in {100 * score:.1f} of 100. "
                "If it is filled in only after the fact, leave it out."
            )
            warnings.append({"column": field["name"], "text": text})
    if answer == "regression" and not warnings and (parts := _sum_of(train, test, inputs, truth)):
        text = (
            f"{' and '.join(parts)} add up to the answer: together they give it almost exactly. "
            "If they are known only when the answer is known, leave them out."
        )
        warnings.append({"column": ", ".join(parts), "text": text})
    return warnings


def _bounded(
    train: pa.Table, test: pa.Table, truth: tuple[Array, Array]
) -> tuple[pa.Table, pa.Table, tuple[Array, Array]]:
    """At most `MOST_ROWS` evenly spaced rows of each part."""

    def places(rows: int) -> Array:
        return np.unique(np.linspace(0, rows - 1, min(rows, MOST_ROWS)).astype(int))

    first, second = places(train.num_rows), places(test.num_rows)
    return train.take(first), test.take(second), (truth[0][first], truth[1][second])


def _alone(train: pa.Table, test: pa.Table, field: Field, answer: str, truth: tuple[Array, Array]) -> float | None:
    """How well a small tree on one input does on held-back rows: ROC AUC balanced accuracy or R²."""
    layout = layout_of([field])
    seen, held = _as_numbers(train, test, field, layout)
    shared: dict[str, Any] = {"max_leaf_nodes": 64, "min_samples_leaf": 5, "random_state": 0}
    if answer == "binary":
        tree = DecisionTreeClassifier(**shared).fit(seen, truth[0])
        return Binary(truth[1], tree.predict_proba(held)[:, -1]).value("roc_auc")
    if answer == "multiclass":
        several = DecisionTreeClassifier(**shared | {"max_leaf_nodes": 256}).fit(seen, truth[0])
        names = [""] * (1 + int(max(part.max() for part in truth)))
        return Classes(truth[1], None, names, several.predict(held)).value("balanced_accuracy")
    tree = DecisionTreeRegressor(**shared).fit(seen, truth[0])
    return Numbers(truth[1], tree.predict(held)).value("r2")


def _as_numbers(train: pa.Table, test: pa.Table, field: Field, layout: Any) -> tuple[Array, Array]:
    if field["type"] not in ("text", "boolean"):
        return from_table(train, layout).astype(np.float64), from_table(test, layout).astype(np.float64)
    words = words_of(train.column(field["name"]))
    known = {value: number for number, value in enumerate(sorted(set(words) | {GAP}))}
    seen = np.array([[known[value]] for value in words], dtype=np.float64)
    held = np.array([[known.get(value, -1)] for value in words_of(test.column(field["name"]))], dtype=np.float64)
    return seen, held


def _sum_of(train: pa.Table, test: pa.Table, inputs: Sequence[Field], truth: tuple[Array, Array]) -> list[str]:
    """The numbers whose weighted sum is the answer, if there are such."""
    names = [field["name"] for field in inputs if field["type"] in ("integer", "number")]
    if len(names) < 2:
        return []
    seen = np.nan_to_num(np.column_stack([numbers_of(train.column(name)) for name in names]))
    held = np.nan_to_num(np.column_stack([numbers_of(test.column(name)) for name in names]))
    middle, spread = seen.mean(axis=0), seen.std(axis=0)
    spread[spread == 0] = 1.0
    seen, held = (seen - middle) / spread, (held - middle) / spread
    weights, *_ = np.linalg.lstsq(seen, truth[0] - truth[0].mean(), rcond=None)
    found = Numbers(truth[1], held @ weights + truth[0].mean()).value("r2")
    if found is None or found <= SUM_LEAK_AT:
        return []
    return [name for name, weight in zip(names, weights, strict=True) if abs(weight) > 0.02 * float(truth[0].std())]
