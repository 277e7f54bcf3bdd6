"""PURE: what reading a file found out: what was guessed, what was refused and where, what is to know per column."""

from dataclasses import dataclass, field
from typing import Any

from datasets.reading.limits import LISTED_REFUSALS, MAX_LISTED_MEMBERS, MAX_REFUSED_SHARE
from problems.problem import Invalid

EXCERPT = 160


@dataclass(frozen=True)
class Refusal:
    """One row that was not kept: the line it starts in, how many lines it spans, why, and how it begins.

    `short` tells that it only ended early.
    """

    line: int
    lines: int
    reason: str
    text: str
    short: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the report."""
        return {"line": self.line, "lines": self.lines, "reason": self.reason, "text": self.text}


def excerpt(raw: bytes) -> str:
    """The beginning of a refused row as text that any database and page can hold."""
    text = raw[: EXCERPT * 4].decode("utf-8", "replace")
    shown = "".join(char if char.isprintable() else "␀" if char == "\0" else " " for char in text[:EXCERPT])
    return shown.strip() + ("…" if len(text) > EXCERPT else "")


@dataclass
class Refusals:
    """All refused rows are counted, the first thousand are listed."""

    count: int = 0
    lines: int = 0
    listed: list[Refusal] = field(default_factory=list)

    def add(self, line: int, reason: str, raw: bytes, lines: int = 1, *, short: bool = False) -> None:
        """Refuse one row."""
        self.count += 1
        self.lines += lines
        if len(self.listed) < LISTED_REFUSALS:
            self.listed.append(Refusal(line, lines, reason, excerpt(raw), short))

    def check_share(self, kept: int) -> None:
        """Refuse the whole file when too much of it would be lost."""
        if self.lines <= MAX_REFUSED_SHARE * (kept + self.lines):
            return
        first = self.listed[0]
        others = [f"line {one.line}: {one.reason}" for one in self.listed[1:3]]
        raise Invalid(
            f"{self.count} of {kept + self.count} rows cannot be read, more than the {MAX_REFUSED_SHARE:.0%} that may "
            f"be left out. The first is line {first.line}: {first.reason}."
            + (f" Then {'; '.join(others)}." if others else "")
            + self._advice(),
            code="too_many_refused",
            line=first.line,
            refused=[one.as_dict() for one in self.listed[:20]],
        )

    def _advice(self) -> str:
        if all(one.short for one in self.listed):
            return " If rows may end early, state that short rows are to be filled up, and upload again."
        return " If the delimiter, the encoding or the header was guessed wrong, state it and upload again."


@dataclass
class ColumnNotes:
    """What happened to the cells of one column: empty and blank cells count as missing and are counted apart."""

    empty: int = 0
    blank: int = 0
    trimmed: int = 0
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Only what is not nothing."""
        found: dict[str, Any] = {name: getattr(self, name) for name in ("empty", "blank", "trimmed")}
        found["notes"] = self.notes
        return {name: value for name, value in found.items() if value}


@dataclass
class Findings:
    """The report of one reading."""

    format: str = ""
    kind: str = ""
    size: int = 0
    guesses: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    renamed: list[dict[str, Any]] = field(default_factory=list)
    choices: dict[str, list[str]] = field(default_factory=dict)
    blank_lines: int = 0
    filled_rows: int = 0
    lines: int = 0
    refusals: Refusals = field(default_factory=Refusals)

    def guess(self, what: str, value: str, text: str, *, sure: bool) -> None:
        """Something that the file does not say itself; `sure` means that the bytes leave no doubt."""
        self.guesses.append({"what": what, "value": value, "text": text, "sure": sure})

    def choose(self, option: str, names: list[str]) -> None:
        """What the file offers for one option, so that a page can list it."""
        self.choices[option] = names[:MAX_LISTED_MEMBERS]

    def as_dict(self, rows: int, columns: dict[str, ColumnNotes]) -> dict[str, Any]:
        """Plain values to keep with the version."""
        noted = {name: notes.as_dict() for name, notes in columns.items()}
        return {
            "format": self.format,
            "kind": self.kind,
            "bytes": self.size,
            "lines": self.lines,
            "rows": rows,
            "refused_rows": self.refusals.count,
            "refused": [one.as_dict() for one in self.refusals.listed],
            "blank_lines": self.blank_lines,
            "filled_rows": self.filled_rows,
            "guesses": self.guesses,
            "notes": self.notes,
            "renamed": self.renamed,
            "choices": self.choices,
            "columns": {name: notes for name, notes in noted.items() if notes},
        }
