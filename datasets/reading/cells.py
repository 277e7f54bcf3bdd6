"""PURE: what the text cells of a column are: whole numbers, numbers, yes and no, dates, times; each test is exact.

A cell becomes a number only when nothing is lost by it: `00123`, `+49 30`, `NA`, `inf` and whole numbers that a double
cannot hold stay text. Every function takes a string array with missing cells as null and answers None when one does
not fit.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datasets.reading.findings import ColumnNotes

EXACT = 2**53
STYLES = [{"true", "false"}, {"True", "False"}, {"TRUE", "FALSE"}]
ARROW = {
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "text": pa.string(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us"),
}
YEAR_ONE_DAYS = -719_162


@dataclass
class Column:
    """One column while it is read: what it may still be, and what was seen. `kinds` go from narrow to wide."""

    name: str
    kinds: list[str]
    notes: ColumnNotes = field(default_factory=ColumnNotes)
    found: str = ""
    rows: int = 0
    style: frozenset[str] = frozenset()
    exact: bool = True
    commas_proven: bool = False
    zoned: bool = False
    digits_lost: int = 0

    @property
    def type(self) -> str:
        """The type of the schema; a number with decimal commas is a number."""
        return {"comma": "number", "zoned": "datetime", "": "text"}.get(self.found, self.found)


def missing_as_null(cells: pa.Array, notes: ColumnNotes) -> pa.Array:
    """Empty cells are null already; cells of blanks alone become null. Both are counted."""
    notes.empty += cells.null_count
    suspects = _filled(cells, np.flatnonzero(_BLANK_START[_heads(cells)]))
    if not len(suspects):
        return cells
    chosen = cells.take(pa.array(suspects))
    blank = pc.fill_null(pc.utf8_is_space(chosen), False).to_numpy(zero_copy_only=False)
    if not blank.any():
        return cells
    notes.blank += int(blank.sum())
    mask = np.zeros(len(cells), dtype=bool)
    mask[suspects[blank]] = True
    return pc.if_else(pa.array(mask), pa.scalar(None, pa.string()), cells)


def _bytes_that(*among: int) -> "np.ndarray":
    marked = np.zeros(256, dtype=bool)
    marked[list(among)] = True
    return marked


_ASCII_BLANK = _bytes_that(9, 10, 11, 12, 13, 28, 29, 30, 31, 32)
_BLANK_START = _ASCII_BLANK | _bytes_that(0xC2, 0xE1, 0xE2, 0xE3)
_DIGIT = _bytes_that(*b"0123456789")
_ODD_START = ~_bytes_that(*b"123456789")


def _offsets(cells: pa.Array) -> "np.ndarray":
    return np.frombuffer(cells.buffers()[1], dtype=np.int32)[cells.offset : cells.offset + len(cells) + 1]


def _data(cells: pa.Array) -> "np.ndarray":
    buffer = cells.buffers()[2]
    return np.frombuffer(buffer, dtype=np.uint8) if buffer is not None and buffer.size else np.zeros(1, dtype=np.uint8)


def _byte(cells: pa.Array, place: int) -> "np.ndarray":
    """The byte at `place` of each cell, 0 where the cell is shorter (or missing)."""
    offsets, data = _offsets(cells), _data(cells)
    at = offsets[:-1] + place
    return np.where(at < offsets[1:], data[np.minimum(at, len(data) - 1)], 0)


def _heads(cells: pa.Array) -> "np.ndarray":
    """The first byte of each cell, quickly; that of an empty or missing one means nothing."""
    found: np.ndarray = _data(cells).take(_offsets(cells)[:-1], mode="clip")
    return found


def _filled(cells: pa.Array, places: "np.ndarray") -> "np.ndarray":
    """Those of the places where a cell holds something; what became missing may still have its bytes."""
    there = places[_lengths(cells)[places] > 0] if len(places) else places
    if len(there) and cells.null_count:
        valid: np.ndarray = pc.is_valid(cells).to_numpy(zero_copy_only=False)
        there = there[valid[there]]
    return there


def _begins(cells: pa.Array) -> tuple["np.ndarray", ...]:
    """Length and first three bytes (0 behind the end) of the filled cells that do not begin with 1 to 9."""
    offsets, data = _offsets(cells), _data(cells)
    odd = _filled(cells, np.flatnonzero(_ODD_START[_heads(cells)]))
    starts, lengths = offsets[odd], offsets[odd + 1] - offsets[odd]
    three = (np.where(lengths > i, data.take(starts + i, mode="clip"), 0) for i in range(3))
    return lengths, *three


def _first_bytes(cells: pa.Array) -> "np.ndarray":
    return _byte(cells, 0)


def _last_bytes(cells: pa.Array) -> "np.ndarray":
    offsets, data = _offsets(cells), _data(cells)
    return np.where(offsets[1:] > offsets[:-1], data[np.maximum(offsets[1:] - 1, 0)], 0)


def _lengths(cells: pa.Array) -> "np.ndarray":
    return np.diff(_offsets(cells))


def _holds(cells: pa.Array, *marks: bytes) -> bool:
    """Whether any of these bytes occurs anywhere in the column."""
    offsets = _offsets(cells)
    text = _data(cells)[offsets[0] : offsets[-1]].tobytes()
    return any(mark in text for mark in marks)


def integers(cells: pa.Array, column: Column) -> pa.Array | None:
    """Whole numbers of 64 bits written the one usual way: no zeros in front, no plus, no minus zero."""
    try:
        values = pc.cast(cells, pa.int64())
    except pa.ArrowInvalid:
        return None
    lengths, first, second, _ = _begins(cells)
    negative = (first == ord("-")) & (second != ord("0"))
    if not (negative | ((first == ord("0")) & (lengths == 1))).all() or not _end_in_digits(cells):
        return None
    ends = pc.min_max(values)
    low, high = ends["min"].as_py(), ends["max"].as_py()
    column.exact = column.exact and (low is None or (low >= -EXACT and high <= EXACT))
    return values


def _end_in_digits(cells: pa.Array) -> bool:
    offsets, data = _offsets(cells), _data(cells)
    return not len(_filled(cells, np.flatnonzero(~_DIGIT[data.take(offsets[1:] - 1, mode="clip")])))


def numbers(cells: pa.Array, column: Column) -> pa.Array | None:
    """Decimal numbers that a double holds: no zeros in front, no plus, no infinities, no whole number over 2^53."""
    try:
        values = pc.cast(cells, pa.float64())
    except pa.ArrowInvalid:
        return None
    plain = pc.fill_null(values, 1.0).to_numpy(zero_copy_only=False)
    low, high = (float(plain.min()), float(plain.max())) if len(plain) else (1.0, 1.0)  # NaN where one is
    if not (math.isfinite(low) and math.isfinite(high)) or _odd_start(cells):
        return None
    if max(-low, high) >= EXACT and not _large_are_exact(cells, plain):
        return None
    if low <= 0 <= high and not _zeros_are_zero(cells, plain):
        return None
    long = np.flatnonzero(_lengths(cells) > 17)
    if len(long):
        texts = cells.take(pa.array(long)).to_pylist()
        column.digits_lost += sum(_significant(text) > 17 for text in texts if text)
    return values


def _odd_start(cells: pa.Array) -> bool:
    """A plus in front, or a zero before another digit."""
    _, first, second, third = _begins(cells)
    minus = first == ord("-")
    lead, follow = np.where(minus, second, first), np.where(minus, third, second)
    return bool(((first == ord("+")) | ((lead == ord("0")) & _DIGIT[follow])).any())


def _large_are_exact(cells: pa.Array, plain: "np.ndarray") -> bool:
    """No whole number beyond 2^53, where a double begins to round them."""
    large = np.flatnonzero(np.abs(plain) >= EXACT)
    texts = cells.take(pa.array(large)).to_pylist() if len(large) else []
    return all(re.search("[.eE]", text) or abs(int(text)) <= EXACT for text in texts if text)


def _zeros_are_zero(cells: pa.Array, plain: "np.ndarray") -> bool:
    """`1e-999` would become 0."""
    zeros = np.flatnonzero(plain == 0)
    if not len(zeros):
        return True
    written = pc.unique(cells.take(pa.array(zeros))).to_pylist()
    return not any(re.search("[1-9]", re.split("[eE]", text)[0]) for text in written if text)


def _significant(text: str) -> int:
    return len(re.split("[eE]", text)[0].replace(".", "").lstrip("-0"))


def comma_numbers(cells: pa.Array, column: Column) -> pa.Array | None:
    """Numbers with a decimal comma. `1,234` alone may be a thousand: `commas_proven` says that some cell decides."""
    if _holds(cells, b"."):
        return None
    with_comma = pc.match_substring(cells, ",")
    values = numbers(pc.replace_substring(cells, ",", "."), column)
    if values is None:
        return None
    deciding = pc.match_substring_regex(cells, r"^-?0,|,(\d{0,2}|\d{4,})$")
    if not column.commas_proven and pc.any(pc.and_(with_comma, deciding)).as_py():
        column.commas_proven = True
    return values


def booleans(cells: pa.Array, column: Column) -> pa.Array | None:
    """`true` and `false` in one style throughout."""
    if len(cells) > cells.null_count and int(_lengths(cells).max()) > 5:
        return None
    words = {word for word in pc.unique(cells).to_pylist() if word is not None}
    allowed = [column.style] if column.style else STYLES
    style = next((style for style in allowed if words <= style), None)
    if style is None:
        return None
    column.style = frozenset(style)
    return pc.equal(cells, next(word for word in style if word.lower() == "true"))


def dates(cells: pa.Array, column: Column) -> pa.Array | None:
    """Days as `2026-11-20`; other orders are ambiguous and stay text."""
    try:
        values = pc.cast(cells, pa.date32())
    except (pa.ArrowInvalid, ValueError):
        return None
    earliest = pc.min(values.cast(pa.int32())).as_py()
    return values if earliest is None or earliest >= YEAR_ONE_DAYS else None


def datetimes(cells: pa.Array, column: Column) -> pa.Array | None:
    """Times as `2026-11-20 10:11:12` or with a T, without a zone."""
    return _times(cells, pa.timestamp("us"))


def zoned(cells: pa.Array, column: Column) -> pa.Array | None:
    """Times with a zone in every cell, brought to UTC."""
    values = _times(cells, pa.timestamp("us", "UTC"))
    return None if values is None else values.cast(pa.timestamp("us"))


def _times(cells: pa.Array, kind: pa.DataType) -> pa.Array | None:
    try:
        values = pc.cast(cells, kind)
    except (pa.ArrowInvalid, ValueError):
        return None
    earliest = pc.min(values.cast(pa.int64())).as_py()
    return values if earliest is None or earliest >= YEAR_ONE_DAYS * 86_400_000_000 else None


def texts(cells: pa.Array, column: Column) -> pa.Array | None:
    """Anything."""
    return cells


KINDS: dict[str, Callable[[pa.Array, Column], pa.Array | None]] = {
    "boolean": booleans,
    "integer": integers,
    "number": numbers,
    "comma": comma_numbers,
    "date": dates,
    "datetime": datetimes,
    "zoned": zoned,
    "text": texts,
}
# What a kind may widen to, once cells of it were accepted; everything may become text.
WIDER = {
    "": list(KINDS),
    "integer": ["integer", "number", "comma"],
    "date": ["date", "datetime"],
}


def fitted(cells: pa.Array, column: Column) -> pa.Array:
    """The cells as the narrowest kind that fits these and all before them; `column.found` tells which.

    When that is not the kind of the cells before, the whole file must be converted again with the kind found last.
    """
    cells = missing_as_null(cells, column.notes)
    column.rows += len(cells)
    if cells.null_count == len(cells):
        return pa.nulls(len(cells), ARROW[column.type])
    for kind in _candidates(column):
        values = _as_kind(cells, column, kind) if kind == column.found or _worth_trying(cells, column, kind) else None
        if values is not None:
            column.found = kind
            return values
    raise AssertionError("text holds everything")


def _as_kind(cells: pa.Array, column: Column, kind: str) -> pa.Array | None:
    values = KINDS[kind](cells, column)
    if values is None and kind != "text":
        values = _without_blanks(cells, column, KINDS[kind])
    return values


def _worth_trying(cells: pa.Array, column: Column, kind: str) -> bool:
    """A look at a few cells first: a failed cast of a whole block is many times as dear as one that succeeds."""
    few = cells.drop_null().slice(0, 16)
    return _as_kind(few, Column(column.name, [kind], style=column.style), kind) is not None


def _candidates(column: Column) -> list[str]:
    wider = WIDER.get(column.found, [column.found])
    allowed = [kind for kind in wider if kind in column.kinds]
    if column.found == "integer" and not column.exact:
        allowed = ["integer"] if "integer" in column.kinds else []
    return [*allowed, "text"] if "text" not in allowed else allowed


def _without_blanks(
    cells: pa.Array, column: Column, kind: Callable[[pa.Array, Column], pa.Array | None]
) -> pa.Array | None:
    """The same test after taking away blanks around the cells, which are counted."""
    around = _BLANK_START[_first_bytes(cells)] | _ASCII_BLANK[_last_bytes(cells)]
    count = int(around.sum())
    if not count:
        return None
    values = kind(pc.ascii_trim_whitespace(cells), column)
    if values is not None:
        column.notes.trimmed += count
    return values
