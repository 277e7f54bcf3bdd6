"""PURE: the judgement of many rows at once in a block whose quotes are sound: which are kept, which refused and why."""

import numpy as np

from datasets.reading.dialects import Layout
from datasets.reading.findings import Findings
from datasets.reading.limits import MAX_CELL_BYTES
from datasets.reading.records import count_lines, record_at


class TrailingCellFilled(Exception):
    """The cell after the last delimiter is not always empty: it is a column after all."""


def wrong_width(found: int, expected: int) -> str:
    """Why a row of another width is refused."""
    return f"it has {found} cell{'s' if found != 1 else ''} where {expected} are expected"


def fault_of(cells: list[bytes], layout: Layout) -> str:
    """The one judgement of a record whose quotes are sound; empty when it is a good row."""
    if not layout.fits(len(cells)):
        return wrong_width(len(cells), layout.cells)
    for number, cell in enumerate(cells, 1):
        if b"\0" in cell:
            return f"cell {number} holds a NUL byte"
        if len(cell) > MAX_CELL_BYTES:
            return f"cell {number} is longer than 1 MB"
        if not cell.isascii() and not _is_utf8(cell):
            return f"cell {number} holds bytes that are not UTF-8"
    if layout.trailing and len(cells) == layout.cells and cells[-1]:
        if not layout.strict:
            raise TrailingCellFilled
        return "its last cell has no column"
    return ""


def _is_utf8(cell: bytes) -> bool:
    try:
        cell.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


class Rows:
    """The records of one block by their positions. Every array has one entry per record."""

    def __init__(self, block: bytes, layout: Layout, line: int, *, valid: bool) -> None:
        self.block, self.layout, self.line, self.valid = block, layout, line, valid
        text = np.frombuffer(block, dtype=np.uint8)
        quote = layout.dialect.quote
        quotes = np.flatnonzero(text == quote[0]) if quote and quote in block else np.zeros(0, dtype=np.int64)
        self.breaks = breaks(text, final=True)
        ends = self.breaks[np.searchsorted(quotes, self.breaks) % 2 == 0]
        if not len(ends) or ends[-1] != len(block) - 1:
            ends = np.append(ends, len(block))
        self.starts = np.concatenate([[0], ends[:-1] + 1]).astype(np.int64)
        self.nexts = np.minimum(ends + 1, len(block))
        before = np.minimum(np.maximum(ends - 1, 0), len(block) - 1)
        at_feed = (ends < len(block)) & (text[np.minimum(ends, len(block) - 1)] == 10)
        self.stops = ends - (at_feed & (ends > self.starts) & (text[before] == 13))
        marks = np.flatnonzero(text == layout.dialect.delimiter[0])
        marks = marks[np.searchsorted(quotes, marks) % 2 == 0]
        self.widths = np.searchsorted(marks, self.stops) - np.searchsorted(marks, self.starts) + 1
        self.text = text
        self.keep = np.ones(len(self.starts), dtype=bool)
        self.short = np.zeros(len(self.starts), dtype=bool)

    @property
    def kept(self) -> int:
        """How many rows are good."""
        return int(self.keep.sum())

    def judge(self, findings: Findings) -> int:
        """Refuse broken rows in the order of their lines, count blank ones; returns how many were refused."""
        blank = self._blank()
        reasons: dict[int, str] = {}
        unfit = self.widths != self.layout.cells
        if self.layout.fill:
            unfit = self.widths > self.layout.cells
        for index in np.flatnonzero(unfit & ~blank).tolist():
            reasons[index] = wrong_width(int(self.widths[index]), self.layout.cells)
        for index in self._suspects(blank):
            if index not in reasons and (fault := self._fault(index)):
                reasons[index] = fault
        for index in sorted(reasons):
            start, end = int(self.starts[index]), int(self.nexts[index])
            line = self.line + int(np.searchsorted(self.breaks, start))
            raw = self.block[start:end]
            short = bool(self.widths[index] < self.layout.cells)
            findings.refusals.add(line, reasons[index], raw, max(1, count_lines(raw)), short=short)
        self.keep = ~blank
        self.keep[list(reasons)] = False
        findings.blank_lines += int(blank.sum())
        self.short = self.keep & (self.widths < self.layout.cells)
        findings.filled_rows += int(self.short.sum())
        return len(reasons)

    def good(self) -> bytes:
        """The bytes of the good rows alone, short ones filled up."""
        if self.short.any():
            return b"".join(self._filled(int(index)) for index in np.flatnonzero(self.keep))
        edges = np.flatnonzero(np.diff(np.concatenate([[False], self.keep, [False]]).astype(np.int8)))
        pieces = []
        for first, after in zip(edges[0::2], edges[1::2], strict=True):
            piece = self.block[int(self.starts[first]) : int(self.nexts[after - 1])]
            pieces.append(piece if piece.endswith((b"\n", b"\r")) else piece + b"\n")
        return b"".join(pieces)

    def _filled(self, index: int) -> bytes:
        row = self.block[int(self.starts[index]) : int(self.stops[index])]
        return row + self.layout.dialect.delimiter * (self.layout.cells - int(self.widths[index])) + b"\n"

    def _blank(self) -> "np.ndarray":
        blank: np.ndarray = self.stops == self.starts
        if self.layout.width > 1:
            for index in np.flatnonzero((self.widths == 1) & ~blank):
                content = self.block[int(self.starts[index]) : int(self.stops[index])]
                blank[index] = not content.strip(b" \t")
        return blank

    def _suspects(self, blank: "np.ndarray") -> list[int]:
        """Records worth a closer look: NUL bytes, over-long, bytes that may not be UTF-8, a filled trailing cell."""
        suspect = (self.stops - self.starts) > MAX_CELL_BYTES
        doubtful = [np.flatnonzero(self.text == 0)]
        if not self.valid:
            doubtful.append(np.flatnonzero(self.text >= 128))
        for positions in doubtful:
            suspect[np.searchsorted(self.starts, positions, side="right") - 1] = True
        if self.layout.trailing:
            last = self.text[np.maximum(self.stops - 1, 0)]
            suspect |= (self.widths == self.layout.cells) & (last != self.layout.dialect.delimiter[0])
        return [int(index) for index in np.flatnonzero(suspect & ~blank)]

    def _fault(self, index: int) -> str:
        raw = self.block[int(self.starts[index]) : int(self.nexts[index])]
        record = record_at(raw, 0, self.layout.dialect, final=True)
        assert record is not None
        return fault_of(record.cells, self.layout)


def breaks(text: "np.ndarray", *, final: bool) -> "np.ndarray":
    """The last byte of every line end. A CR at the very end may be half of CR LF unless `final`."""
    feeds = np.flatnonzero(text == 10)
    returns = np.flatnonzero(text == 13)
    if not len(returns):
        return feeds
    following = text[np.minimum(returns + 1, len(text) - 1)]
    at_end = returns == len(text) - 1
    alone = returns[((following != 10) & ~at_end) | (at_end & final)]
    return np.sort(np.concatenate([feeds, alone]))
