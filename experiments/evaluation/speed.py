"""PURE: how fast a model answers, one row at a time and many at once, and the memory that its process took."""

import resource
import time
from collections.abc import Callable, Sequence
from typing import Any

from experiments.evaluation.quantiles import measured_quantile

WARM, TRIES, MANY = 5, 60, 1000


def timed(predict: Callable[[list[Any]], Any], rows: Sequence[Any]) -> dict[str, Any]:
    """{p50_ms, p95_ms, rows_per_second}: quantiles with their intervals for one row each, and the pace of many at once.

    `predict` takes a list of clean rows. Measured on this machine, beside whatever else it does. None without a row.
    """
    if not rows:
        return {"p50_ms": None, "p95_ms": None, "rows_per_second": None, "reason": "there is no row to ask with"}
    for place in range(WARM):
        predict([rows[place % len(rows)]])
    taken = []
    for place in range(TRIES):
        started = time.perf_counter()
        predict([rows[place % len(rows)]])
        taken.append(1000 * (time.perf_counter() - started))
    many = [rows[place % len(rows)] for place in range(MANY)]
    started = time.perf_counter()
    predict(many)
    pace = MANY / max(1e-9, time.perf_counter() - started)
    p50, p95 = measured_quantile(taken, 0.5), measured_quantile(taken, 0.95)
    return {"p50_ms": p50, "p95_ms": p95, "rows_per_second": pace}


def memory_mb() -> float:
    """The most memory that this process had so far, in mebibytes (Linux counts kibibytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
