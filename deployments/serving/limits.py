"""PURE: what each key asked of this server, held against the key's limits before anything is answered.

A limit of requests a minute is kept by each server for itself. The rows of a day are counted by all servers together,
as far as this one knows: what others answered in the last seconds is not known yet, so a quota may be passed by that.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from problems.problem import Problem

MINUTE, DAY = 60.0, 86_400
Used = tuple[str, str, str]  # key, deployment, day of UTC as 2027-01-31
COUNTS = ("requests", "rows", "refused", "limited", "failed")


class OverLimit(Problem):
    """More than this key may ask."""

    status = 429


@dataclass(frozen=True)
class Key:
    """One caller's key: the deployments it is for, the first where none is named; when it ends, and how much it may."""

    id: str
    deployments: tuple[str, ...]
    ends: float
    per_minute: int | None = None
    rows_per_day: int | None = None


@dataclass
class Window:
    """The requests of this minute and of the one before: together an estimate of any last 60 seconds."""

    minute: int = 0
    now: int = 0
    before: int = 0

    def wait(self, at: float, most: int) -> float:
        """Seconds until one more may come; 0 takes it."""
        minute, gone = int(at // MINUTE), at % MINUTE / MINUTE
        if minute != self.minute:
            self.before, self.now = (self.now if minute == self.minute + 1 else 0), 0
            self.minute = minute
        if self.now + self.before * (1 - gone) + 1 <= most:
            self.now += 1
            return 0.0
        left = MINUTE * (1 - gone)
        if self.now < most:  # room comes while the minute before fades
            return max(0.01, min(left, MINUTE * (self.now + self.before * (1 - gone) + 1 - most) / self.before))
        return left + MINUTE * (self.now + 1 - most) / self.now if self.now else left


@dataclass
class Limits:
    """All keys of one server. The loop admits and counts; the refresher hands the counts over and brings totals."""

    clock: Callable[[], float] = time.time
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _windows: dict[str, Window] = field(default_factory=dict)
    _counts: dict[Used, dict[str, float]] = field(default_factory=dict)
    _sent: dict[Used, dict[str, float]] = field(default_factory=dict)
    _rows: dict[tuple[str, str], int] = field(default_factory=dict)
    _known: dict[tuple[str, str], int] = field(default_factory=dict)
    _reserved: dict[tuple[str, str], int] = field(default_factory=dict)

    def admit(self, key: Key) -> None:
        """One more request of this key; OverLimit says when the next may come."""
        if key.per_minute is not None:
            window = self._windows.setdefault(key.id, Window())
            if wait := window.wait(self.clock(), key.per_minute):
                text = f"This key may ask {key.per_minute} times a minute. Try again in {wait:.0f} s."
                raise OverLimit(text, code="rate_limit", retry_after=max(1, round(wait + 0.5)))
        if key.rows_per_day is not None:
            self._room(key, 1)

    def reserve(self, key: Key, rows: int) -> str:
        """Room for the rows of one request; gives the day that they belong to, for `release`."""
        day = self._day()
        if key.rows_per_day is None:
            return day
        with self._guard:
            self._check(key, rows, day)
            self._reserved[key.id, day] = self._reserved.get((key.id, day), 0) + rows
        return day

    def release(self, key: Key, rows: int, day: str) -> None:
        """These rows were not answered."""
        if key.rows_per_day is not None:
            with self._guard:
                self._let_go(self._reserved, (key.id, day), rows)

    def used(self, key: Key, deployment: str, rows: int, day: str) -> None:
        """These rows were answered: from now on they are counted instead of held."""
        with self._guard:
            counts = self._counts.setdefault((key.id, deployment, day), {})
            counts["rows"] = counts.get("rows", 0) + rows
            counts["last_at"] = self.clock()
            if key.rows_per_day is not None:
                self._rows[key.id, day] = self._rows.get((key.id, day), 0) + rows
                self._let_go(self._reserved, (key.id, day), rows)

    @staticmethod
    def _let_go(held: dict[tuple[str, str], int], place: tuple[str, str], rows: int) -> None:
        left = held.get(place, 0) - rows
        if left > 0:
            held[place] = left
        else:
            held.pop(place, None)

    def _room(self, key: Key, rows: int) -> None:
        with self._guard:
            self._check(key, rows, self._day())

    def _check(self, key: Key, rows: int, day: str) -> None:
        assert key.rows_per_day is not None
        used = sum(told.get((key.id, day), 0) for told in (self._known, self._rows, self._reserved))
        if used + rows > key.rows_per_day:
            left = max(0, key.rows_per_day - used)
            asked = f" {left} are left and {rows} were asked." if left else ""
            text = (
                f"This key may have {key.rows_per_day} rows answered on one day (UTC).{asked} A new day begins at 0:00."
            )
            wait = int(DAY - self.clock() % DAY) + 1
            raise OverLimit(text, code="quota", retry_after=wait, rows_left=left)

    def count(self, key: str, deployment: str, outcome: str) -> None:
        """One request that was answered, refused, limited or failed."""
        at, place = self.clock(), (key, deployment, self._day())
        with self._guard:
            counts = self._counts.setdefault(place, {})
            counts["requests"] = counts.get("requests", 0) + 1
            if outcome != "answered":
                counts[outcome] = counts.get(outcome, 0) + 1
            counts["last_at"] = at

    def take(self) -> dict[Used, dict[str, float]]:
        """Everything counted since the last time. It still counts here until `settle` or `give_back`."""
        with self._guard:
            if not self._sent:
                self._sent, self._counts = self._counts, {}
            return dict(self._sent)

    def give_back(self) -> None:
        """It could not be handed over; it goes with the next."""
        with self._guard:
            for place, counts in self._sent.items():
                mine = self._counts.setdefault(place, {})
                for name, value in counts.items():
                    mine[name] = max(mine.get(name, 0), value) if name == "last_at" else mine.get(name, 0) + value
            self._sent = {}

    def settle(self, totals: Mapping[tuple[str, str], int], keys: Mapping[str, Key]) -> None:
        """It was handed over; `totals` are the rows of keys with a quota, by key and day, of all servers."""
        known = {key.id for key in keys.values()}
        with self._guard:
            for (key, _, day), counts in self._sent.items():
                self._let_go(self._rows, (key, day), int(counts.get("rows", 0)))
            self._sent, self._known = {}, dict(totals)
            self._windows = {key: window for key, window in self._windows.items() if key in known}

    def _day(self) -> str:
        return datetime.fromtimestamp(self.clock(), UTC).date().isoformat()


@dataclass(frozen=True)
class Bound:
    """One request of a key to a deployment, within the key's limits."""

    limits: Limits
    key: Key
    deployment: str

    @contextmanager
    def room(self, rows: int) -> Iterator[None]:
        """Room for its rows while they are answered; they count when that went well."""
        day = self.limits.reserve(self.key, rows)
        try:
            yield
        except BaseException:
            self.limits.release(self.key, rows, day)
            raise
        self.limits.used(self.key, self.deployment, rows, day)
