"""PURE: what every reader hands over: one Parquet file with its schema and notes per column."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from datasets.reading.cells import ARROW, Column
from datasets.reading.findings import ColumnNotes
from datasets.reading.limits import MAX_ROWS
from problems.problem import TooLarge
from storage import tables


@dataclass(frozen=True)
class Written:
    """A finished table on disk."""

    path: Path
    rows: int
    columns: list[Column]

    @property
    def schema(self) -> list[dict[str, Any]]:
        """The schema as it is kept: name, type, and whether cells are missing."""
        return [
            {
                "name": column.name,
                "type": column.type,
                "nullable": bool(column.notes.empty or column.notes.blank or not column.found),
            }
            for column in self.columns
        ]

    @property
    def notes(self) -> dict[str, ColumnNotes]:
        """What happened to the cells of each column."""
        return {column.name: column.notes for column in self.columns}


def arrow_schema(columns: Iterable[Column]) -> pa.Schema:
    """The schema of the Parquet file."""
    return pa.schema([pa.field(column.name, ARROW[column.type]) for column in columns])


def write(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Write within the limit of rows; returns how many there are."""
    return tables.write(path, schema, _bounded(batches))


def _bounded(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    rows = 0
    for batch in batches:
        rows += batch.num_rows
        if rows > MAX_ROWS:
            raise TooLarge(f"The file has more than {MAX_ROWS:,} rows. It was not read.", code="too_many_rows")
        yield batch
