"""PURE: the columns of a database in the types of a version: exact, or the row is refused and listed.

A cell arrives as the text that the server writes. Whole numbers, days and times become what they are; decimals become
numbers as long as a double holds their whole part; bytes become hexadecimal digits; everything else stays text.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from datasets.reading.findings import ColumnNotes, Findings
from datasets.reading.limits import MAX_CELL_BYTES, MAX_REFUSED_SHARE
from problems.problem import Invalid

INTEGER, WIDE, FLOAT, DECIMAL, BOOLEAN = "integer", "wide", "float", "decimal", "boolean"
SHORT, BITS = "short", "bits"
DATE, DATETIME, ZONED, TEXT, BYTES = "date", "datetime", "zoned", "text", "bytes"
TYPES = {INTEGER: "integer", WIDE: "integer", FLOAT: "number", DECIMAL: "number", BOOLEAN: "boolean"}
TYPES |= {SHORT: "number", BITS: "integer"}
TYPES |= {DATE: "date", DATETIME: "datetime", ZONED: "datetime", TEXT: "text", BYTES: "text"}
INEXACT = {WIDE, DECIMAL}
NUMERIC = {INTEGER, WIDE, SHORT, DECIMAL}
GROWING = NUMERIC | {DATE, DATETIME, ZONED}
EXACT = 2**53
SAFE_DIGITS = 15
FIRST_DAY, LAST_DAY = -719_162, 2_932_896
DAY = 86_400_000_000
WHY = {
    "integer": "is no whole number of 64 bits",
    "number": "is no number that can be kept exactly",
    "boolean": "is neither true nor false",
    "date": "is no day of the years 1 to 9999",
    "datetime": "is no time of the years 1 to 9999",
}
Cells = list[Any]


@dataclass(frozen=True)
class DbColumn:
    """One column as the server describes it: its kind here, and its type there as SQL can name it."""

    name: str
    kind: str
    declared: str = ""
    note: str = ""


def decimal_kind(precision: int | None, scale: int | None) -> str:
    """The kind of a decimal column by how it is declared."""
    if precision is None or scale is None:
        return DECIMAL
    if scale == 0:
        return INTEGER if precision <= 18 else WIDE
    return SHORT if precision <= SAFE_DIGITS else DECIMAL


@dataclass
class Typist:
    """Turns blocks of rows into record batches; keeps account of what was refused and what is to know."""

    columns: Sequence[DbColumn]
    names: Sequence[str]
    findings: Findings
    wide_as_text: bool = False
    seen: int = 0
    kept: int = 0
    notes: dict[str, ColumnNotes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.notes = {name: ColumnNotes() for name in self.names}
        self._counts: dict[tuple[str, str], int] = {}
        for column, name in zip(self.columns, self.names, strict=True):
            if column.note:
                self.once(name, column.note)

    @property
    def schema(self) -> list[dict[str, str]]:
        """The columns as {name, type}."""
        return [{"name": name, "type": TYPES[self._kind(at)]} for at, name in enumerate(self.names)]

    def _kind(self, at: int) -> str:
        kind = self.columns[at].kind
        return TEXT if self.wide_as_text and kind in INEXACT else kind

    def batch(self, rows: Sequence[Sequence[Any]]) -> Any:
        """One record batch without the refused rows."""
        import pyarrow as pa  # late: pages read the catalog, and the web process loads no Arrow

        from datasets.reading.cells import ARROW

        faults: dict[int, str] = {}
        arrays = []
        for at, name in enumerate(self.names):
            cells, kind = [row[at] for row in rows], self._kind(at)
            array, wrong = CONVERT[kind](cells, self, name)
            for place, why in wrong.items():
                faults.setdefault(place, f"{name} {why or WHY[TYPES[kind]]}")
            arrays.append(array)
        schema = pa.schema([pa.field(one["name"], ARROW[one["type"]]) for one in self.schema])
        batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
        for place, why in sorted(faults.items()):
            self.findings.refusals.add(
                self.seen + place + 1, why, str(list(rows[place])[:20]).encode("utf-8", "replace")
            )
        self.seen += len(rows)
        self.findings.lines = self.seen
        if faults:
            batch = batch.filter(pa.array([place not in faults for place in range(len(rows))]))
        self.kept += batch.num_rows
        return batch

    def count(self, name: str, many: int, words: str) -> None:
        """Remember how many cells of a column something happened to."""
        if many:
            self._counts[name, words] = self._counts.get((name, words), 0) + many

    def once(self, name: str, words: str) -> None:
        """A note that stands once with a column."""
        if words not in self.notes[name].notes:
            self.notes[name].notes.append(words)

    def finish(self) -> dict[str, ColumnNotes]:
        """The notes of each column; refuses the whole when too many rows were refused."""
        refused = self.findings.refusals
        if refused.count > MAX_REFUSED_SHARE * self.seen:
            first = "; ".join(f"row {one.line}: {one.reason}" for one in refused.listed[:3])
            raise Invalid(
                f"{refused.count} of {self.seen} rows cannot be kept exactly, more than the {MAX_REFUSED_SHARE:.0%} "
                f"that may be left out: {first}. Cast such columns in a query, or keep long numbers as text.",
                code="too_many_refused",
                refused=[one.as_dict() for one in refused.listed[:20]],
            )
        for (name, words), many in self._counts.items():
            self.notes[name].notes.append(f"{many} cells {words}.")
        return self.notes


def _cast(cells: Cells, kind: Any) -> tuple[Any, dict[int, str]]:
    """A whole block at once; one by one where a cell does not fit, to know which."""
    import pyarrow as pa

    try:
        return pa.array(cells, pa.string()).cast(kind), {}
    except (pa.ArrowInvalid, ValueError):
        pass
    good, wrong = list(cells), {}
    for place, cell in enumerate(cells):
        try:
            pa.array([cell], pa.string()).cast(kind)
        except (pa.ArrowInvalid, ValueError):
            good[place], wrong[place] = None, ""
    return pa.array(good, pa.string()).cast(kind), wrong


def _integers(cells: Cells, typist: Typist, name: str) -> tuple[Any, dict[int, str]]:
    import pyarrow as pa

    return _cast(cells, pa.int64())


def _bits(cells: Cells, typist: Typist, name: str) -> tuple[Any, dict[int, str]]:
    """Bits as the number that they write."""
    return _integers(
        [str(int.from_bytes(cell, "big")) if isinstance(cell, bytes) else cell for cell in cells], typist, name
    )


def _floats(cells: Cells, typist: Typist, name: str) -> tuple[Any, dict[int, str]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    array, wrong = _cast(cells, pa.float64())
    finite = pc.fill_null(pc.is_finite(array), True)
    lost = len(array) - (pc.sum(finite).as_py() or 0)
    if lost:
        typist.count(name, lost, "are not finite (NaN or infinite) and count as missing")
        array = pc.if_else(finite, array, pa.scalar(None, pa.float64()))
    return array, wrong


def _decimals(cells: Cells, typist: Typist, name: str) -> tuple[Any, dict[int, str]]:
    """Numbers whose whole part a double holds; of long fractions the nearest double, which is counted."""
    array, wrong = _floats(cells, typist, name)
    rounded = 0
    for place, cell in enumerate(cells):
        if cell is None or len(cell) <= SAFE_DIGITS or place in wrong or not cell[-1].isdigit():
            continue
        value = Decimal(cell)
        if abs(value) > EXACT:
            wrong[place] = "holds a number beyond 2^53, where a double begins to round"
        elif Decimal(repr(float(cell))) != value:
            rounded += 1
    typist.count(name, rounded, "have more digits than a number keeps and were rounded to the nearest")
    return array, wrong


def _booleans(cells: Cells, typist: Typist, name: str) -> tuple[Any, dict[int, str]]:
    import pyarrow as pa

    words = {"t": True, "f": False, "1": True, "0": False, None: None}
    wrong = {place: "" for place, cell in enumerate(cells) if cell not in words}
    return pa.array([words.get(cell) for cell in cells], pa.bool_()), wrong


def _dates(cells: Cells, typist: Typist, name: str) -> tuple[Any, dict[int, str]]:
    import pyarrow as pa

    array, wrong = _cast(cells, pa.date32())
    return _in_calendar(array, pa.int32(), 1, wrong)


def _datetimes(cells: Cells, typist: Typist, name: str) -> tuple[Any, dict[int, str]]:
    import pyarrow as pa

    array, wrong = _cast(cells, pa.timestamp("us"))
    return _in_calendar(array, pa.int64(), DAY, wrong)


def _zoned(cells: Cells, typist: Typist, name: str) -> tuple[Any, dict[int, str]]:
    """The session stands at UTC, so that every time is written with that zone."""
    typist.once(name, "Times were brought to UTC.")
    return _datetimes([cell.removesuffix("+00") if cell else cell for cell in cells], typist, name)


def _in_calendar(array: Any, raw: Any, unit: int, wrong: dict[int, str]) -> tuple[Any, dict[int, str]]:
    import numpy as np
    import pyarrow.compute as pc

    numbers = pc.fill_null(array.cast(raw), 0).to_numpy(zero_copy_only=False)
    for place in np.flatnonzero((numbers < FIRST_DAY * unit) | (numbers >= (LAST_DAY + 1) * unit)):
        wrong[int(place)] = ""
    return array, wrong


def _texts(cells: Cells, typist: Typist, name: str) -> tuple[Any, dict[int, str]]:
    """Empty texts count as missing, as everywhere; what cannot be kept is refused."""
    import pyarrow as pa

    from datasets.reading.cells import missing_as_null

    wrong: dict[int, str] = {}
    found: Cells = list(cells)
    empty = 0
    for place, cell in enumerate(cells):
        if cell is None:
            continue
        fault = _fault(cell)
        if not cell or fault:
            found[place] = None
            empty += not cell
        if fault:
            wrong[place] = fault
    typist.count(name, empty, "hold an empty text and count as missing")
    return missing_as_null(pa.array(found, pa.string()), typist.notes[name]), wrong


def _fault(cell: Any) -> str:
    if not isinstance(cell, str):
        return "holds bytes that are no text"
    if len(cell) > MAX_CELL_BYTES:
        return "holds a text longer than 1 MB"
    if "\0" in cell:
        return "holds a text with a NUL character"
    if not cell.isascii() and re.search("[\ud800-\udfff]", cell):
        return "holds bytes that are no text in its encoding"
    return ""


def _bytes(cells: Cells, typist: Typist, name: str) -> tuple[Any, dict[int, str]]:
    """Bytes as hexadecimal digits."""
    typist.once(name, "Bytes were written as hexadecimal digits.")
    hexed = [cell.hex() if isinstance(cell, bytes) else cell.removeprefix("\\x") if cell else cell for cell in cells]
    return _texts(hexed, typist, name)


CONVERT: dict[str, Callable[[Cells, Typist, str], tuple[Any, dict[int, str]]]] = {
    INTEGER: _integers,
    WIDE: _integers,
    FLOAT: _floats,
    SHORT: _floats,
    DECIMAL: _decimals,
    BITS: _bits,
    BOOLEAN: _booleans,
    DATE: _dates,
    DATETIME: _datetimes,
    ZONED: _zoned,
    TEXT: _texts,
    BYTES: _bytes,
}
