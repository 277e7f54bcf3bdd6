"""PURE: what the project would do without a model, asked for one row; it never raises, whatever a row holds.

A comparison with an empty value never holds, nor one of values that have no order (a word and a number). Serving
asks this for each row; `experiments.uplift` gives the same answers for whole columns.
"""

import math
import operator
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any

from experiments.moments import days
from experiments.signatures import word
from projects.baselines import as_number

YES_WORDS, NO_WORDS = ("yes", "true", "1"), ("no", "false", "0")
_ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
Spec = Mapping[str, Any]
Row = Mapping[str, Any]


def answer(spec: Spec, row: Row, kind: str, positive: str | None) -> Any:
    """The practice's answer: "yes" or "no", one of several words, or a number; None where the row says too little.

    What lies in the row before (kind last_value by order) is not in a row, so it is None here.
    """
    if spec["kind"] == "constant":
        return spec["answer"]
    if spec["kind"] == "rule":
        if any(one["column"] not in row for one in spec["conditions"]):
            return None
        return spec["answer"] if holds(spec, row) else spec["otherwise"]
    value = row.get(spec["column"]) if spec["column"] else None
    if kind == "multiclass":
        return None if empty(value) else word(value)
    return as_yes(value, positive) if kind == "binary" else number(value)


def holds(spec: Spec, row: Row) -> bool:
    """Whether a rule's conditions hold for a row."""
    found = [compare(row.get(one["column"]), one["op"], one["value"]) for one in spec["conditions"]]
    return all(found) if spec["join"] == "and" else any(found)


def compare(value: Any, op: str, wanted: str) -> bool:
    """One condition: a cell against the text that a person typed."""
    gone = empty(value)
    if op in ("empty", "filled"):
        return gone == (op == "empty")
    if gone:
        return False
    if op in ("=", "!="):
        return equal(value, wanted) == (op == "=")
    ours, theirs = ordered(value), ordered_text(wanted)
    if ours is None or theirs is None or ours[0] != theirs[0]:
        return False
    return bool(_ORDERS[op](ours[1], theirs[1]))


def empty(value: Any) -> bool:
    """Nothing, no text, or not a number."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def equal(value: Any, wanted: str) -> bool:
    """Numbers by their size, dates by their day, all else by its words; yes and no in any case of letters."""
    if isinstance(value, bool):
        return word(value) == wanted.strip().lower()
    if isinstance(value, (int, float)):
        ours, theirs = number(value), typed_number(wanted)
        return ours == theirs if ours is not None and theirs is not None else word(value) == wanted
    if isinstance(value, date):
        return days(value) == days(wanted)
    return isinstance(value, str) and value == wanted


def ordered(value: Any) -> tuple[str, float] | None:
    """A cell as a place in an order, with the kind of that order; None when it has none."""
    if isinstance(value, (int, float)):
        found = number(value)
        return None if found is None else ("number", found)
    if isinstance(value, (str, date)):
        moment = days(value)
        return None if moment is None else ("days", moment)
    return None


@lru_cache(maxsize=1024)  # the same few conditions are asked for every row
def ordered_text(text: str) -> tuple[str, float] | None:
    """What a person typed as a place in an order: a number, else a date."""
    found = as_number(text)
    if found is not None:
        return "number", found
    moment = days(text)
    return None if moment is None else ("days", moment)


@lru_cache(maxsize=1024)
def typed_number(text: str) -> float | None:
    """What a person typed as a number."""
    return as_number(text)


def number(value: Any) -> float | None:
    """A finite number of a cell; text counts only in what a person typed."""
    return as_number(value) if not isinstance(value, str) else None


def as_yes(value: Any, positive: str | None) -> str | None:
    """A cell as yes or no: the project's own word for yes, or a plain yes, true or 1; else no, but for what is odd."""
    if empty(value) or not isinstance(value, (str, int, float)):
        return None
    said = word(value)
    if positive is not None and said == positive:
        return "yes"
    if said.lower() in YES_WORDS and (positive or "").lower() not in NO_WORDS:
        return "yes"
    return "no"
