"""PURE: the one matrix that pipelines see, its layout, and how clean JSON rows become it.

The matrix is an object array, one row per row, one or more columns per input: numbers and booleans' words as they
are, dates as numeric parts. A gap is NaN in a number column, `GAP` in a word column, and no text in a column of texts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from experiments.moments import days, moment
from experiments.signatures import LARGEST, word

GAP = "\x00gap"  # no text holds U+0000; not at its end, where numpy drops it
PARTS = {"date": ("days", "month", "weekday"), "datetime": ("days", "month", "weekday", "hour")}
Matrix = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Layout:
    """Which matrix columns belong to which input, and which hold numbers or words."""

    inputs: tuple[tuple[str, str], ...]
    places: Mapping[str, tuple[int, ...]]
    numbers: list[int]
    words: list[int]
    width: int
    treatments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    prose: frozenset[str] = frozenset()


def layout_of(inputs: Sequence[Mapping[str, Any]]) -> Layout:
    """The layout for inputs given as {name, type} and maybe a treatment, in their order."""
    places: dict[str, tuple[int, ...]] = {}
    numbers: list[int] = []
    words: list[int] = []
    width = 0
    for entry in inputs:
        count = len(PARTS.get(entry["type"], ("",)))
        places[entry["name"]] = tuple(range(width, width + count))
        (words if entry["type"] in ("text", "boolean") else numbers).extend(places[entry["name"]])
        width += count
    treated = {entry["name"]: entry["treatment"] for entry in inputs if entry.get("treatment")}
    prose = frozenset(name for name, treatment in treated.items() if treatment.get("coding") == "text")
    named = tuple((entry["name"], entry["type"]) for entry in inputs)
    return Layout(named, places, numbers, words, width, treated, prose)


def from_rows(rows: Sequence[Mapping[str, Any]], layout: Layout) -> Matrix:
    """The matrix of clean JSON rows."""
    matrix = np.empty((len(rows), layout.width), dtype=object)
    for name, kind in layout.inputs:
        first, *more = layout.places[name]
        values = [row.get(name) for row in rows]
        if kind in PARTS:
            for place, part in zip((first, *more), PARTS[kind], strict=True):
                matrix[:, place] = [part_of(value, part) for value in values]
        elif kind in ("text", "boolean"):
            gap = "" if name in layout.prose else GAP
            matrix[:, first] = [gap if value is None else word(value) for value in values]
        else:
            matrix[:, first] = [_usable(value) for value in values]
    return matrix


def _usable(value: Any) -> float:
    return float(value) if value is not None and abs(value) <= LARGEST else np.nan


def part_of(value: Any, part: str) -> float:
    """One numeric part of an ISO date or date and time; NaN when it is none."""
    found = moment(value) if value is not None else None
    if found is None:
        return np.nan
    if part == "days":
        return days(found) or 0.0
    return float({"month": found.month, "weekday": found.weekday(), "hour": found.hour}[part])
