"""PURE: rows whose cells have types already (JSON, Excel): kept on disk while columns are being found, then a table.

A cell is text, a whole number, a number, true or false, a day, a time, or missing. A column of one kind keeps it; whole
numbers and numbers together are numbers where that is exact; any other mix is text, as the values were written.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa

from datasets.reading import names, stated
from datasets.reading.cells import ARROW, EXACT, KINDS, Column, dates, datetimes, zoned
from datasets.reading.findings import Findings
from datasets.reading.limits import MAX_CELL_BYTES
from datasets.reading.options import Options
from datasets.reading.tables import Written, arrow_schema, write
from jobs.report import Report
from problems.problem import Invalid

BATCH = 20_000
INT64 = 2**63
Cell = str | int | float | bool | date | datetime | None


@dataclass
class _Seen:
    """What one column held so far."""

    kinds: set[str] = field(default_factory=set)
    filled: int = 0
    blank: int = 0
    exact: bool = True


class Spool:
    """Rows on their way: `add` them, then `finish` writes the table. Columns appear in the order of their first row.

    With `texts` the format knows no types, and texts are typed by their content like those of a delimited file.
    """

    def __init__(self, folder: Path, findings: Findings, options: Options, *, texts: bool = False) -> None:
        self.folder, self.findings, self.options, self.texts = folder, findings, options, texts
        self.rows = 0
        self._places: dict[str, int] = {}
        self._seen: list[_Seen] = []
        self._file = (folder / "rows.jsonl").open("w+", encoding="utf-8")

    def __enter__(self) -> "Spool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def column(self, name: str) -> None:
        """Make room for a column, so that it keeps its place even if it stays empty."""
        if name not in self._places:
            names.check_count(len(self._places) + 1)
            self._places[name] = len(self._places)
            self._seen.append(_Seen())

    def add(self, row: dict[str, Cell]) -> None:
        """Keep one row."""
        packed: list[Any] = [None] * len(self._places)
        for name, value in row.items():
            if name not in self._places:
                self.column(name)
                packed.append(None)
            place = self._places[name]
            packed[place] = self._pack(value, self._seen[place])
        self._file.write(json.dumps(packed) + "\n")
        self.rows += 1

    def _pack(self, value: Cell, seen: _Seen) -> Any:
        if isinstance(value, str) and not value.strip():
            seen.blank += bool(value)
            return None
        if value is None:
            return None
        seen.filled += 1
        if isinstance(value, datetime):
            seen.kinds.add(
                "datetime" if (value.hour, value.minute, value.second, value.microsecond) != (0,) * 4 else "day"
            )
            return {"t": value.isoformat(sep=" ")}
        if isinstance(value, date):
            seen.kinds.add("day")
            return {"t": value.isoformat()}
        seen.kinds.add(_kind(value))
        if isinstance(value, int) and abs(value) > EXACT:
            seen.exact = False
        return value

    def finish(self, report: Report) -> Written:
        """Write `table.parquet` with one type per column."""
        self.findings.refusals.check_share(self.rows)
        if not self.rows or not self._places:
            raise Invalid("The file holds no rows with any named value.", code="no_rows")
        given = list(self._places)
        columns = [Column(name, []) for name in names.unique(given, self.findings)]
        for column, seen in zip(columns, self._seen, strict=True):
            column.found = _column_kind(seen)
            column.notes.blank = seen.blank
            column.notes.empty = self.rows - seen.filled - seen.blank
        stated.check_names(self.options, [column.name for column in columns])
        self._kinds_in_text(columns)
        for column in columns:
            column.found = self.options.types.get(column.name, column.found)
        schema = arrow_schema(columns)
        batches = (
            pa.RecordBatch.from_arrays(arrays, schema=schema) for arrays in self._arrays(columns, report, "typing")
        )
        place = self.folder / "table.parquet"
        return Written(place, write(place, schema, batches), columns)

    def _kinds_in_text(self, columns: list[Column]) -> None:
        """Text columns whose every cell is of one kind become that: days and times, or anything with `texts`."""
        known = _text_kinds(self.options) if self.texts else ["date", "datetime", "zoned"]
        texts = [i for i, column in enumerate(columns) if column.found == "text" and self._seen[i].kinds == {"text"}]
        left = {i: list(known) for i in texts if columns[i].name not in self.options.types}
        texts = list(left)
        for rows in self._batches():
            for i in texts:
                cells = pa.array([_text_of(row[i]) if i < len(row) else None for row in rows], pa.string())
                few = cells.drop_null().slice(0, 8)
                if not len(few):
                    continue
                left[i] = [kind for kind in left[i] if KINDS[kind](few, columns[i]) is not None]
                left[i] = [kind for kind in left[i] if KINDS[kind](cells, columns[i]) is not None]
            texts = [i for i in texts if left[i]]
        for i in texts:
            if left[i][0] == "comma" and not (columns[i].commas_proven or self.options.decimal == "comma"):
                columns[i].notes.notes.append("Its commas may be decimal commas or thousands; kept as text.")
            else:
                columns[i].found = left[i][0]
                _tell(columns[i])

    def _batches(self) -> Iterator[list[list[Any]]]:
        self._file.flush()
        self._file.seek(0)
        rows: list[list[Any]] = []
        for line in self._file:
            rows.append(json.loads(line))
            if len(rows) == BATCH:
                yield rows
                rows = []
        if rows:
            yield rows

    def _arrays(self, columns: list[Column], report: Report, text: str) -> Iterator[list[pa.Array]]:
        done = 0
        for rows in self._batches():
            yield [
                self._array([row[i] if i < len(row) else None for row in rows], column, done)
                for i, column in enumerate(columns)
            ]
            done += len(rows)
            report.progress(done, self.rows, text)

    def _array(self, values: list[Any], column: Column, done: int) -> pa.Array:
        if kind := self.options.types.get(column.name):
            cells = pa.array([_plain_text(value, kind) for value in values], pa.string())
            return stated.converted(cells, column, kind, self.options, done)
        return _array(values, column)


def _text_kinds(options: Options) -> list[str]:
    number = {"comma": ["comma"], "point": ["number"]}.get(options.decimal, ["number", "comma"])
    return ["boolean", "integer", *number, "date", "datetime", "zoned"]


def _tell(column: Column) -> None:
    """Say what the kind means."""
    if column.found == "comma":
        column.notes.notes.append("Read with a decimal comma.")
    if column.found == "zoned":
        column.notes.notes.append("Times were brought to UTC.")


def _plain_text(value: Any, kind: str) -> str | None:
    """A value as text that a test for `kind` understands: `5.0` is the whole number 5, midnight a day."""
    if isinstance(value, dict):
        value = value["t"]
        return value.removesuffix(" 00:00:00") if kind in ("date", "text") else str(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        value = int(value)
    return _text_of(value)


def _kind(value: Cell) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer" if -INT64 <= value < INT64 else "text"
    return "number" if isinstance(value, float) else "text"


def _column_kind(seen: _Seen) -> str:
    if seen.kinds <= {"day"} and seen.kinds:
        return "date"
    if seen.kinds <= {"day", "datetime"} and seen.kinds:
        return "datetime"
    if seen.kinds == {"integer", "number"}:
        return "number" if seen.exact else "text"
    return next(iter(seen.kinds)) if len(seen.kinds) == 1 else "text" if seen.kinds else ""


def _array(values: list[Any], column: Column) -> pa.Array:
    plain = [value["t"] if isinstance(value, dict) else value for value in values]
    if column.type == "text":
        return pa.array([_text_of(value) for value in plain], pa.string())
    if column.type in ("date", "datetime"):
        cells = pa.array([value[:10] if value and column.type == "date" else value for value in plain], pa.string())
        test = {"date": dates, "zoned": zoned}.get(column.found, datetimes)
        converted = test(cells, column)
        if converted is None:
            raise AssertionError(f"{column.name} was found to hold dates and does not")
        return converted
    if isinstance(next((value for value in plain if value is not None), None), str):
        converted = KINDS[column.found](pa.array(plain, pa.string()), column)
        if converted is None:
            raise AssertionError(f"{column.name} was found to be {column.found} and is not")
        return converted
    if column.type == "number":
        plain = [None if value is None else float(value) for value in plain]
    return pa.array(plain, ARROW[column.type])


def _text_of(value: Any) -> str | None:
    """A value as it was written."""
    return value if value is None or isinstance(value, str) else json.dumps(value)


def fault_of(value: Any) -> str:
    """Why a cell from a typed format cannot be kept; empty when it can."""
    if isinstance(value, float) and not math.isfinite(value):
        return "a number is too large"
    if isinstance(value, str):
        if "\0" in value:
            return "a text holds a NUL character"
        if len(value) > MAX_CELL_BYTES:
            return "a text is longer than 1 MB"
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            return "a text holds half of a character (a lone surrogate)"
    return ""
