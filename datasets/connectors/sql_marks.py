"""PURE: where a load by a growing column ended, so that no row is lost or doubled: the largest value and its rows.

Rows that share the largest value may come later. The next load asks for that value and all above it, and leaves out
the rows of that value which it brought before, known by their hashes, each as often as it was there. A hash is of the
columns that there were then: a column that was added since makes no new row of an old one.
"""

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from datasets.connectors.sql_columns import GROWING, NUMERIC, DbColumn
from problems.problem import Invalid, Problem

MOST_TIES = 20_000
WIDTH = 8
MOMENT = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d(\.\d+)?(\+00)?)?")


class Mark:
    """Follows the rows of one load."""

    def __init__(self, at: int, before: Mapping[str, Any], *, names: Sequence[str], numeric: bool) -> None:
        self.at, self.numeric, self.names = at, numeric, list(names)
        self.since: str | None = before.get("since")
        known_by = before.get("columns", self.names)
        there = set(known_by) <= set(self.names)
        self._then = [self.names.index(name) for name in known_by] if there else list(range(len(self.names)))
        self._known = _unpacked(before.get("rows", ""))
        self.largest: str | None = self.since
        self._key = _key(self.largest, numeric)
        self._ties: Counter[bytes] = Counter(self._known)
        self.without = 0

    def new(self, rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
        """The rows that no load brought before."""
        kept = []
        for row in rows:
            value = row[self.at]
            if value is None:
                self.without += 1
                kept.append(row)
            elif self._follow(str(value), row):
                kept.append(row)
        return kept

    def _follow(self, value: str, row: Sequence[Any]) -> bool:
        if value == self.since:
            digest = _digest([row[place] for place in self._then])
            if self._known[digest] > 0:
                self._known[digest] -= 1
                if value == self.largest:
                    self._ties[digest] -= 1
                    self._ties[_digest(row)] += 1
                return False
        key = self._key if value == self.largest else _key(value, self.numeric)
        if self._key is None or key > self._key:
            self.largest, self._key = value, key
            self._ties = Counter()
        if key == self._key:
            self._ties[_digest(row)] += 1
        return True

    def as_dict(self) -> dict[str, Any]:
        """Plain values to begin the next load with."""
        if self.largest is None:
            return {}
        if self._ties.total() > MOST_TIES:
            text = (
                f"More than {MOST_TIES:,} rows share the largest value {self.largest}. "
                "Choose a column that grows in finer steps."
            )
            raise Invalid(text, code="too_many_ties", fields={"watermark": text})
        packed = b"".join(sorted(self._ties.elements()))
        return {"since": self.largest, "columns": self.names, "rows": base64.b64encode(packed).decode()}


def _unpacked(text: str) -> Counter[bytes]:
    raw = base64.b64decode(text)
    return Counter(raw[start : start + WIDTH] for start in range(0, len(raw), WIDTH))


def _digest(row: Sequence[Any]) -> bytes:
    whole = hashlib.blake2b(digest_size=WIDTH)
    for cell in row:
        raw = b"" if cell is None else cell if isinstance(cell, bytes) else str(cell).encode("utf-8", "surrogatepass")
        whole.update(f"{-1 if cell is None else len(raw)}:".encode() + raw)
    return whole.digest()


def _key(value: str | None, numeric: bool) -> Any:
    """What sorts like the value: numbers by size, days and times as they are written."""
    if value is None:
        return None
    try:
        if numeric and (number := Decimal(value)).is_finite():
            return number
    except InvalidOperation:
        pass
    if numeric or not MOMENT.fullmatch(value):
        raise Problem(f"The value “{value[:40]}” cannot mark where to go on.", code="odd_watermark")
    return value


def is_numeric(column: DbColumn) -> bool:
    """Whether its values sort as numbers."""
    return column.kind in NUMERIC


def check_growing(column: DbColumn) -> None:
    """Refuse a column that has no order on which one can go on."""
    if column.kind not in GROWING:
        raise Invalid(
            f"“{column.name[:100]}” cannot mark where to go on: it must be a whole number, a decimal, a day or a time.",
            code="odd_watermark",
            fields={"watermark": "Choose a whole number, a decimal, a day or a time."},
        )
