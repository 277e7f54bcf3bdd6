"""PURE: dated points of a KPI: what one must be, how a CSV of them is read, and when the next one is due."""

import csv
import io
import math
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from problems.problem import Invalid, TooLarge

MOST_BYTES, MOST_POINTS, MOST_NAMED, LARGEST = 1_000_000, 5_000, 20, 1e15
FIRST_DAY = date(1970, 1, 1)
COLUMNS = ("date", "value", "low", "high", "note")
LONGEST_NOTE = 200


@dataclass(frozen=True)
class Point:
    """A value on a day; low and high are the ends of its 95% interval, both or neither."""

    on: date
    value: float
    low: float | None = None
    high: float | None = None
    note: str = ""


def wrong_point(point: Point, today: date) -> str:
    """What is wrong with a point, in a sentence; empty when nothing is."""
    numbers = [number for number in (point.value, point.low, point.high) if number is not None]
    if not all(math.isfinite(number) and abs(number) <= LARGEST for number in numbers):
        return "is not a number that can be kept"
    if not FIRST_DAY <= point.on <= today:
        return f"has the day {point.on}; days go from {FIRST_DAY} to today"
    if (point.low is None) != (point.high is None):
        return "has one end of its interval only; give both or none"
    if point.low is not None and point.high is not None and not point.low <= point.value <= point.high:
        return "has a value outside its own interval"
    return "has a note that is too long" if len(point.note) > LONGEST_NOTE or "\x00" in point.note else ""


def checked(points: Sequence[Point], today: date, first: int = 0, noun: str = "value") -> Sequence[Point]:
    """The points, or a refusal that names every bad one by its place; nothing is ever half taken."""
    wrong: dict[str, str] = {}
    seen: dict[date, int] = {}
    for place, point in enumerate(points, start=first):
        text = wrong_point(point, today)
        if not text and point.on in seen:
            text = f"repeats the day {point.on} of {noun} {seen[point.on]}"
        seen.setdefault(point.on, place)
        if text:
            wrong[f"{noun} {place}"] = text
    if wrong:
        raise refusal(wrong)
    return points


def refusal(wrong: dict[str, str]) -> Invalid:
    """The bad ones by name, the first of them in the sentence."""
    named = list(wrong.items())[:MOST_NAMED]
    more = f" and {len(wrong) - len(named)} more" if len(wrong) > len(named) else ""
    said = "; ".join(f"{place} {text}" for place, text in named[:3])
    others = f"; {len(wrong) - 3} others too" if len(wrong) > 3 else ""
    fields = {
        place.replace(" ", "_"): text + (more if i == MOST_NAMED - 1 else "") for i, (place, text) in enumerate(named)
    }
    return Invalid(f"Nothing was saved. {said[0].upper()}{said[1:]}{others}.", fields=fields)


def read_csv(data: bytes, today: date) -> Sequence[Point]:
    """Points from a CSV with the columns date and value (and low, high, note); bad rows are named by their lines."""
    if len(data) > MOST_BYTES:
        raise TooLarge(f"The file has more than {MOST_BYTES // 1000} kB. A KPI has a value a week or a month.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"The file is not UTF-8 text: byte {error.start} cannot be read. Nothing was saved.") from None
    if "\x00" in text:
        raise Invalid("The file holds NUL characters, so it is not a CSV. Nothing was saved.")
    head = text.split("\n", 1)[0]
    delimiter = next((mark for mark in (";", "\t") if mark in head), ",")
    try:
        return _points(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), today)
    except csv.Error as error:
        raise Invalid(f"The file is not a sound CSV: {error}. Nothing was saved.") from None


def _points(reader: Any, today: date) -> Sequence[Point]:
    names = _names(next(reader, []))
    found: list[Point] = []
    wrong: dict[str, str] = {}
    lines: dict[date, int] = {}
    for cells in (cells for cells in reader if any(cell.strip() for cell in cells)):
        if len(found) + len(wrong) >= MOST_POINTS:
            raise TooLarge(f"The file has more than {MOST_POINTS} rows. Nothing was saved.")
        point, text = _point(names, cells)
        if point is not None:
            before = lines.get(point.on)
            text = wrong_point(point, today) or (f"repeats the day {point.on} of line {before}" if before else "")
        if text or point is None:
            wrong[f"line {reader.line_num}"] = text
            continue
        lines[point.on] = reader.line_num
        found.append(point)
    if wrong:
        raise refusal(wrong)
    if not found:
        raise Invalid("The file has no rows under its names.")
    return found


def _names(cells: Sequence[str]) -> list[str]:
    """The columns that the first line names."""
    names = [name.strip().lower() for name in cells]
    if "date" not in names or "value" not in names:
        raise Invalid("The first line has to name the columns date and value (and low, high, note if there are).")
    if unknown := [name for name in names if name not in COLUMNS]:
        raise Invalid(f"There is no column “{unknown[0][:40]}” here. Known: {', '.join(COLUMNS)}.")
    if len(set(names)) < len(names):
        raise Invalid("The first line names a column twice.")
    return names


def _point(names: Sequence[str], cells: Sequence[str]) -> tuple[Point | None, str]:
    if len(cells) != len(names):
        return None, f"has {len(cells)} cells; the first line names {len(names)}"
    row = dict(zip(names, (cell.strip() for cell in cells), strict=True))
    try:
        on = date.fromisoformat(row["date"])
    except ValueError:
        return None, f"has “{row['date'][:20]}” where a day like 2027-06-01 belongs"
    numbers: dict[str, float | None] = {}
    for name in ("value", "low", "high"):
        try:
            numbers[name] = float(row[name]) if row.get(name) else None
        except ValueError:
            return None, f"has “{row[name][:20]}” where a number belongs"
    if numbers["value"] is None:
        return None, "has no value"
    return Point(on, numbers["value"], numbers["low"], numbers["high"], row.get("note", "")), ""


def next_due(cadence: str, last: date | None, since: date) -> date | None:
    """The day by which the next value is wanted: one cadence after the last, or after the KPI began."""
    start = last or since
    if cadence == "once":
        return None if last else since
    return start + timedelta(days=7) if cadence == "weekly" else _month_after(start)


def _month_after(day: date) -> date:
    year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
    return date(year, month, min(day.day, monthrange(year, month)[1]))
