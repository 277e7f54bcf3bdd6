"""PURE: dates in a stated way of writing; which of two numbers is the day is chosen, never guessed."""

from typing import Any

from datasets.recipes.base import Params, names_in_words
from datasets.recipes.fields import Field
from datasets.recipes.frame import Frame, missing
from datasets.recipes.late import ibis
from datasets.recipes.unreadable import OTHERWISE, ReadingStep

MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
Y, M, D, N = "([0-9]{4})", "([0-9]{1,2})", "([0-9]{1,2})", "([A-Za-z]{3})[a-z]*"
# name -> words, pattern, which group is year, month and day
FORMATS: dict[str, tuple[str, str, tuple[int, int, int]]] = {
    "Y-M-D": ("2026-01-31 or 2026/1/31", f"{Y}[-/.]{M}[-/.]{D}", (1, 2, 3)),
    "YMD": ("20260131", "([0-9]{4})([0-9]{2})([0-9]{2})", (1, 2, 3)),
    "D.M.Y": ("31.1.2026, 31/01/2026 or 31-01-2026: day first", f"{D}[-/.]{M}[-/.]{Y}", (3, 2, 1)),
    "M/D/Y": ("1/31/2026 or 01-31-2026: month first", f"{M}[-/.]{D}[-/.]{Y}", (3, 1, 2)),
    "D Mon Y": ("31 Jan 2026 or 31-January-2026", f"{D}[- .]*{N}[- .,]*{Y}", (3, 2, 1)),
    "Mon D Y": ("Jan 31, 2026", f"{N}[- .]*{D}[- .,]+{Y}", (3, 1, 2)),
}
CLOCK = r"[T ]+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(\.[0-9]{1,6})?)?"


class ReadDates(ReadingStep):
    """A day that the calendar does not have cannot be read."""

    kind = "read_dates"
    title = "Read dates from text"
    help = "Say how the dates are written. 03/04/2026 is the 3rd of April or the 4th of March: only you can know."
    fields = (
        Field("columns", "columns", "Columns", types=("text",)),
        Field("format", "choice", "Written as", choices={name: one[0] for name, one in FORMATS.items()}),
        Field("clock", "yes_no", "With a time of day, as 14:30 or 14:30:05", default=False),
        OTHERWISE,
    )

    def sentence(self, p: Params) -> str:
        what = "times" if p["clock"] else "dates"
        return f"Read {names_in_words(p['columns'])} as {what} written {p['format']}."

    def values(self, frame: Frame, p: Params) -> tuple[Frame, dict[str, tuple[str, Any]]]:
        kind = "datetime" if p["clock"] else "date"
        return frame, {name: (kind, _moment(frame[name], p["format"], p["clock"])) for name in p["columns"]}


def _moment(cells: Any, written: str, clock: bool) -> Any:
    """Put together as ISO text and cast: engines have different words for formats, but all know ISO."""
    _, pattern, (year, month, day) = FORMATS[written]
    whole = rf"^\s*{pattern}{CLOCK if clock else ''}\s*$"
    text = ibis.ifelse(cells.re_search(whole), cells, missing("text"))
    part = text.re_extract(whole, month)
    if "Mon" in written:
        part = part.lower().left(3).cases(*[(m, f"{i:02}") for i, m in enumerate(MONTHS, 1)], else_="99")
    iso = text.re_extract(whole, year) + "-" + part.lpad(2, "0") + "-" + text.re_extract(whole, day).lpad(2, "0")
    if not clock:
        return iso.try_cast("date")
    seconds = text.re_extract(whole, 6)
    time = text.re_extract(whole, 4).lpad(2, "0") + ":" + text.re_extract(whole, 5) + ":"
    time = time + ibis.ifelse(seconds == "", ibis.literal("00"), seconds) + text.re_extract(whole, 7)
    return (iso + " " + time).try_cast("timestamp(6)")
