"""PURE: warnings of held-back rows that are too much like rows to learn from, and of inputs that lie ahead.

Each warning says its reason and what to do. At most `MOST_ROWS` rows of each part are looked at.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from datasets.splitting import Split
from experiments.advice import LEAST_NAMES, REPEATS
from experiments.columns import days_of, words_of
from experiments.matrices import GAP
from experiments.screening import MOST_ROWS, Field, Notice

TWINS_AT, GROUPS_AT, AHEAD_AT = 0.05, 0.2, 0.01
LEAST_COLUMNS = 5  # with fewer, rows are alike by nature


def twins(table: pa.Table, split: Split, names: Sequence[str]) -> list[Notice]:
    """Held-back rows that equal a row to learn from in every input and in the answer."""
    if len(names) < LEAST_COLUMNS + 1:
        return []
    train, test = (table.take(_some(rows)).select(list(names)) for rows in (split.train, split.test))
    seen = set(zip(*(words_of(train.column(name)) for name in names), strict=True))
    again = sum(row in seen for row in zip(*(words_of(test.column(name)) for name in names), strict=True))
    if again < TWINS_AT * test.num_rows:
        return []
    text = (
        f"{again} of {test.num_rows} held-back rows are among the rows to learn from, cell by cell. Remembering is "
        "enough there, so the result is too good. Remove duplicate rows, or hold back whole groups."
    )
    return [{"column": "", "text": text}]


def shared_groups(table: pa.Table, split: Split, names: Sequence[str], by: str) -> list[Notice]:
    """Groups that are on both sides of the split; `by` is the column that the split itself keeps together."""
    found = []
    for name in names:
        if name == by:
            continue
        known, held = (words_of(table.column(name).take(_some(rows))) for rows in (split.train, split.test))
        seen = set(known) - {GAP}
        shared = sum(value in seen for value in held)
        repeats = len(known) >= REPEATS * len(set(known))
        if repeats and len(seen) >= LEAST_NAMES and shared >= GROUPS_AT * len(held):
            text = (
                f"{name} repeats: {shared} of {len(held)} held-back rows share it with rows to learn from. If new ones "
                "will come in use, hold back whole groups of it."
            )
            found.append({"column": name, "text": text})
    return found


def ahead(table: pa.Table, split: Split, inputs: Sequence[Field], asked: Mapping[str, Any], kind: str) -> list[Notice]:
    """Date inputs that lie after the moment of their own row: they may not be known yet when the answer is wanted."""
    if asked["kind"] != "time" or kind not in ("date", "datetime"):
        return []
    rows = _some(np.sort(np.concatenate([split.train, split.test])))
    moments, found = days_of(table.column(asked["column"]).take(rows)), []
    for field in inputs:
        if field["type"] in ("date", "datetime") and field["name"] != asked["column"]:
            later = int((days_of(table.column(field["name"]).take(rows)) > moments + 1).sum())
            if later > AHEAD_AT * len(rows):
                text = (
                    f"{field['name']} lies after {asked['column']} in {later} of {len(rows)} rows: it may not be known "
                    "yet when the answer is wanted. If so, leave it out."
                )
                found.append({"column": field["name"], "text": text})
    return found


def _some(rows: Any) -> Any:
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MOST_ROWS)).astype(int))]
