"""PURE: clean values of the rows of one request as number arrays and codes of words, column by column.

It reads only what is plainly right. Anything else is `None`, and `signatures.check_rows` says what is wrong with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np

from experiments.matrices import GAP, PARTS, Layout, Matrix, part_of
from experiments.signatures import LARGEST, LONGEST_TEXT, check_rows

NONE = type(None)
PLAIN: dict[str, frozenset[type]] = {
    "integer": frozenset({int}),
    "number": frozenset({int, float}),
    "boolean": frozenset({bool}),
    "text": frozenset({str}),
}
WORDS = {True: "true", False: "false", None: GAP}


@dataclass(frozen=True)
class Columns:
    """Rows as arrays: `numbers` (rows x number columns, gaps NaN), `words` (a list for each word column)."""

    numbers: np.ndarray[Any, Any]
    words: list[list[str]]

    def __len__(self) -> int:
        return len(self.numbers)


@dataclass(frozen=True)
class Taken:
    """What was read of a request: each input's values as they came, and the same as arrays."""

    values: list[Sequence[Any]]
    columns: Columns


def of_matrix(matrix: Matrix, layout: Layout) -> Columns:
    """The columns of a matrix as pipelines see it."""
    numbers = matrix[:, layout.numbers].astype(np.float64)
    return Columns(numbers, [matrix[:, place].tolist() for place in layout.words])


class Reader:
    """Reads rows of one signature."""

    def __init__(self, signature: Mapping[str, Any]) -> None:
        self.signature = signature
        self.names = [field["name"] for field in signature["inputs"]]
        self._fields = [(field["name"], field["type"], bool(field["nullable"])) for field in signature["inputs"]]
        self._pick = itemgetter(*self.names) if len(self.names) > 1 else None

    def read(self, rows: Sequence[Mapping[str, Any]]) -> Taken | None:
        """The rows, when every value is plainly of its type; the same that the slow way makes of them."""
        return self.read_columns(self._values(rows), len(rows))

    def read_columns(self, values: list[Sequence[Any]], size: int) -> Taken | None:
        """The same for the values of each input, in their order, of so many rows."""
        numbers: list[Any] = []
        words: list[list[str]] = []
        gaps = 0
        for (name, kind, nullable), found in zip(self._fields, values, strict=True):
            if kind in PARTS:
                ready = self._moments(name, kind, found)
                if ready is None:
                    return None
                numbers.extend(ready)
                gaps += found.count(None) * len(ready)
            else:
                if not _fits(found, kind, nullable):
                    return None
                if kind == "text":
                    words.append([GAP if value is None else value for value in found] if nullable else list(found))
                elif kind == "boolean":
                    words.append([WORDS[value] for value in found])
                else:
                    numbers.append(found)
                    gaps += found.count(None) if nullable else 0
        return _arrays(Taken(values, Columns(np.empty((size, 0)), words)), numbers, gaps)

    def _values(self, rows: Sequence[Mapping[str, Any]]) -> list[Sequence[Any]]:
        """The values of each input; one that a row does not name is a gap."""
        if self._pick:
            try:
                return list(zip(*map(self._pick, rows), strict=True))
            except KeyError:
                pass
        return [[row.get(name) for row in rows] for name in self.names]

    def _moments(self, name: str, kind: str, found: Sequence[Any]) -> list[list[float]] | None:
        field = next(field for field in self.signature["inputs"] if field["name"] == name)
        if check_rows({"inputs": [field]}, [{name: value} for value in found])[1]:
            return None
        return [[part_of(value, part) for value in found] for part in PARTS[kind]]


def _fits(found: Sequence[Any], kind: str, nullable: bool) -> bool:
    """Whether every value is plainly of its type; numbers are looked at once more as an array."""
    types = set(map(type, found)) - PLAIN[kind]
    if types and not (nullable and types == {NONE}):
        return False
    if kind != "text":
        return True
    texts = list(filter(None, found)) if types else found
    together = "".join(texts)  # most often shorter than the longest text alone may be
    return (len(together) <= LONGEST_TEXT or max(map(len, texts)) <= LONGEST_TEXT) and "\x00" not in together


def _arrays(taken: Taken, numbers: list[Any], gaps: int) -> Taken | None:
    """With the numbers as an array; None where one is too large, or is NaN without being a gap."""
    words = taken.columns.words
    try:
        block = np.array(numbers, dtype=np.float64).reshape(len(numbers), len(taken.columns)).T
    except OverflowError:
        return None
    if np.count_nonzero(np.abs(block) <= LARGEST) + gaps != block.size:
        return None
    return Taken(taken.values, Columns(block, words))
