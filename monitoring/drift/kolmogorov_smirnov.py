"""PURE: Kolmogorov-Smirnov distance at the points of the curves, both right before and right at each."""

from itertools import accumulate

from monitoring.drift.measure import Measure
from monitoring.drift.pair import Pair


def value(pair: Pair) -> float:
    """Largest gap between both cumulative shares.

    At most the exact distance; below it by no more than 0.002 where the reference keeps its curve, otherwise by no
    more than the largest share of one bin.
    """
    if pair.curves is not None:
        return pair.curves.largest_gap()
    gaps = zip(accumulate(pair.reference), accumulate(pair.now), strict=True)
    return min(max((abs(before - now) for before, now in gaps), default=0.0), 1.0)


MEASURE = Measure("ks", "Kolmogorov-Smirnov distance", "Largest gap between the two curves", value, True, top=1.0)
