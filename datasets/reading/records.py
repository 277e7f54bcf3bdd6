"""PURE: the grammar of delimited text, record by record; slow and exact, the yardstick of the fast scanner.

A record ends at a line end (LF, CR LF or CR) outside quotes. A cell is quoted when its first byte is the quote; inside,
two quotes stand for one. A quote later in an unquoted cell is an ordinary character.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

LINE_END = re.compile(rb"\r\n|\r|\n")
LINE_FEED, MANY = 10, 10_000  # from so many bytes on, NumPy counts several times as fast
NO_DELIMITER = b"\x1f"


@dataclass(frozen=True)
class Dialect:
    """The two bytes that structure the text. An empty quote means that nothing is quoted."""

    delimiter: bytes
    quote: bytes = b'"'

    @cached_property
    def plain(self) -> "re.Pattern[bytes]":
        """The rest of an unquoted cell."""
        return re.compile(b"[^" + re.escape(self.delimiter) + b"\r\n]*+")

    @cached_property
    def quoted(self) -> "re.Pattern[bytes]":
        """A whole quoted cell with its quotes."""
        quote = re.escape(self.quote)
        return re.compile(quote + b"((?:[^" + quote + b"]++|" + quote + quote + b")*+)" + quote)


@dataclass(frozen=True)
class Record:
    """One record: its cells, where it starts and the next one does, and what is wrong with it (empty: nothing)."""

    cells: list[bytes]
    start: int
    end: int
    fault: str = ""


class OpenQuote(Exception):
    """The text ended inside a quoted cell that opens at `position`."""

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position


def count_lines(text: bytes) -> int:
    """Line ends in the text: LF, CR LF, or CR alone."""
    feeds = text.count(b"\n") if len(text) < MANY else int((np.frombuffer(text, dtype=np.uint8) == LINE_FEED).sum())
    return feeds + (text.count(b"\r") - text.count(b"\r\n") if b"\r" in text else 0)


def record_at(text: bytes, position: int, dialect: Dialect, *, final: bool) -> Record | None:
    """The record that starts at `position`; None when the text ends before it does and more may come."""
    cells: list[bytes] = []
    fault, start = "", position
    while True:
        cell, after, problem = _cell_at(text, position, dialect)
        if problem and not fault:
            fault = f"text follows the closing quote of cell {len(cells) + 1}"
        cells.append(cell)
        if after == len(text):
            return Record(cells, start, after, fault) if final else None
        if text[after : after + 1] == dialect.delimiter:
            position = after + 1
            continue
        if text[after : after + 2] == b"\r\n":
            return Record(cells, start, after + 2, fault)
        if text[after : after + 1] == b"\r" and after + 1 == len(text) and not final:
            return None
        return Record(cells, start, after + 1, fault)


def _cell_at(text: bytes, position: int, dialect: Dialect) -> tuple[bytes, int, bool]:
    """One cell, where it ends, and whether text follows its closing quote."""
    if not dialect.quote or text[position : position + 1] != dialect.quote:
        plain = dialect.plain.match(text, position)
        assert plain is not None
        return plain.group(), plain.end(), False
    quoted = dialect.quoted.match(text, position)
    if quoted is None:
        raise OpenQuote(position)
    value = quoted.group(1).replace(dialect.quote * 2, dialect.quote)
    rest = dialect.plain.match(text, quoted.end())
    assert rest is not None
    return value + rest.group(), rest.end(), bool(rest.group())


def all_records(text: bytes, dialect: Dialect, *, final: bool) -> Iterator[Record]:
    """Complete records from the start of the text; an open quote ends them."""
    position = 0
    while position < len(text):
        try:
            record = record_at(text, position, dialect, final=final)
        except OpenQuote:
            return
        if record is None:
            return
        yield record
        position = record.end


def is_blank(text: bytes, record: Record, width: int) -> bool:
    """A line without content, not even quotes; in a table of one column a line of blanks is a missing cell."""
    if len(record.cells) != 1 or record.fault:
        return False
    content = text[record.start : record.end].rstrip(b"\r\n")
    return not (content if width == 1 else content.strip(b" \t"))


def rewritten(cells: list[bytes], dialect: Dialect) -> bytes:
    """The same cells, all quoted, as one line."""
    quote = dialect.quote
    return dialect.delimiter.join(quote + cell.replace(quote, quote * 2) + quote for cell in cells) + b"\n"
