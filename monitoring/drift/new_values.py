"""PURE: share of rows with a category that the model never saw."""

from monitoring.drift.measure import Measure
from monitoring.drift.pair import Pair


def value(pair: Pair) -> float:
    """Share of the rows with a value whose value is new."""
    return pair.new_share


MEASURE = Measure("new", "Share of unseen values", "Values never seen before", value, top=1.0)
