"""PURE: how the service did: answers, latency quantiles from a fixed set of bins, answers per hour."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

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
        self._latency = np.zeros(len(_EDGES) + 1, np.int64)
        self._timed = 0
        self._pieces = np.zeros(PIECES, np.int64)

    def add(self, batch: pa.RecordBatch) -> None:
        """Count a batch with the columns at, latency_ms and unknown of the prediction log."""
        if not batch.num_rows:
            return
        at, timed = batch.column("at"), batch.column("latency_ms").drop_null().to_numpy()
        self.rows += batch.num_rows
        self.rows_with_unknown += int(pc.sum(pc.greater(batch.column("unknown"), 0)).as_py() or 0)
        ends = pc.min_max(at).as_py()
        self.first_at = min(self.first_at or ends["min"], ends["min"])
        self.last_at = max(self.last_at or ends["max"], ends["max"])
        length = max((self.end - self.start) / timedelta(microseconds=1), 1e-3)
        since = at.cast(pa.int64()).to_numpy() - _microseconds(self.start)
        pieces = np.clip(PIECES * since / length, 0, PIECES - 1).astype(np.int64)
        self._pieces += np.bincount(pieces, minlength=PIECES)
        self._timed += timed.size
        self._latency += np.bincount(np.searchsorted(_EDGES, timed, side="right"), minlength=len(_EDGES) + 1)

    def latency(self, share: float) -> float | None:
        """The latency in milliseconds within which this share of answers came; off by at most 6% (one bin)."""
        if not self._timed:
            return None
        wanted, seen = share * self._timed, 0
        for i, count in enumerate(self._latency):
            seen += int(count)
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
            seen += int(count)
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
            "pieces": self._pieces.tolist(),
        }


def _microseconds(moment: datetime) -> int:
    """Since 1970, as the log has them."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
