"""PURE: Kolmogorov-Smirnov distance at the edges of the bins."""

from itertools import accumulate

from monitoring.drift.measure import Measure
from monitoring.drift.pair import Pair


def value(pair: Pair) -> float:
    """Largest gap between both cumulative shares at a bin's edge.

    At most the exact distance, and below it by no more than the largest share of one bin on either side.
    """
    gaps = zip(accumulate(pair.reference), accumulate(pair.now), strict=True)
    return min(max((abs(before - now) for before, now in gaps), default=0.0), 1.0)


MEASURE = Measure("ks", "Kolmogorov-Smirnov distance", "Largest gap between the two curves", value, True, top=1.0)
