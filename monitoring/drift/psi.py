"""PURE: population stability index, the effect size by which movement is judged."""

from math import log

from monitoring.drift.measure import Measure
from monitoring.drift.pair import Pair, pooled

FLOOR = 1e-4


def value(pair: Pair) -> float:
    """Sum over bins of (now - before) x ln(now / before); shares under one in ten thousand count as that."""
    total = 0.0
    for before, now in zip(*pooled(pair), strict=True):
        p, q = max(before, FLOOR), max(now, FLOOR)
        total += (q - p) * log(q / p)
    return total


MEASURE = Measure("psi", "Population stability index", "How much it moved", value)
