"""PURE: from which rows a run learns: all, the last so many, those of the last days, or those since a day."""

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from experiments.guesses import TIMES, Column
from problems.problem import Invalid

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    Array = np.ndarray[Any, Any]

KINDS = ("all", "rows", "days", "since")
LEAST, MOST_DAYS = 50, 36_500
Spec = dict[str, Any]


def checked(given: Any, columns: Mapping[str, Column]) -> Spec | None:
    """The window as a run keeps it; None for all rows. Refusals name the field."""
    if given in (None, {}, ""):
        return None
    if not isinstance(given, Mapping) or given.get("kind") not in KINDS:
        raise _wrong("window", f"A window is an object with a kind: {', '.join(KINDS)}.")
    kind = given["kind"]
    if unknown := sorted(set(given) - {"kind", "size", "since", "column"}):
        raise _wrong(f"window.{unknown[0]}", "There is no such setting of the window.")
    if kind == "all":
        return None
    if kind == "rows":
        return {"kind": kind, "size": _size(given, LEAST, 10**9)} | _ordered_by(given, columns, needed=False)
    window = {"kind": kind} | _ordered_by(given, columns, needed=True)
    if kind == "days":
        return window | {"size": _size(given, 1, MOST_DAYS)}
    return window | {"since": _day(given.get("since"))}


def said(window: Mapping[str, Any] | None) -> str:
    """The window in words."""
    if not window or window["kind"] == "all":
        return "all rows"
    if window["kind"] == "rows":
        by = f" by {window['column']}" if window.get("column") else ""
        return f"the last {window['size']} rows{by}"
    if window["kind"] == "days":
        return f"the last {window['size']} days of {window['column']}"
    return f"rows since {window['since']} by {window['column']}"


def inside(table: "pa.Table", places: "Array", window: Mapping[str, Any] | None, types: Mapping[str, str]) -> "Array":
    """Of these places in a table, those that lie inside the window, in their order."""
    if not window:
        return places
    name = window.get("column", "")
    if not name:
        return places[-int(window["size"]) :]
    kept = _by_moment(table, places, window, {"name": name, "type": types[name]})
    if kept.size < LEAST:
        text = f"Only {kept.size} rows lie in {said(window)}. At least {LEAST} are needed."
        raise Invalid(text, fields={"window": text})
    return kept


def _by_moment(table: "pa.Table", places: "Array", window: Mapping[str, Any], column: Mapping[str, Any]) -> "Array":
    """Read by the child alone: whoever only checks a window loads none of this."""
    import numpy as np

    from experiments.columns import from_table
    from experiments.matrices import layout_of

    moments = from_table(table, layout_of([column]))[places, 0].astype(np.float64)
    if window["kind"] == "rows":
        newest = np.argsort(np.where(np.isnan(moments), -np.inf, moments), kind="stable")[-int(window["size"]) :]
        taken: Array = places[np.sort(newest)]
        return taken
    last = float(np.nanmax(moments)) if np.isfinite(moments).any() else 0.0
    first = last - int(window["size"]) if window["kind"] == "days" else _days(window["since"])
    since: Array = places[np.nan_to_num(moments, nan=-np.inf) >= first]
    return since


def _ordered_by(given: Mapping[str, Any], columns: Mapping[str, Column], *, needed: bool) -> Spec:
    name = given.get("column") or ""
    if not name and not needed:
        return {}
    if not isinstance(name, str) or name not in columns or columns[name].type not in TIMES:
        raise _wrong("window.column", "Choose the date column that says which rows are newer.")
    return {"column": name}


def _size(given: Mapping[str, Any], least: int, most: int) -> int:
    size = given.get("size")
    if isinstance(size, bool) or not isinstance(size, int) or not least <= size <= most:
        raise _wrong("window.size", f"Use a whole number from {least} to {most}.")
    return size


def _day(given: Any) -> str:
    try:
        return date.fromisoformat(str(given)).isoformat()
    except ValueError:
        raise _wrong("window.since", "Write a day such as 2026-01-31.") from None


def _days(day: str) -> float:
    return float((date.fromisoformat(day) - date(1970, 1, 1)).days)


def _wrong(field: str, text: str) -> Invalid:
    return Invalid(text, fields={field: text})
