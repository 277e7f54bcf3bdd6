"""PURE: the functions that make one value of many, with the same meaning everywhere."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from datasets.recipes.frame import NUMERIC, WORDS, Frame, finite
from problems.problem import Invalid

One = Mapping[str, str]
NUMBERS_ONLY = {"sum", "mean", "median", "std"}
REAL = {"mean", "median", "std"}
ORDERED = {"min", "max"}


def check_aggregates(frame: Frame, wanted: Sequence[One], field: str) -> None:
    """Refuse a column that is not there, or one that the function cannot take."""
    for one in wanted:
        if not one["column"]:
            continue
        kind = frame.type_of(one["column"])
        bad = (one["function"] in NUMBERS_ONLY and kind not in NUMERIC) or (
            one["function"] in ORDERED and kind == "boolean"
        )
        if bad:
            text = f"“{one['column'][:100]}” is a {WORDS[kind]} and has no {one['function']}."
            raise Invalid(text, fields={field: text}, code="wrong_type")


def type_of(frame: Frame, one: One) -> str:
    """The type of the result."""
    if one["function"] in ("count", "present", "distinct"):
        return "integer"
    return "number" if one["function"] in REAL else frame.type_of(one["column"])


def value_of(frame: Frame, one: One, where: Any) -> Any:
    """The result over the rows for which `where` holds, all when it is None."""
    if one["function"] == "count":
        return frame.table.count(where=where)
    return FUNCTIONS[one["function"]](frame, frame[one["column"]], where)


def words(wanted: Sequence[One]) -> str:
    """`flights is the number of rows, delay the mean of arr_delay`."""
    shown = [f"{one['name']} = {one['function']}({one['column']})" for one in wanted[:4]]
    return ", ".join(shown) + (f" and {len(wanted) - 4} more" if len(wanted) > 4 else "")


def _sum(frame: Frame, value: Any, where: Any) -> Any:
    """Of no value it is missing, not 0."""
    return value.sum(where=where)


FUNCTIONS: dict[str, Callable[[Frame, Any, Any], Any]] = {
    "present": lambda frame, value, where: value.count(where=where),
    "distinct": lambda frame, value, where: value.nunique(where=where),
    "sum": _sum,
    "mean": lambda frame, value, where: finite(value.cast("float64").mean(where=where)),
    "median": lambda frame, value, where: finite(value.cast("float64").median(where=where)),
    "std": lambda frame, value, where: finite(value.cast("float64").std(how="sample", where=where)),
    "min": lambda frame, value, where: value.min(where=where),
    "max": lambda frame, value, where: value.max(where=where),
    "first": lambda frame, value, where: value.argmin(frame.place, where=_present(value, where)),
    "last": lambda frame, value, where: value.argmax(frame.place, where=_present(value, where)),
}


def _present(value: Any, where: Any) -> Any:
    return value.notnull() if where is None else value.notnull() & where
