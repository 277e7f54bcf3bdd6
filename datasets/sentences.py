"""PURE: what a version says first: how much was read, what was refused, where cells are empty, what changed."""

from collections.abc import Mapping, Sequence
from typing import Any

from datasets.columns import number
from datasets.profiling.comparison import Change


def _count(amount: int, one: str, many: str) -> str:
    return f"{number(amount)} {one if amount == 1 else many}"


def read_words(rows: int) -> str:
    """`7 043 rows were read`."""
    return _count(rows, "row was read", "rows were read")


def refused_words(refused: int) -> str:
    """`none refused` or `3 were refused`."""
    return "none refused" if not refused else _count(refused, "was refused", "were refused")


def empty_words(profile: Mapping[str, Any]) -> str:
    """Which columns have empty cells: one or two by name, more by number."""
    holes = sorted((c for c in profile["columns"] if c["missing"]), key=lambda column: -column["missing"])
    if not holes:
        return "No cell is empty."
    if len(holes) > 2:
        worst = holes[0]
        return (
            f"{len(holes)} columns have empty cells, most of all {worst['name']} ({_in_rows(worst, profile['rows'])})."
        )
    return " ".join(f"{column['name']} is empty {_in_rows(column, profile['rows'])}." for column in holes)


def _in_rows(column: Mapping[str, Any], rows: int) -> str:
    if column["missing"] == rows:
        return "in every row"
    return f"in {_count(column['missing'], 'row', 'rows')}"


def changed_words(changes: Sequence[Change], before: int) -> str:
    """How many columns changed against the version before."""
    looked = [change for change in changes if change.matters]
    if not looked:
        return f"No column changed noticeably since v{before}."
    names = ", ".join(change.name for change in sorted(looked, key=lambda change: -change.weight)[:3])
    others = " and others" if len(looked) > 3 else ""
    return f"{_count(len(looked), 'column', 'columns')} changed since v{before}: {names}{others}."


def short(rows: int, refused: int) -> str:
    """One clause for lists."""
    return f"{read_words(rows)}, {refused_words(refused)}"
