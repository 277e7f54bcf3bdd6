"""PURE: share of rows in which a value of another type stands than in training."""

from monitoring.drift.measure import Measure
from monitoring.drift.pair import Pair


def value(pair: Pair) -> float:
    """A word where training had numbers, or a number where it had words; of all rows."""
    return pair.strange


MEASURE = Measure("type", "Share of another type", "Values of another type than in training", value, top=1.0)
