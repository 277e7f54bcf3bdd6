"""PURE: the fast scanner: whole rows in blocks of text cells, every broken row refused with its line.

The structure of a block is proved before it is used: quotes by their parity and neighbours, rows by counting them
against line ends. Where the proof fails, rows are judged one by one, and where even quotes do not pair up they are read
by the slow grammar of `records`. Both ways end in the same parser, so that they cannot disagree about cells.
"""

from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from datasets.reading.dialects import Layout
from datasets.reading.findings import Findings
from datasets.reading.limits import BLOCK_BYTES, MAX_CELL_BYTES, MAX_RECORD_BYTES, MEBIBYTE
from datasets.reading.records import OpenQuote, count_lines, is_blank, record_at, rewritten
from datasets.reading.rows import Rows, breaks, fault_of
from problems.problem import Invalid

CAREFUL_BYTES = 64 * 1024
BOM = b"\xef\xbb\xbf"


class Scanner:
    """Reads one UTF-8 file from `start` (the first data row, in line `line`) up to `stop`."""

    def __init__(
        self,
        path: Path,
        layout: Layout,
        findings: Findings,
        *,
        start: int,
        line: int,
        stop: int | None = None,
        block: int = BLOCK_BYTES,
    ) -> None:
        self.path, self.layout, self.findings = path, layout, findings
        self.start, self.line, self.block = start, line, block
        self.stop = path.stat().st_size if stop is None else stop
        self.done = start
        self._names = [f"c{i}" for i in range(layout.cells)]
        self._careful = CAREFUL_BYTES

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Record batches of text cells, empty cells as null; `done` tells how many bytes are behind."""
        rest = b""
        with self.path.open("rb") as file:
            file.seek(self.start)
            while True:
                chunk = file.read(max(0, min(self.block, self.stop - file.tell())))
                final = len(chunk) < self.block
                rest = yield from self._take(rest + chunk, final=final)
                self.done = file.tell()
                if final:
                    break
        self.findings.lines = self.line - (1 if _ends_in_line_end(self.path, self.stop) else 0)

    def _take(self, text: bytes, *, final: bool) -> Generator[pa.RecordBatch, None, bytes]:
        """Turn all whole records of the text into batches; returns what is left for the next chunk."""
        while text:
            cut, sound = self._sound_until(text, final=final)
            if cut:
                yield from self._block(text[:cut])
                text = text[cut:]
            if sound:
                self._careful = CAREFUL_BYTES
                break
            consumed, batch = self._read_carefully(text, final=final)
            if batch is not None:
                yield batch
            if not consumed:
                break
            text = text[consumed:]
        if len(text) > MAX_RECORD_BYTES:
            raise Invalid(f"Line {self.line} is longer than {MAX_RECORD_BYTES // MEBIBYTE} MB; this is not a table.")
        return text

    def _sound_until(self, text: bytes, *, final: bool) -> tuple[int, bool]:
        """Where the last whole record ends before the first quote that breaks the rules, and whether none does."""
        quote = self.layout.dialect.quote
        if not quote or quote not in text:
            return (len(text) if final else _last_line_end(text)), True
        bytes_of = np.frombuffer(text, dtype=np.uint8)
        quotes = np.flatnonzero(bytes_of == quote[0])
        broken = self._first_broken(bytes_of, quotes)
        odd = len(quotes) % 2 == 1
        if broken is None and final and not odd:
            return len(text), True
        limit = len(text) if broken is None else broken
        ends = breaks(bytes_of[:limit], final=broken is not None)
        outside = ends[np.searchsorted(quotes, ends) % 2 == 0]
        cut = int(outside[-1]) + 1 if len(outside) else 0
        if broken is None and odd and (final or len(text) - int(quotes[-1]) > 2 * MAX_CELL_BYTES):
            return cut, False
        return cut, broken is None

    def _first_broken(self, text: "np.ndarray", quotes: "np.ndarray") -> int | None:
        """The first quote that neither opens nor closes nor doubles properly, when quotes are paired by order."""
        edges = np.zeros(256, dtype=bool)
        edges[[self.layout.dialect.delimiter[0], 10, 13]] = True
        opening, closing = quotes[0::2], quotes[1::2]
        before = opening - 1
        opens = (opening == 0) | edges[text[before]]
        opens[1:] |= closing[: len(opening) - 1] == before[1:]
        after = np.minimum(closing + 1, len(text) - 1)
        closes = (closing == len(text) - 1) | edges[text[after]] | (text[after] == self.layout.dialect.quote[0])
        wrong = [int(found[0]) for found in (opening[~opens], closing[~closes]) if len(found)]
        return min(wrong) if wrong else None

    def _block(self, block: bytes) -> Iterator[pa.RecordBatch]:
        """A block of whole records with sound quotes: at once when it is clean, else row by row."""
        lines = count_lines(block)
        batch = self._parse(block)
        expected = lines + (not block.endswith((b"\n", b"\r")))
        if batch is None or batch.num_rows != expected or b"\0" in block or self._doubtful(batch):
            rows = Rows(block, self.layout, self.line, valid=batch is not None)
            refused = rows.judge(self.findings)
            if refused or batch is None:
                batch = self._parse(rows.good()) if rows.kept else None
            if rows.kept != (batch.num_rows if batch is not None else 0):
                raise AssertionError(f"{rows.kept} rows proved sound, parsed {batch and batch.num_rows}")
        self.line += lines
        if batch is not None and batch.num_rows:
            yield batch.select(self._names[: self.layout.width])

    def _doubtful(self, batch: pa.RecordBatch) -> bool:
        """A cell beyond the limit of length, or content where rows should only end."""
        if self.layout.trailing and batch.column(self.layout.width).null_count != batch.num_rows:
            return True
        return any(longest_cell(column) > MAX_CELL_BYTES for column in batch.columns)

    def _parse(self, block: bytes) -> pa.RecordBatch | None:
        """Text cells by Arrow's parser; None when a row has another width or bytes are not UTF-8."""
        dialect = self.layout.dialect
        quoted = bool(dialect.quote) and dialect.quote in block
        if block.startswith(BOM):
            block = b"\n" + block  # Arrow would take a mark at the start of a block for the file's own
        try:
            table = pa_csv.read_csv(
                pa.BufferReader(block),
                read_options=pa_csv.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=self._names),
                parse_options=pa_csv.ParseOptions(
                    delimiter=dialect.delimiter.decode(),
                    quote_char=dialect.quote.decode() if quoted else False,
                    newlines_in_values=quoted,
                ),
                convert_options=pa_csv.ConvertOptions(
                    column_types=dict.fromkeys(self._names, pa.string()), null_values=[""], strings_can_be_null=True
                ),
            )
        except pa.ArrowInvalid:
            return None
        whole = table.combine_chunks().to_batches()
        return whole[0] if whole else pa.RecordBatch.from_pylist([], schema=table.schema)

    def _read_carefully(self, text: bytes, *, final: bool) -> tuple[int, pa.RecordBatch | None]:
        """Read records by the slow grammar for a while; returns the bytes consumed and the good rows."""
        position, good = 0, []
        while position < len(text) and position < self._careful:
            try:
                record = record_at(text, position, self.layout.dialect, final=final)
            except OpenQuote as open_quote:
                self._check_open(text, open_quote.position, final=final)
                break
            if record is None:
                break
            raw = text[position : record.end]
            blank = is_blank(text, record, self.layout.width)
            fault = record.fault or ("" if blank else fault_of(record.cells, self.layout))
            if blank:
                self.findings.blank_lines += 1
            elif fault:
                short = not record.fault and len(record.cells) < self.layout.cells
                self.findings.refusals.add(self.line, fault, raw, max(1, count_lines(raw)), short=short)
            else:
                missing = self.layout.cells - len(record.cells)
                self.findings.filled_rows += bool(missing)
                good.append(rewritten([*record.cells, *[b""] * missing], self.layout.dialect))
            self.line += count_lines(raw)
            position = record.end
        self._careful = min(self._careful * 2, self.block)
        batch = self._parse(b"".join(good)) if good else None
        if good and (batch is None or batch.num_rows != len(good)):
            raise AssertionError(f"{len(good)} rows were rewritten and not read back")
        return position, batch.select(self._names[: self.layout.width]) if batch is not None else None

    def _check_open(self, text: bytes, position: int, *, final: bool) -> None:
        if final or len(text) - position > MAX_CELL_BYTES:
            line = self.line + count_lines(text[:position])
            raise Invalid(
                f"The quote that opens in line {line} is never closed, so everything after it would be one cell. "
                "Close or double that quote and upload again.",
                code="unclosed_quote",
                line=line,
            )


def _last_line_end(text: bytes) -> int:
    """Just after the last line end that is certain: LF, or a CR that something follows."""
    last = text.rfind(b"\n")
    return (last if last >= 0 else text.rfind(b"\r", 0, len(text) - 1)) + 1


def longest_cell(column: pa.Array) -> int:
    """Bytes of the longest text in a string array, by its offsets."""
    if not len(column):
        return 0
    offsets = np.frombuffer(column.buffers()[1], dtype=np.int32)[column.offset : column.offset + len(column) + 1]
    return int(np.diff(offsets).max())


def _ends_in_line_end(path: Path, stop: int) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, stop - 1))
        return file.read(1) in (b"\n", b"\r")
