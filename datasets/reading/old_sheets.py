"""PURE: one sheet of an old Excel workbook (.xls), row by row; formulas by their last value."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datasets.reading import grids
from datasets.reading.findings import Findings
from datasets.reading.limits import MAX_SHEET_BYTES, MEBIBYTE
from datasets.reading.options import Options
from datasets.reading.sheets import no_such_sheet, tell_sheet, trimmed
from datasets.reading.tables import Written
from datasets.reading.typed_rows import Spool
from jobs.report import Report
from problems.problem import Invalid, TooLarge


def read(path: Path, options: Options, folder: Path, findings: Findings, report: Report) -> Written:
    """Read the stated sheet, or the first that holds anything; which one is said in the guesses."""
    if path.stat().st_size > MAX_SHEET_BYTES:
        raise TooLarge(f"An old workbook may have {MAX_SHEET_BYTES // MEBIBYTE} MB. Save the sheet as CSV.")
    book = _guarded(lambda: _opened(path))
    titles = list(book.sheet_names)
    findings.choose("sheet", titles)
    if options.sheet and options.sheet not in titles:
        raise no_such_sheet(options.sheet, titles)
    title, rows = _first_filled(book, [options.sheet] if options.sheet else titles)
    tell_sheet(title, len(titles), options, findings)
    with Spool(folder, findings, options) as spool:
        grids.keep(_rows(rows), options, findings, report, spool, total=len(rows))
        return spool.finish(report)


def _opened(path: Path) -> Any:
    import python_calamine

    with path.open("rb") as file:  # by its bytes: the name of a stored file has no ending
        return python_calamine.CalamineWorkbook.from_filelike(file)


def _first_filled(book: Any, titles: list[str]) -> tuple[str, list[list[Any]]]:
    for title in titles:
        rows = _guarded(lambda title=title: book.get_sheet_by_name(title).to_python(skip_empty_area=False))
        if any(cell not in (None, "") for row in rows for cell in row):
            return title, rows
    raise Invalid("No sheet of the workbook holds anything.", code="empty_file")


def _guarded(step: Any) -> Any:
    """The library's own errors, and what its compiled part raises when it gives up, mean a damaged workbook."""
    try:
        return step()
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:
        raise Invalid(
            "By its first bytes this is an old Office file, but no workbook (.xls) that can be opened "
            f"({type(error).__name__}). A file with a password cannot be read; save it as .xlsx or CSV.",
            code="damaged",
        ) from None


def _rows(rows: list[list[Any]]) -> Iterator[grids.Row]:
    """Numbered rows. The format knows doubles alone: whole ones are whole numbers."""
    for number, values in enumerate(rows, 1):
        yield number, trimmed(_whole(value) for value in values)


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value
