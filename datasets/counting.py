"""PURE: two columns of a stored table as dated values: the day, and the number that the business counts."""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

from jobs.report import Report
from problems.problem import Invalid, TooLarge
from projects.points import MOST_POINTS

DAYS = ("date", "datetime", "text")
NUMBERS = ("integer", "number")


def run(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """The entry of the child: `path`, `day` and `value` name a table and its columns.

    Answers {values: [[ISO day, number], …] in the order of the rows, empty: how many rows had no number}. Raises
    Invalid for a number without a day or a text that is no day, naming the row, and TooLarge for too many values.
    """
    values: list[list[Any]] = []
    empty = 0
    for row, (day, value) in enumerate(_rows(Path(spec["path"]), spec["day"], spec["value"]), start=1):
        if value is None:
            empty += 1
            continue
        if len(values) == MOST_POINTS:
            raise TooLarge(f"The data has more than {MOST_POINTS} values. A KPI has one a week or a month.")
        values.append([_day(day, row, spec["day"]).isoformat(), float(value)])
    report.progress(1, 1, f"{len(values)} values read")
    return {"values": values, "empty": empty}


def _rows(path: Path, day: str, value: str) -> Iterator[tuple[Any, Any]]:
    from storage import tables

    for batch in tables.read_batches(path, columns=[day, value]):
        yield from zip(batch.column(day).to_pylist(), batch.column(value).to_pylist(), strict=True)


def _day(given: Any, row: int, column: str) -> date:
    """The calendar day of a date, a moment or a text such as 2027-06-01."""
    if isinstance(given, datetime):
        return given.date()
    if isinstance(given, date):
        return given
    try:
        return date.fromisoformat(str(given).strip()[:32]) if given is not None else _no_day(row, column)
    except ValueError:
        raise Invalid(f"Row {row}: “{column}” has “{str(given)[:20]}” where a day like 2027-06-01 belongs.") from None


def _no_day(row: int, column: str) -> date:
    raise Invalid(f"Row {row} has a number but no day in “{column}”.")
