"""PURE: where a quantile lies, without a word about how the values are spread: order statistics."""

import math
from collections.abc import Sequence
from typing import Any

from experiments.evaluation.comparison import Z


def ranks(rows: int, share: float) -> tuple[int, int, int]:
    """The ranks (from 1) of the values at, below and above a quantile that hold it at 95%.

    The binomial's normal approximation, as in Hahn and Meeker 1991, section 5.2. Where the upper rank would lie beyond
    the largest value, the largest stands for it.
    """
    half = Z * math.sqrt(rows * share * (1 - share))
    middle = max(1, math.ceil(rows * share))
    return middle, max(1, math.floor(rows * share - half)), min(rows, math.ceil(rows * share + half) + 1)


def measured_quantile(values: Sequence[float], share: float) -> dict[str, Any]:
    """{value, low, high, n} of a quantile of these values."""
    ordered = sorted(values)
    value, low, high = (ordered[rank - 1] for rank in ranks(len(ordered), share))
    return {"value": value, "low": low, "high": high, "n": len(ordered)}
