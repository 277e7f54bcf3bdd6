"""PURE: one table of a web page: the stated one, else the largest. Cells that span rows or columns stand in each."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from datasets.reading import encodings, grids
from datasets.reading.findings import Findings
from datasets.reading.limits import MAX_COLUMNS, MAX_HTML_BYTES, MAX_RECORD_BYTES, MEBIBYTE
from datasets.reading.options import Options
from datasets.reading.tables import Written
from datasets.reading.typed_rows import Cell, Spool
from jobs.report import Report
from problems.problem import Invalid, TooLarge

SILENT = {"script", "style", "template"}
MOST_TABLES = 1_000
MOST_CELLS = 20_000_000
CHUNK = 256 * 1024


@dataclass
class _Open:
    """A cell that is being read."""

    head: bool
    wide: int
    high: int
    text: list[str] = field(default_factory=list)


@dataclass
class _Table:
    """A table that was found: rows with the line they begin in, cells as text."""

    rows: list[tuple[int, list[str]]] = field(default_factory=list)
    heads: list[bool] = field(default_factory=list)
    hanging: dict[int, tuple[int, str]] = field(default_factory=dict)
    row: list[tuple[_Open, str]] | None = None
    cell: _Open | None = None
    line: int = 0

    @property
    def size(self) -> int:
        """Cells in all."""
        return sum(len(cells) for _, cells in self.rows)


class _Tables(HTMLParser):
    """Collects all tables of a page in the order in which they open."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[_Table] = []
        self.open: list[_Table] = []
        self.silent = 0
        self.cells = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A table, row or cell begins; what was left open before it ends."""
        if tag in SILENT:
            self.silent += 1
        elif tag == "table":
            if len(self.found) >= MOST_TABLES:
                raise TooLarge(f"The page has more than {MOST_TABLES} tables.", code="too_many_tables")
            self.open.append(_Table())
            self.found.append(self.open[-1])
        elif self.open and tag == "tr":
            self._end_row()
            self.open[-1].row, self.open[-1].line = [], self.getpos()[0]
        elif self.open and tag in ("td", "th"):
            self._begin_cell(tag, dict(attrs))
        elif self.open and tag in ("br", "p", "div", "li"):
            self.handle_data(" ")

    def handle_endtag(self, tag: str) -> None:
        """A table, row or cell ends."""
        if tag in SILENT:
            self.silent = max(0, self.silent - 1)
        elif self.open and tag in ("td", "th"):
            self._end_cell()
        elif self.open and tag in ("tr", "thead", "tbody"):
            self._end_row()
        elif self.open and tag == "table":
            self._end_row()
            self.open.pop()

    def handle_data(self, data: str) -> None:
        """Text belongs to the cell that is open."""
        if self.open and self.open[-1].cell and not self.silent:
            self.open[-1].cell.text.append(data)

    def check_pending(self) -> None:
        """The parser looks at what does not end again and again: bounded, so that no page takes for ever."""
        if len(self.rawdata) > MAX_RECORD_BYTES:
            raise self._broken()

    def finish(self) -> None:
        """End what the page left open; `close` would go over an unfinished rest once for each mark in it."""
        self.feed("<p>")
        if self.rawdata:
            raise self._broken()
        while self.open:
            self._end_row()
            self.open.pop()

    def _broken(self) -> Invalid:
        line = self.getpos()[0]
        return Invalid(
            f"The page breaks in line {line}: a tag, comment or script does not end.", code="html", line=line
        )

    def _begin_cell(self, tag: str, attrs: dict[str, str | None]) -> None:
        table = self.open[-1]
        if table.row is None:
            table.row, table.line = [], self.getpos()[0]
        self._end_cell()
        table.cell = _Open(tag == "th", _span(attrs.get("colspan"), MAX_COLUMNS), _span(attrs.get("rowspan"), 65_534))

    def _end_cell(self) -> None:
        table = self.open[-1]
        if table.cell and table.row is not None:
            table.row.append((table.cell, " ".join("".join(table.cell.text).split())))
            table.cell = None

    def _end_row(self) -> None:
        table = self.open[-1]
        self._end_cell()
        if table.row:
            cells = _spread(table)
            self.cells += len(cells)
            if self.cells > MOST_CELLS:
                raise TooLarge(f"The page has more than {MOST_CELLS:,} cells.", code="too_many_cells")
            table.rows.append((table.line, cells))
            table.heads.append(all(cell.head for cell, _ in table.row))
        table.row = None


def _span(value: str | None, most: int) -> int:
    text = (value or "").strip()
    return min(max(int(text), 1), most) if text.isascii() and text.isdigit() and len(text) < 7 else 1


def _spread(table: _Table) -> list[str]:
    """The row with cells that hang down from rows above, and each cell as often as it is wide."""
    cells: list[str] = []
    hanging: dict[int, tuple[int, str]] = {}

    def fill() -> None:
        while (above := table.hanging.get(len(cells))) and len(cells) <= MAX_COLUMNS:
            if above[0] > 1:
                hanging[len(cells)] = (above[0] - 1, above[1])
            cells.append(above[1])

    for cell, text in table.row or []:
        fill()
        for _ in range(cell.wide):
            if cell.high > 1:
                hanging[len(cells)] = (cell.high - 1, text)
            cells.append(text)
            if len(cells) > MAX_COLUMNS:
                raise Invalid(f"A row has more than {MAX_COLUMNS} cells.", code="too_many_columns")
    fill()
    table.hanging = hanging
    return cells


def read(path: Path, options: Options, folder: Path, findings: Findings, report: Report) -> Written:
    """Read one table of the page."""
    if path.stat().st_size > MAX_HTML_BYTES:
        raise TooLarge(f"A web page may have {MAX_HTML_BYTES // MEBIBYTE} MB. Save the table as CSV.")
    text, start = encodings.as_utf8(path, folder / "text.html", options.encoding, findings, report)
    parser = _Tables()
    content = text.read_bytes()[start:].decode("utf-8", "surrogateescape")
    for place in range(0, len(content), CHUNK):
        parser.feed(content[place : place + CHUNK])
        parser.check_pending()
        report.progress(place, len(content), "reading the page")
    parser.finish()
    tables = [table for table in parser.found if table.rows]
    table = _chosen(tables, options, findings)
    known = True if table.heads[0] and not all(table.heads) else None
    if options.lines("preamble"):
        known = None
    with Spool(folder, findings, options, texts=True) as spool:
        rows = _cells(table)
        grids.keep(rows, options, findings, report, spool, header=known, short=False, total=len(table.rows))
        return spool.finish(report)


def _cells(table: _Table) -> Iterator[grids.Row]:
    for line, texts in table.rows:
        cells: list[Cell] = [text or None for text in texts]
        yield line, cells if any(texts) else []


def _chosen(tables: list[_Table], options: Options, findings: Findings) -> _Table:
    if not tables:
        raise Invalid("By its content this file is a web page (HTML), and no table is in it.", code="unknown_format")
    findings.choose("table", [str(number) for number in range(1, len(tables) + 1)])
    wanted = options.table
    if wanted and not (wanted.isascii() and wanted.isdigit() and len(wanted) < 7 and 0 < int(wanted) <= len(tables)):
        text = f"The page has {len(tables)} table{'s' if len(tables) > 1 else ''}; state a number from 1 on."
        raise Invalid(text, code="unknown_table", fields={"table": text})
    place = int(wanted) - 1 if wanted else max(range(len(tables)), key=lambda i: tables[i].size)
    rows = len(tables[place].rows)
    how = "Stated at the upload" if wanted else f"The largest of {len(tables)}"
    findings.guess(
        "table", str(place + 1), f"{how}: table {place + 1} with {rows} rows.", sure=bool(wanted) or len(tables) == 1
    )
    return tables[place]
