"""PURE: change of the share of rows without a value."""

from monitoring.drift.measure import Measure
from monitoring.drift.pair import Pair


def value(pair: Pair) -> float:
    """Absolute change of the share of missing values."""
    return abs(pair.missing_now - pair.missing_reference)


MEASURE = Measure("missing", "Change of the share missing", "Rows without a value", value, top=1.0)
