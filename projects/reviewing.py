"""PURE: the review of a round, which writes itself: what changed, what it was worth, what was learned."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from projects.contract import Verdict, goal_of

PARTS = {"changed": "What changed", "worth": "What it was worth", "learned": "What was learned"}
MOST = 30
# The entries of the ledger that a review tells, by their names; rooms above add theirs.
LEDGER: dict[str, str] = {
    "charter.approved": "changed",
    "contract.signed": "changed",
    "policy.signed": "changed",
    "policy.gone_back": "changed",
    "worth.changed": "changed",
    "baseline.changed": "changed",
    "decision.recorded": "changed",
    "gate.passed": "changed",
    "gate.refused": "learned",
    "gate.waived": "learned",
    "stage.redo": "learned",
    "handoff.returned": "learned",
    "handoff.broke": "learned",
}


@dataclass(frozen=True)
class Remark:
    """One line of a review: in which part, what it says, when that was, and where it can be looked at."""

    part: str
    text: str
    at: datetime | None = None
    url: str = ""


def tells(part: str, *names: str) -> None:
    """A room above says which of its audit names a review tells in this part."""
    LEDGER.update(dict.fromkeys(names, part))


def written(number: int, rows: Sequence[Mapping[str, Any]], remarks: Iterable[Remark]) -> dict[str, Any]:
    """The review as it is kept: a sentence, and for each part its newest lines in order and how many are older."""
    parts: dict[str, dict[str, Any]] = {}
    told = sorted(remarks, key=lambda one: (one.at is None, one.at.isoformat() if one.at else ""))
    for part in PARTS:
        lines = [one for one in told if one.part == part]
        parts[part] = {
            "lines": [
                {"text": one.text, "at": one.at.isoformat() if one.at else "", "url": one.url} for one in lines[-MOST:]
            ],
            "older": max(0, len(lines) - MOST),
        }
    return {"finding": _finding(number, rows), "parts": parts}


def spoken(review: Mapping[str, Any], text: Callable[[str], str]) -> dict[str, Any]:
    """A kept review for a reader: `text` hides what was tagged as sensitive only after it was written."""
    parts = {
        name: part | {"lines": [line | {"text": text(line["text"])} for line in part["lines"]]}
        for name, part in review.get("parts", {}).items()
    }
    return {**review, "parts": parts} if parts else dict(review)


def fingerprint(review: Mapping[str, Any]) -> str:
    """What a signature under it is bound to."""
    return hashlib.sha256(json.dumps(review, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def moved(before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> list[str]:
    """How each target stands against the end of the last round, a sentence for each."""
    known = {row.get("key"): row for row in before}
    said = []
    for row in now:
        goal, was = goal_of(row), known.get(row.get("key"))
        if row.get("value") is None:
            continue
        text = f"{goal.name}: {goal.said(row['value'])}, {Verdict(row['verdict']).words.lower()}"
        if was and was.get("value") is not None:
            same = goal.said(was["value"]) == goal.said(row["value"])
            text += ", as in the last round" if same else f"; it was {goal.said(was['value'])} in the last round"
        said.append(f"{text}.")
    return said


def _finding(number: int, rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return f"Round {number} has no targets to be judged by yet."
    met = sum(row.get("verdict") == Verdict.MET for row in rows)
    targets = "target" if len(rows) == 1 else "targets"
    found = f"Round {number} meets {met} of {len(rows)} {targets}"
    unsure = sum(row.get("verdict") == Verdict.CLOSE for row in rows)
    unknown = sum(row.get("verdict") == Verdict.UNMEASURED for row in rows)
    more = [
        f"{count} {words}" for count, words in ((unsure, "too close to call"), (unknown, "not measured yet")) if count
    ]
    return f"{found}{'; ' + ', '.join(more) if more else ''}."
