"""PURE: a batch of live values as an array of numbers, or as counted words; what is of another type is told apart."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from experiments.signatures import word

Column: TypeAlias = pa.Array | pa.ChunkedArray | Sequence[Any]
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Numbers:
    """The finite numbers of a batch, how many rows it has, and in how many something else stands than a number."""

    values: Array
    rows: int
    strange: int


def numbers_in(column: Column) -> Numbers:
    """What is not a finite number counts as missing; what is a word or yes/no counts as strange besides."""
    if not isinstance(column, pa.Array | pa.ChunkedArray):
        column = list(column)
        if bool in set(map(type, column)):  # Arrow would take true for 1
            return _slow(column)
        try:
            column = pa.array(column)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            return _slow(column)
    rows, kind = len(column), column.type
    if pa.types.is_null(kind):
        return Numbers(np.zeros(0), rows, 0)
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)):
        return Numbers(np.zeros(0), rows, rows - column.null_count)
    values = column.drop_null().to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else None
    values = column.drop_null().to_numpy() if values is None else values
    values = values.astype(np.float64)
    return Numbers(values[np.isfinite(values)], rows, 0)


def _slow(values: Sequence[Any]) -> Numbers:
    """Value by value, where a batch holds more than numbers."""
    found, strange = [], 0
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float | None):
            strange += 1
        elif value is not None and isfinite(number := _float(value)):
            found.append(number)
    return Numbers(np.array(found, dtype=np.float64), len(values), strange)


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number of more than three hundred digits
        return float("inf")


@dataclass(frozen=True)
class Words:
    """The words of a batch with their counts, how many rows it has, how many without a word, and how many strange."""

    counts: Counter[str]
    rows: int
    missing: int
    strange: int


def words_in(column: Column, kind: str) -> Words:
    """Counted words; in a column of `text` or `boolean` a value of another type counts as strange besides."""
    if not isinstance(column, pa.Array | pa.ChunkedArray):
        column = list(column)
        try:
            column = pa.array(column, type=pa.string())
        except (pa.ArrowException, TypeError, ValueError):
            return _slow_words(column, kind)
    rows, missing = len(column), column.null_count
    counted = pc.value_counts(column.drop_null())
    pairs = zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True)
    counts: Counter[str] = Counter()
    for value, count in pairs:
        counts[value if isinstance(value, str) else word(value)] += count
    return Words(counts, rows, missing, rows - missing if _strange(column.type, kind) else 0)


def _strange(stored: pa.DataType, kind: str) -> bool:
    stored = stored.value_type if pa.types.is_dictionary(stored) else stored
    if kind == "boolean":
        return not pa.types.is_boolean(stored)
    return kind == "text" and not (pa.types.is_string(stored) or pa.types.is_large_string(stored))


def _slow_words(values: Sequence[Any], kind: str) -> Words:
    wanted = {"text": str, "boolean": bool}.get(kind, object)
    present = [value for value in values if value is not None]
    strange = sum(not isinstance(value, wanted) for value in present)
    return Words(Counter(map(word, present)), len(values), len(values) - len(present), strange)
