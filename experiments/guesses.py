"""PURE: what a data version's profile says about its columns, and the guesses that make a run submittable at once."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.signatures import word

NUMERIC = ("integer", "number")
TIMES = ("date", "datetime")
MOST_GUESSED = 20
LEAST_GAPS, LEAST_TEXTS = 4, 20  # blanks in a sentence; different ones in a column of sentences
YES_WORDS = ("yes", "true", "1", "y", "churned", "default", "fraud", "bad")


@dataclass(frozen=True)
class Column:
    """One column as the profile knows it. `classes` maps each value to its rows where the profile lists them all."""

    name: str
    type: str
    rows: int
    missing: int
    distinct: int
    nullable: bool
    classes: Mapping[str, int]
    low: float | None = None
    high: float | None = None
    prose: bool = False  # whole sentences
    first: str = ""  # of moments
    last: str = ""

    @property
    def present(self) -> int:
        """Rows that have a value."""
        return self.rows - self.missing

    @property
    def unfit(self) -> str:
        """Why the column cannot be an input, in words; empty when it can."""
        if self.present == 0:
            return "it is empty"
        if self.distinct == 1 and not self.missing:
            return "it has the same value everywhere"
        if self.is_identifier:
            return "it looks like an identifier"
        return ""

    @property
    def is_identifier(self) -> bool:
        """Nearly every row has its own text, or the whole numbers count the rows."""
        if self.present < 20:
            return False
        if self.type == "text":
            return not self.prose and self.distinct >= 0.9 * self.present
        counts = self.type == "integer" and self.distinct == self.present and self.low is not None
        return counts and self.high is not None and self.high - (self.low or 0) + 1 == self.present


def columns_of(schema: Sequence[Mapping[str, Any]], profile: Mapping[str, Any]) -> dict[str, Column]:
    """The columns of a version by name, in their order."""
    known = {entry["name"]: entry for entry in profile.get("columns", [])}
    rows = int(profile.get("rows", 0))
    sample = profile.get("sample") or []
    return {
        field["name"]: _column(field, known.get(field["name"], {}), rows, is_prose(_texts(sample, field)))
        for field in schema
    }


def _texts(sample: Sequence[Mapping[str, Any]], field: Mapping[str, Any]) -> list[str]:
    name = field["name"]
    return [str(row[name]) for row in sample if row.get(name) is not None] if field["type"] == "text" else []


def is_prose(texts: Sequence[str]) -> bool:
    """Whether most of these are sentences, and not names or codes."""
    return bool(texts) and sum(text.count(" ") >= LEAST_GAPS for text in texts) > len(texts) / 2


def _column(field: Mapping[str, Any], entry: Mapping[str, Any], rows: int, prose: bool) -> Column:
    missing = int(entry.get("missing") or 0)
    distinct = int(entry.get("distinct") or 0)
    classes = {word(item["value"]): int(item["count"]) for item in entry.get("top") or [] if item["value"] is not None}
    if field["type"] == "boolean" and entry.get("true") is not None:
        true = int(entry["true"])
        classes = {name: n for name, n in (("true", true), ("false", rows - missing - true)) if n}
    low, high = entry.get("min"), entry.get("max")
    number = field["type"] in NUMERIC
    return Column(
        field["name"],
        field["type"],
        rows,
        missing,
        distinct or len(classes),
        bool(field.get("nullable")) or missing > 0,
        classes if len(classes) >= (distinct or len(classes)) else {},
        float(low) if number and low is not None else None,
        float(high) if number and high is not None else None,
        prose and distinct > LEAST_TEXTS,
        *(str(end or "") if field["type"] in TIMES else "" for end in (low, high)),
    )


def fits_target(column: Column, kind: str) -> bool:
    """Whether a column can be what is predicted."""
    if kind == "binary":
        return column.distinct == 2 and column.type not in TIMES
    if kind == "multiclass":
        return 3 <= column.distinct <= MOST_GUESSED and column.type in ("text", "integer") and not column.is_identifier
    return column.type in NUMERIC and column.distinct > 2 and not column.is_identifier


def guess_target(columns: Mapping[str, Column], kind: str, hints: Sequence[str] = ()) -> str:
    """The column that is probably asked for: that of the last run (the first hint), the last column if it fits, else
    one that the charter names, else the last one that fits.
    """
    fitting = [column.name for column in columns.values() if fits_target(column, kind)]
    if hints and hints[0] in columns:
        return hints[0]
    if fitting and fitting[-1] == next(reversed(list(columns))):
        return fitting[-1]
    said = " ".join(hints).lower()
    for name in reversed(fitting):
        if re.search(rf"\b{re.escape(name.lower())}\b", said):
            return name
    return fitting[-1] if fitting else next(reversed(list(columns)), "")


def guess_positive(column: Column, hint: str = "") -> str:
    """The answer that the team looks for: the charter's word, a word for yes, else the rarer one."""
    if not column.classes:
        return ""
    for value in column.classes:
        if hint and value.lower() == hint.lower():
            return value
    for value in column.classes:
        if value.lower() in YES_WORDS:
            return value
    return min(column.classes, key=lambda value: (column.classes[value], value))


def guess_time(columns: Mapping[str, Column]) -> str:
    """The first column of moments."""
    return next((name for name, column in columns.items() if column.type in TIMES and column.distinct > 1), "")


def guess_inputs(columns: Mapping[str, Column], target: str, split_column: str = "") -> list[str]:
    """All columns but the answer, identifiers and columns that say nothing."""
    return [name for name, column in columns.items() if name not in (target, split_column) and not column.unfit]
