"""PURE: Arrow columns as the arrays that training needs, and whole tables as the matrix that pipelines see."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from experiments.matrices import GAP, PARTS, Layout, Matrix
from experiments.signatures import LARGEST, word


def from_table(table: pa.Table, layout: Layout) -> Matrix:
    """The matrix of a table's rows."""
    matrix = np.empty((table.num_rows, layout.width), dtype=object)
    for name, kind in layout.inputs:
        column, places = table.column(name), layout.places[name]
        if kind in PARTS:
            for place, part in zip(places, PARTS[kind], strict=True):
                matrix[:, place] = _part_of(column, part)
        else:
            matrix[:, places[0]] = words_of(column) if kind in ("text", "boolean") else numbers_of(column)
            if name in layout.prose:
                matrix[matrix[:, places[0]] == GAP, places[0]] = ""
    return matrix


def numbers_of(column: pa.ChunkedArray) -> Matrix:
    """A number column as float64; gaps, infinities and numbers beyond 1e30 become NaN."""
    values = pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False).astype(np.float64)
    return np.where(np.abs(values) <= LARGEST, values, np.nan)


def unusable(column: pa.ChunkedArray) -> int:
    """How many values of a number column are infinite, not a number, or beyond 1e30."""
    values = pc.cast(column.drop_null(), pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return int(values.size - np.count_nonzero(np.abs(values) <= LARGEST))


def words_of(column: pa.ChunkedArray) -> Matrix:
    """Any column as words, gaps as `GAP`."""
    return np.array([GAP if value is None else word(value) for value in column.to_pylist()], dtype=object)


def days_of(column: pa.ChunkedArray) -> Matrix:
    """A date or date-and-time column as days since 1970, NaN where missing."""
    return _part_of(column, "days")


def _part_of(column: pa.ChunkedArray, part: str) -> Matrix:
    moments = pc.cast(column, pa.timestamp("us"))
    if part == "days":
        micros = pc.cast(pc.cast(moments, pa.int64()), pa.float64(), safe=False)
        return np.asarray(micros.to_numpy(zero_copy_only=False), dtype=np.float64) / 1e6 / 86_400
    taken = {"month": pc.month, "weekday": pc.day_of_week, "hour": pc.hour}[part](moments)
    return np.asarray(pc.cast(taken, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
