"""PURE: the shape that every quality rule has: declared fields, a sentence, what it measures, how it judges."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from datasets.recipes.base import Tables
from datasets.recipes.declared import Declared, Params
from datasets.recipes.fields import Field
from datasets.recipes.frame import Frame
from datasets.recipes.literals import from_text
from problems.problem import Invalid

PASSED, FAILED, UNCHECKED = "passed", "failed", "unchecked"
FIRST = "no published version before this one to compare with"
Found = Mapping[str, Any]


@dataclass(frozen=True)
class Scene:
    """What a rule looks at: the table, others by key, the profiles of this version and of the last published one.

    `path` is the file of the table.
    """

    frame: Frame
    now: datetime
    rows: int = 0
    tables: Tables | None = None
    profile: Mapping[str, Any] | None = None
    before: Mapping[str, Any] | None = None
    before_name: str = ""
    path: Path | None = None


@dataclass(frozen=True)
class Judgement:
    """What came out: the verdict, what was measured and what was allowed in words, and how many rows fail."""

    verdict: str
    measured: str
    limit: str
    failed: int | None = None


class Rule(Declared, ABC):
    """One kind of rule.

    `measures` are aggregates of the table: those of all rules are computed in one query. `own` is a question of one row
    for what one pass cannot tell. `failing` marks the rows that break the rule, where it is about rows; `in_scan` says
    that the one scan can count them.
    """

    noun = "rule"
    about_rows: ClassVar[bool] = False
    in_scan: ClassVar[bool] = False

    @abstractmethod
    def sentence(self, p: Params) -> str:
        """What must hold, as one sentence."""

    def columns(self, p: Params) -> list[str]:
        """The columns that examples show."""
        names: list[str] = []
        for field in self.fields:
            if field.kind in ("column", "columns") and p[field.name]:
                names += p[field.name] if isinstance(p[field.name], list) else [p[field.name]]
        return names

    def tables(self, p: Params) -> list[tuple[str, int]]:
        """Other datasets that it reads, each with a version number; 0 is the newest published one."""
        return []

    def measures(self, scene: Scene, p: Params) -> dict[str, Any]:
        """Aggregates by name, for the one scan."""
        return {}

    def own(self, scene: Scene, p: Params) -> Any:
        """A table of one row that is asked for by itself, or None."""
        return None

    def counted(self, scene: Scene, p: Params) -> dict[str, Any] | None:
        """What `own` would find, where counting the column without the engine is quicker; else None."""
        return None

    def failing(self, scene: Scene, p: Params) -> Any:
        """A yes for each row that breaks the rule, where missing counts as no; None when it is not about rows."""
        return None

    @abstractmethod
    def judge(self, scene: Scene, p: Params, found: Found) -> Judgement:
        """The verdict on what was measured."""


ALLOWED = Field(
    "allowed", "number", "Rows that may break it, of 100", "0: not one.", default=0.0, required=False, low=0, high=100
)


class RowRule(Rule):
    """A rule about each row: it fails when more rows break it than are allowed."""

    about_rows = True
    in_scan = True

    @abstractmethod
    def failing(self, scene: Scene, p: Params) -> Any: ...

    def judge(self, scene: Scene, p: Params, found: Found) -> Judgement:
        failed, allowed = int(found["failed"] or 0), p.get("allowed") or 0.0
        verdict = PASSED if failed * 100 <= allowed * scene.rows else FAILED
        limit = f"at most {allowed:g} of 100 rows" if allowed else "no row"
        return Judgement(verdict, of_rows(failed, scene.rows), limit, failed)


def of_rows(failed: int, rows: int) -> str:
    """`3 of 7 043 rows`."""
    return f"{spaced(failed)} of {spaced(rows)} row{'' if rows == 1 else 's'}"


def spaced(number: int) -> str:
    """`7 043`, with a narrow space that does not break."""
    return f"{number:,}".replace(",", "\u202f")


def allowance(p: Params) -> str:
    """The end of a sentence."""
    return f" in all but {p['allowed']:g} of 100 rows" if p.get("allowed") else ""


def is_true(condition: Any) -> Any:
    """A condition whose missing answer is no."""
    return condition.fill_null(False)


def is_missing(frame: Frame, name: str) -> Any:
    """Empty cells; what is no number (NaN) is missing too."""
    value = frame[name]
    return value.isnull() | value.isnan() if frame.type_of(name) == "number" else value.isnull()


def value_of(text: str, kind: str, field: str) -> Any:
    """The value that a person wrote, also whole numbers of 19 digits, which recipes leave out."""
    if kind == "integer" and re.fullmatch(r"\s*[+-]?[0-9]{19}\s*", text) and abs(int(text)) < 2**63:
        return int(text)
    return from_text(text, kind, field)


def cannot(text: str) -> Invalid:
    """The rule could not be checked, and why."""
    return Invalid(text, code="unchecked")
