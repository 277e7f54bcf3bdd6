"""PURE: whether a thing in memory is what a filter of the protocol asks for, and in which order things come."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from experiments.tracking.grammar import Clause

Order = Sequence[tuple[str, str, bool]]


@dataclass(frozen=True)
class Facts:
    """What is known of a thing: its own attributes, and what it has under names, by group."""

    own: Mapping[str, Any]
    groups: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def get(self, group: str, key: str) -> Any:
        """A value, or None where there is none."""
        return self.groups.get(group, {}).get(key) if group else self.own.get(key)


@lru_cache(maxsize=256)
def like(pattern: str, *, exact: bool) -> re.Pattern[str]:
    """A pattern of LIKE (`%` any text, `_` any character) as a regular expression."""
    parts = re.split(r"(%+|_)", pattern)
    said = "".join(".*" if part.startswith("%") else "." if part == "_" else re.escape(part) for part in parts)
    return re.compile(said, re.DOTALL | (re.NOFLAG if exact else re.IGNORECASE))


def holds(clause: Clause, facts: Facts, *, absent_differs: bool = False) -> bool:
    """Whether a thing is so. What is not there is never so, but `absent_differs` lets it be other than any text."""
    found = facts.get(clause.group, clause.key)
    if clause.op == "IS NULL":
        return found is None
    if clause.op == "IS NOT NULL":
        return found is not None
    if found is None or (isinstance(found, float) and math.isnan(found)):
        return found is None and absent_differs and clause.op == "!="
    return COMPARE[clause.op](found, clause.value)


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda found, value: bool(found == value),
    "!=": lambda found, value: bool(found != value),
    "<": lambda found, value: bool(found < value),
    "<=": lambda found, value: bool(found <= value),
    ">": lambda found, value: bool(found > value),
    ">=": lambda found, value: bool(found >= value),
    "LIKE": lambda found, value: like(value, exact=True).fullmatch(found) is not None,
    "ILIKE": lambda found, value: like(value, exact=False).fullmatch(found) is not None,
    "IN": lambda found, value: found in value,
    "NOT IN": lambda found, value: found not in value,
}


def sorted_by(rows: Sequence[tuple[Facts, Any]], order: Order) -> list[tuple[Facts, Any]]:
    """Things in this order; what has no value, or one that is not a number, comes last either way."""
    found = list(rows)
    for group, key, falling in reversed(order):
        having = [row for row in found if _counts(row[0].get(group, key))]
        having.sort(key=lambda row: row[0].get(group, key), reverse=falling)
        found = having + [row for row in found if not _counts(row[0].get(group, key))]
    return found


def _counts(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and math.isnan(value))
