"""PURE: how the service did: answers, latency quantiles from a fixed set of bins, answers per hour."""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from experiments.evaluation.quantiles import ranks

BINS_PER_TENFOLD = 40
_EDGES = [10 ** (-1 + i / BINS_PER_TENFOLD) for i in range(6 * BINS_PER_TENFOLD + 1)]  # 0.1 ms to 100 s
PIECES = 24


class Service:
    """Counts of answers and of their latency, over one window of time."""

    def __init__(self, start: datetime, end: datetime) -> None:
        self.start, self.end = start, end
        self.rows = self.rows_with_unknown = 0
        self.last_at: datetime | None = None
        self.first_at: datetime | None = None
        self._latency = [0] * (len(_EDGES) + 1)
        self._timed = 0
        self._pieces = [0] * PIECES

    def add(self, at: Iterable[datetime], latency: Iterable[float | None], unknown: Iterable[int | None]) -> None:
        """Count a batch; the three columns are equally long."""
        length = max((self.end - self.start) / timedelta(seconds=1), 1e-9)
        for moment, milliseconds, unseen in zip(at, latency, unknown, strict=True):
            self.rows += 1
            self.rows_with_unknown += bool(unseen)
            self.first_at = min(self.first_at or moment, moment)
            self.last_at = max(self.last_at or moment, moment)
            piece = int(PIECES * ((moment - self.start) / timedelta(seconds=1)) / length)
            self._pieces[min(max(piece, 0), PIECES - 1)] += 1
            if milliseconds is not None:
                self._timed += 1
                self._latency[bisect_right(_EDGES, milliseconds)] += 1

    def latency(self, share: float) -> float | None:
        """The latency in milliseconds within which this share of answers came; off by at most 6% (one bin)."""
        if not self._timed:
            return None
        wanted, seen = share * self._timed, 0
        for i, count in enumerate(self._latency):
            seen += count
            if seen >= wanted and count:
                return float(f"{_EDGES[min(i, len(_EDGES) - 1)]:.3g}")
        return float(f"{_EDGES[-1]:.3g}")

    def slowest(self) -> dict[str, Any] | None:
        """The slowest 5 of 100 as {value, low, high, n}: order statistics, each end rounded outwards to its bin."""
        if not self._timed:
            return None
        middle, low, high = ranks(self._timed, 0.95)
        found = {"value": self._edge(middle, 0), "low": self._edge(low, -1), "high": self._edge(high, 0)}
        return found | {"n": self._timed, "note": "In live answers."}

    def _edge(self, rank: int, step: int) -> float:
        """An end of the bin that holds the value of this rank: 0 for the upper one, -1 for the lower one."""
        seen = 0
        for i, count in enumerate(self._latency):
            seen += count
            if seen >= rank:
                return float(f"{_EDGES[min(max(i + step, 0), len(_EDGES) - 1)]:.3g}")
        return float(f"{_EDGES[-1]:.3g}")

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the window's row."""
        hours = max((self.end - self.start) / timedelta(hours=1), 1.0)  # a burst of a second is no rate
        return {
            "rows": self.rows,
            "per_hour": self.rows / hours,
            "rows_with_unknown": self.rows_with_unknown,
            "latency_ms": {"p50": self.latency(0.5), "p95": self.latency(0.95), "p99": self.latency(0.99)},
            "slowest": self.slowest(),
            "first_at": self.first_at.isoformat() if self.first_at else None,
            "last_at": self.last_at.isoformat() if self.last_at else None,
            "pieces": self._pieces,
        }
