"""PURE: which columns a scored table has, and the answers of rows as such columns."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pyarrow as pa

from projects.measures import NUMBERS

ROW = "source_row"
ARROW = {"text": pa.string(), "number": pa.float64(), "boolean": pa.bool_(), "integer": pa.int64()}
REFUSED = pa.schema([pa.field(ROW, pa.int64(), nullable=False), pa.field("reason", pa.string(), nullable=False)])
MOST_CLASSES = 50


def answer_fields(signature: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a kind of question answers for each row: the names as over REST, and their types."""
    kind = signature["kind"]
    if kind == "clustering":
        return [("answer", "text"), ("distance", "number")]
    if kind == "anomaly":
        return [("answer", "text"), ("score", "number"), ("flagged", "boolean")]
    if kind in NUMBERS:
        ends = [("low", "number"), ("high", "number")] if signature.get("within") else []
        return [("answer", "number"), *ends]
    if kind == "multiclass":
        classes = signature["classes"][:MOST_CLASSES]
        return [("answer", "text"), ("probability", "number"), *((f"chance_{one}", "number") for one in classes)]
    return [("answer", "text"), ("probability", "number"), ("decision", "text")]


def named(fields: Sequence[tuple[str, str]], taken: Collection[str]) -> list[str]:
    """Names for the columns that are new, none of which is taken by a column that is kept."""
    found: list[str] = []
    for name, _ in fields:
        free, number = name, 2
        while free in taken or free in found:
            free, number = f"{name}_{number}", number + 1
        found.append(free)
    return found


def columns_of(fields: Sequence[tuple[str, str]], said: Sequence[Mapping[str, Any]]) -> list[pa.Array]:
    """The answers of rows, column by column."""
    flat: Sequence[Mapping[str, Any]] = said
    if said and "chances" in said[0]:
        flat = [{**one, **{f"chance_{name}": chance for name, chance in one["chances"].items()}} for one in said]
    return [pa.array([one.get(name) for one in flat], ARROW[kind]) for name, kind in fields]
