"""PURE: the largest change of one bin's or category's share of the rows."""

from monitoring.drift.measure import Measure
from monitoring.drift.pair import Pair


def value(pair: Pair) -> float:
    """Largest change of a share, in shares of all rows with a value."""
    return max((abs(now - before) for before, now in zip(pair.reference, pair.now, strict=True)), default=0.0)


MEASURE = Measure("share", "Largest change of a share", "The value that gained or lost most", value, top=1.0)
