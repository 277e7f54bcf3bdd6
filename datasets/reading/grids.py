"""PURE: rows of cells that a format gives one by one (a sheet, a table of a web page): names, widths, refused rows."""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain, islice

from datasets.reading import dialects, names
from datasets.reading.findings import Findings
from datasets.reading.options import Options
from datasets.reading.typed_rows import Cell, Spool, fault_of
from jobs.report import Report
from problems.problem import Invalid

Row = tuple[int, list[Cell]]


def keep(
    rows: Iterable[Row],
    options: Options,
    findings: Findings,
    report: Report,
    spool: Spool,
    *,
    header: bool | None = None,
    short: bool = True,
    total: int | None = None,
) -> None:
    """Names from the first filled row or by number, then every row into the spool.

    `header` tells what the format itself knows; `short` that rows of this format may end early.
    """
    behind = _filled(_without_edges(rows, options, findings), findings)
    sample = list(islice(behind, dialects.SAMPLE_RECORDS))
    if not sample:
        raise Invalid("The table holds no filled row.", code="no_rows")
    given, has_names = _names(sample, options, findings, header)
    columns = names.unique(given, findings)
    for name in columns:
        spool.column(name)
    short = short or options.short_rows == "fill"
    for number, values in chain(sample[1:] if has_names else sample, behind):
        _add(values, number, columns, spool, findings, short=short)
        findings.lines = number
        report.progress(number, total, "reading")


def _filled(rows: Iterator[Row], findings: Findings) -> Iterator[Row]:
    """From the first row on that holds anything."""
    for row in rows:
        if row[1]:
            yield row
            break
        findings.blank_lines += 1
    yield from rows


def _without_edges(rows: Iterable[Row], options: Options, findings: Findings) -> Iterator[Row]:
    """The rows without the stated ones before the table and behind it."""
    rows, above, below = iter(rows), options.lines("preamble"), options.lines("summary_rows")
    first = [cells for _, cells in islice(rows, above)]
    if above:
        _tell("preamble", above, f"rows before the table left out. They begin “{_shown(first)}”.", findings)
    waiting: deque[Row] = deque()
    for row in rows:
        if row[1] or waiting:
            waiting.append(row)
        else:
            yield row
        while sum(1 for one in waiting if one[1]) > below:
            yield waiting.popleft()
    while waiting and sum(1 for one in waiting if one[1]) > below:
        yield waiting.popleft()
    if below:
        left = [cells for _, cells in waiting if cells]
        _tell("summary_rows", below, f"rows at the end left out. They begin “{_shown(left)}”.", findings)


def _tell(option: str, count: int, words: str, findings: Findings) -> None:
    findings.guess(option, str(count), f"Stated at the upload: {count} {words}", sure=True)


def _shown(rows: list[list[Cell]]) -> str:
    return ", ".join(str(cell) for cell in rows[0] if cell is not None)[:80] if rows else ""


def _names(sample: list[Row], options: Options, findings: Findings, known: bool | None) -> tuple[list[str], bool]:
    """The names of all columns, by the header or by number, and whether there is a header."""
    filled = [cells for _, cells in sample if cells]
    width = max(len(cells) for cells in filled)
    as_bytes = [
        [str(cell if cell is not None else "").encode("utf-8", "replace") for cell in cells] for cells in filled
    ]
    sure = bool(options.header) or known is not None
    if options.header:
        header, why = options.header == "yes", "stated at the upload"
    elif known is not None:
        header, why = known, "the file marks it so"
    else:
        header, why = dialects.looks_like_header(as_bytes[0], as_bytes[1:])
    text = f"The first filled row {'holds the names' if header else 'is data, so columns are numbered'}: {why}."
    findings.guess("header", "yes" if header else "no", text, sure=sure)
    first = [str(cell if cell is not None else "") for cell in filled[0]] if header else []
    return [*first, *[""] * (width - len(first))], header


def _add(values: list[Cell], number: int, columns: list[str], spool: Spool, findings: Findings, *, short: bool) -> None:
    if not values:
        findings.blank_lines += 1
        return
    fault = next((f for f in map(fault_of, values) if f), "")
    if len(values) > len(columns) or (len(values) < len(columns) and not short):
        fault = f"it has {len(values)} cell{'s' if len(values) != 1 else ''} where {len(columns)} are expected"
    if fault:
        early = len(values) < len(columns)
        findings.refusals.add(number, fault, str(values[:20]).encode("utf-8", "replace"), short=early)
        return
    spool.add(dict(zip(columns, values, strict=False)))
