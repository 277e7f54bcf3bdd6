"""PURE: Jensen-Shannon distance with logarithms to base 2, between 0 and 1."""

from math import log2, sqrt

from monitoring.drift.measure import Measure
from monitoring.drift.pair import Pair


def value(pair: Pair) -> float:
    """Square root of the mean divergence of both sides from their middle."""
    total = 0.0
    for before, now in zip(pair.reference, pair.now, strict=True):
        middle = (before + now) / 2
        total += sum(share * log2(share / middle) for share in (before, now) if share > 0)
    return sqrt(min(max(total / 2, 0.0), 1.0))


MEASURE = Measure("js", "Jensen-Shannon distance", "How far apart the two pictures are", value, top=1.0)
