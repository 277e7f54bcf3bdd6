"""PURE: a delimited text file to a typed table. Types are those of the whole file, never of its first rows.

Each block is fitted to the narrowest kind that holds so far and written at once. When a later block widens a column,
the rest of the file is only examined, and then everything is written again with the kinds found: at most two passes.
"""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import pyarrow as pa

from datasets.ahead import ahead
from datasets.reading import dialects, edges, encodings, names, stated
from datasets.reading.blocks import Scanner
from datasets.reading.cells import Column, fitted
from datasets.reading.dialects import Layout
from datasets.reading.findings import Findings
from datasets.reading.limits import MAX_RECORD_BYTES, MEBIBYTE
from datasets.reading.options import Options
from datasets.reading.records import Record, all_records, count_lines, is_blank
from datasets.reading.rows import TrailingCellFilled
from datasets.reading.tables import Written, arrow_schema, write
from jobs.report import Report
from problems.problem import Invalid

SAMPLE_BYTES = MEBIBYTE
TEXT_KINDS = ["boolean", "integer", "number", "date", "datetime", "zoned"]


def read(path: Path, options: Options, folder: Path, findings: Findings, report: Report) -> Written:
    """Read a CSV or TSV file (UTF-8 or not) into `folder/table.parquet`."""
    _refuse_one_long_line(path)
    text, start = encodings.as_utf8(path, folder / "text.csv", options.encoding, findings, report)
    start, stop = edges.between(text, start, options, findings)
    sample, whole = _sample(text, start, stop)
    layout = dialects.find(sample, whole, options, findings)
    if not layout.width:
        raise Invalid("The file holds no rows: only blank lines.", code="empty_file")
    header, skipped = _first_record(sample, layout, options.lines("preamble"), whole=whole)
    before = deepcopy(findings)
    part = (start + skipped, stop)
    try:
        return _Reading(text, layout, header, part, sample, options, folder, findings, report).write()
    except TrailingCellFilled:
        findings.__dict__.update(before.__dict__)
        layout = layout.keeping_last()
        return _Reading(text, layout, header, part, sample, options, folder, findings, report).write()


def _refuse_one_long_line(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(MAX_RECORD_BYTES + 1)
    if len(head) > MAX_RECORD_BYTES and b"\n" not in head and b"\r" not in head:
        raise Invalid(
            f"Line 1 is longer than {MAX_RECORD_BYTES // MEBIBYTE} MB; this is not a table.", code="long_line"
        )


def _sample(path: Path, start: int, stop: int) -> tuple[bytes, bool]:
    """The beginning of the text, enough for at least one line, and whether that is all of it."""
    with path.open("rb") as file:
        file.seek(start)
        sample = file.read(min(SAMPLE_BYTES, stop - start))
        if b"\n" not in sample and b"\r" not in sample:
            sample += file.read(min(MAX_RECORD_BYTES, stop - file.tell()))
        whole = file.tell() >= stop
    return sample, whole


def _first_record(sample: bytes, layout: Layout, above: int, *, whole: bool) -> tuple[Record | None, int]:
    """The header's record, and how many bytes lie before the first data row."""
    if not layout.has_header:
        return None, 0
    position = 0
    for record in all_records(sample, layout.dialect, final=whole):
        if not is_blank(sample, record, 2):
            return record, record.end
        position = record.end
    line = count_lines(sample[:position]) + above + 1
    raise Invalid(f"The header in line {line} has a quote that is never closed.", code="unclosed_quote", line=line)


class _Reading:
    """One reading of one file: its columns, and the passes over it."""

    def __init__(
        self,
        path: Path,
        layout: Layout,
        header: Record | None,
        part: tuple[int, int],
        sample: bytes,
        options: Options,
        folder: Path,
        findings: Findings,
        report: Report,
    ) -> None:
        self.path, self.layout, (self.start, self.stop) = path, layout, part
        self.place, self.findings, self.report = folder / "table.parquet", findings, report
        self.options = options
        self.line = 1 + options.lines("preamble") + (count_lines(sample[: header.end]) if header else 0)
        given = self._names(header)
        stated.check_names(options, given)
        self.columns = [Column(name, self._kinds(name)) for name in given]

    def _names(self, header: Record | None) -> list[str]:
        names.check_count(self.layout.width)
        if header is None:
            return names.numbered(self.layout.width)
        if header.fault:
            raise Invalid(f"In the header (line {self.line - 1}), {header.fault}.", code="header", line=self.line - 1)
        try:
            given = [cell.decode("utf-8") for cell in header.cells]
        except UnicodeDecodeError:
            raise Invalid("The header holds bytes that are not UTF-8. State the encoding.", code="encoding") from None
        return names.unique(given[: self.layout.width], self.findings)

    def _kinds(self, name: str) -> list[str]:
        kind = self.options.types.get(name, "")
        return stated.kinds_of(kind, self.options) if kind else _kinds(self.layout, self.options)

    def write(self) -> Written:
        """One pass, and a second when a type had to widen."""
        kinds = self._first_pass()
        if not self.rows:
            self.findings.refusals.check_share(0)
            raise Invalid(self._why_no_rows(), code="no_rows")
        self.findings.refusals.check_share(self.rows)
        if kinds:
            self._second_pass(kinds)
        self._tell()
        return Written(self.place, self.rows, self.columns)

    def _scan(self, findings: Findings, text: str) -> Iterator[tuple[list[pa.Array], int]]:
        scanner = Scanner(self.path, self.layout, findings, start=self.start, line=self.line, stop=self.stop)
        done = 0
        for batch in ahead(scanner.batches()):
            arrays = [fitted(cells, column) for cells, column in zip(batch.columns, self.columns, strict=True)]
            self._check_stated(batch, done)
            done += batch.num_rows
            self.report.progress(scanner.done, self.stop, text)
            yield arrays, batch.num_rows

    def _check_stated(self, batch: pa.RecordBatch, done: int) -> None:
        """A cell that is not of its column's stated type ends the reading, by name."""
        for cells, column in zip(batch.columns, self.columns, strict=True):
            kind = self.options.types.get(column.name, "text")
            if kind != "text" and column.found == "text":
                place = stated.first_misfit(cells, stated.kinds_of(kind, self.options))
                raise stated.misfit(column.name, kind, done + place + 1, str(cells[place].as_py()))

    def _first_pass(self) -> list[str]:
        """Write as long as the types hold; returns the kinds for another pass, or nothing."""
        self.rows = 0
        scan = self._scan(self.findings, "reading")
        first = next(scan, None)
        if first is None:
            return []
        schema = arrow_schema(self.columns)
        write(self.place, schema, ahead(self._while_types_hold(first, scan, schema)))
        for column in self.columns:
            column.found = column.found or self.options.types.get(column.name, "")
            if column.found == "comma" and not (column.commas_proven or self.options.decimal == "comma"):
                column.notes.notes.append("Its commas may be decimal commas or thousands; kept as text.")
                column.found = "text"
        return [column.found for column in self.columns] if arrow_schema(self.columns) != schema else []

    def _while_types_hold(
        self, first: tuple[list[pa.Array], int], scan: Iterator[tuple[list[pa.Array], int]], schema: pa.Schema
    ) -> Iterator[pa.RecordBatch]:
        holds = True
        self.rows += first[1]
        yield pa.RecordBatch.from_arrays(first[0], schema=schema)
        for arrays, rows in scan:
            self.rows += rows
            holds = holds and arrow_schema(self.columns) == schema
            if holds:
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _second_pass(self, kinds: list[str]) -> None:
        found = self.columns
        self.columns = [Column(c.name, [kind], found=kind, style=c.style) for c, kind in zip(found, kinds, strict=True)]
        schema = arrow_schema(found)
        ignored = Findings()
        rows = write(
            self.place,
            schema,
            ahead(pa.RecordBatch.from_arrays(arrays, schema=schema) for arrays, _ in self._scan(ignored, "typing")),
        )
        if rows != self.rows or [column.found for column in self.columns] != kinds:
            raise AssertionError("two passes over one file did not agree")
        for column, again in zip(found, self.columns, strict=True):
            column.notes.trimmed, column.digits_lost = again.notes.trimmed, again.digits_lost
        self.columns = found

    def _why_no_rows(self) -> str:
        if self.layout.has_header:
            return "The file holds only a header: names but no rows. If its first row is data, state that."
        return "The file holds no rows."

    def _tell(self) -> None:
        """Say what the types mean for single columns."""
        if self.layout.trailing and not self.layout.strict:
            text = "Every row ends in a delimiter; the nameless empty column behind it was left out."
            self.findings.guess("trailing delimiter", "yes", text, sure=True)
        if filled := self.findings.filled_rows:
            self.findings.notes.append(
                f"{filled} short rows were filled up with missing cells at their end, as stated."
            )
        for column in self.columns:
            if column.found == "text":
                column.notes.trimmed = 0
            if column.found == "comma":
                column.notes.notes.append("Read with a decimal comma.")
            if column.found == "zoned":
                column.notes.notes.append("Times were brought to UTC.")
            if column.type == "number" and column.digits_lost:
                column.notes.notes.append(f"{column.digits_lost} cells have more digits than a number holds (17).")


def _kinds(layout: Layout, options: Options) -> list[str]:
    """The kinds that cells may have: decimal commas only where no comma separates cells, unless stated."""
    if options.decimal == "comma":
        return [kind if kind != "number" else "comma" for kind in TEXT_KINDS]
    if options.decimal == "point" or layout.dialect.delimiter == b",":
        return TEXT_KINDS
    return [*TEXT_KINDS[:3], "comma", *TEXT_KINDS[3:]]
