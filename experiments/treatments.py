"""PURE: how one column is made ready for a method, where somebody wants it otherwise than the method likes it."""

from collections.abc import Mapping
from typing import Any

from experiments.guesses import NUMERIC, TIMES, Column
from problems.problem import Invalid

LIKES = "as the method likes it"
GAPS = {
    "": LIKES,
    "median": "the middle value",
    "mean": "the average",
    "most_frequent": "the most frequent value",
    "zero": "zero",
    "mark": "the middle value, and a mark",
}
SCALES = {
    "": LIKES,
    "standard": "average 0, spread 1",
    "robust": "middle 0, middle half 1",
    "none": "as it is",
    "bins": "ten groups of equally many",
}
CODINGS = {
    "": "one column for each word",
    "ordinal": "a number for each word",
    "target": "the average answer of each word",
    "text": "the words inside a text",
}
PARTS: dict[str, dict[str, str]] = {"gaps": GAPS, "scale": SCALES, "coding": CODINGS}
Treatments = dict[str, dict[str, str]]


def parts_for(kind: str) -> tuple[str, ...]:
    """What can be said of a column of this type."""
    return ("gaps", "scale") if kind in (*NUMERIC, *TIMES) else ("coding",) if kind == "text" else ()


def checked(given: Any, columns: Mapping[str, Column], inputs: list[str]) -> Treatments:
    """Only what differs from what methods like; texts are read as texts unless somebody says otherwise."""
    given = {} if given is None else given
    if not isinstance(given, Mapping):
        raise _wrong("treatments", "Treatments are an object of column names.")
    for name, treatment in given.items():
        if name not in columns or not isinstance(treatment, Mapping):
            raise _wrong(f"treatments.{name}", "Name a column, and what is done with it.")
        _refuse_strange(columns[name], treatment)
    found: Treatments = {}
    for name in inputs:
        kept = {part: value for part, value in given.get(name, {}).items() if value}
        if columns[name].prose and "coding" not in given.get(name, {}):
            kept["coding"] = "text"
        if kept:
            found[name] = kept
    return found


def _refuse_strange(column: Column, treatment: Mapping[str, Any]) -> None:
    for part, value in treatment.items():
        allowed = PARTS[part] if part in parts_for(column.type) else {}
        if not isinstance(value, str) or value not in allowed:
            known = ", ".join(one for one in allowed if one)
            words = f"Choose one of: {known}." if known else f"There is no {part} for {column.type} columns."
            raise _wrong(f"treatments.{column.name}.{part}", words)


def _wrong(field: str, text: str) -> Invalid:
    return Invalid(text, fields={field: text})
