"""PURE: what changed between two texts, word by word."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

SAME, GONE, NEW = "same", "gone", "new"
# Matching is quadratic in how often the same word comes back; a text made to be slow is compared by lines instead.
MOST_PAIRS = 40_000


@dataclass(frozen=True)
class Piece:
    """A stretch of text: `same` stands in both, `gone` only in the old one, `new` only in the new one."""

    kind: str
    text: str


@dataclass(frozen=True)
class Change:
    """One field of a record whose text is another now."""

    field: str
    pieces: list[Piece]


def pieces(old: str, new: str) -> list[Piece]:
    """The difference, readable from front to back: same and gone give the old text, same and new the new one."""
    if old == new:
        return [Piece(SAME, old)] if old else []
    for pattern in (r"\S+|\s+", r"[^\n]*\n|[^\n]+"):
        before, after = re.findall(pattern, old), re.findall(pattern, new)
        if _pairs(before, after) <= MOST_PAIRS:
            return _joined(before, after)
    return [Piece(kind, text) for kind, text in ((GONE, old), (NEW, new)) if text]


def _pairs(before: Sequence[str], after: Sequence[str]) -> int:
    there = Counter(token for token in after if not token.isspace())
    return sum(count * there[token] for token, count in Counter(before).items())


def _joined(before: Sequence[str], after: Sequence[str]) -> list[Piece]:
    found: list[Piece] = []
    # Blanks are junk to the matcher: they join words, but no match begins with one.
    matcher = SequenceMatcher(str.isspace, before, after, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            found.append(Piece(SAME, "".join(before[a:b])))
            continue
        found += [Piece(GONE, "".join(before[a:b]))] if b > a else []
        found += [Piece(NEW, "".join(after[c:d]))] if d > c else []
    return found


def changes(old: Mapping[str, str], new: Mapping[str, str]) -> list[Change]:
    """Every field whose text differs, in the order of the new record."""
    fields = [*new, *(field for field in old if field not in new)]
    return [
        Change(field, pieces(old.get(field, ""), new.get(field, "")))
        for field in fields
        if old.get(field, "") != new.get(field, "")
    ]
