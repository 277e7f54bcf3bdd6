"""PURE: one sheet of an Excel workbook (.xlsx), row by row; formulas by their last value."""

import re
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from datasets.reading import grids
from datasets.reading.archives import guarded
from datasets.reading.findings import Findings
from datasets.reading.limits import MAX_SHEET_BYTES, MAX_UNPACKING_RATIO, MEBIBYTE
from datasets.reading.options import Options
from datasets.reading.tables import Written
from datasets.reading.typed_rows import Cell, Spool
from jobs.report import Report
from problems.problem import Invalid, TooLarge


def read(path: Path, options: Options, folder: Path, findings: Findings, report: Report) -> Written:
    """Read the stated sheet, or the first that holds anything; which one is said in the guesses."""
    _check_archive(path)
    import openpyxl

    with path.open("rb") as file:  # by its bytes: openpyxl judges a path by its ending
        try:
            book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        except Exception as error:  # openpyxl raises whatever its parts raise
            raise Invalid(f"The workbook cannot be opened: {type(error).__name__}.", code="damaged") from None
        return _read_book(book, options, folder, findings, report)


def _read_book(book: Any, options: Options, folder: Path, findings: Findings, report: Report) -> Written:
    try:
        title, first = _chosen_sheet(book, options, findings)
        tell_sheet(title, len(book.sheetnames), options, findings)
        sheet, first = book[title], 1 if options.preamble else first
        with Spool(folder, findings, options) as spool:
            findings.blank_lines += first - 1
            rows = _rows(sheet, first)
            grids.keep(rows, options, findings, report, spool, total=sheet.max_row or None)
            return spool.finish(report)
    except (zipfile.BadZipFile, KeyError, SyntaxError, ValueError, OSError) as error:
        raise Invalid(f"The workbook is damaged: {type(error).__name__}.", code="damaged") from None
    finally:
        book.close()


def _check_archive(path: Path) -> None:
    """Bounds on what unpacking may cost, and no declarations of entities in any part."""
    with guarded(), zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
        size = sum(part.file_size for part in parts)
        if size > MAX_SHEET_BYTES or size > MAX_UNPACKING_RATIO * max(path.stat().st_size, 64 * 1024):
            raise TooLarge(
                f"Unpacked, this workbook has {size // MEBIBYTE} MB; {MAX_SHEET_BYTES // MEBIBYTE} MB can be read. "
                "Save the sheet as CSV.",
                code="unpacks_too_large",
            )
        for part in parts:
            if part.filename.endswith((".xml", ".rels")):
                with archive.open(part) as file:
                    if re.search(rb"<!(DOCTYPE|ENTITY)", file.read(4096), re.IGNORECASE):
                        raise Invalid(
                            "The workbook declares entities in its XML. It was not opened.", code="unsafe_xml"
                        )


def _chosen_sheet(book: Any, options: Options, findings: Findings) -> tuple[str, int]:
    """The title of the stated sheet, or of the first with content, and the number of its first filled row."""
    titles = [sheet.title for sheet in book.worksheets]
    findings.choose("sheet", titles)
    if options.sheet and options.sheet not in titles:
        raise no_such_sheet(options.sheet, titles)
    for sheet in book.worksheets:
        if options.sheet in ("", sheet.title):
            for number, values in enumerate(sheet.iter_rows(values_only=True), 1):
                if any(value not in (None, "") for value in values):
                    return sheet.title, number
    what = (
        f"The sheet “{options.sheet[:100]}” is empty." if options.sheet else "No sheet of the workbook holds anything."
    )
    raise Invalid(what, code="empty_file")


def no_such_sheet(wanted: str, titles: list[str]) -> Invalid:
    """A sheet was stated that is not there."""
    text = f"The workbook has no sheet “{wanted[:100]}”. It has: {', '.join(titles[:20])}."
    return Invalid(text, code="unknown_sheet", fields={"sheet": text})


def tell_sheet(title: str, count: int, options: Options, findings: Findings) -> None:
    """Say which sheet is read."""
    text = f"Stated at the upload: {title}." if options.sheet else f"The first sheet with content of {count}: {title}."
    findings.guess("sheet", title, text, sure=bool(options.sheet) or count == 1)


def _rows(sheet: Any, first: int) -> Iterator[grids.Row]:
    for number, values in enumerate(sheet.iter_rows(min_row=first, values_only=True), first):
        yield number, trimmed(values)


def trimmed(values: Iterable[Any]) -> list[Cell]:
    """Cells of a sheet's row without the empty ones at its end."""
    cells = [_cell(value) for value in values]
    while cells and (cells[-1] is None or cells[-1] == ""):
        cells.pop()
    return cells


def _cell(value: Any) -> Cell:
    if isinstance(value, (time, timedelta)):
        return str(value)
    if value is None or isinstance(value, (str, int, float, bool, date, datetime)):
        return value
    return str(value)
