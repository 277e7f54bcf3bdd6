"""PURE: Cramér's V of the chi-square test, as it were with equally many rows on both sides."""

from math import sqrt

from monitoring.drift.measure import Measure
from monitoring.drift.pair import Pair, pooled


def value(pair: Pair) -> float:
    """Square root of chi-square over rows (Cramér 1946), 1 where the sides share no bin.

    Chi-square itself grows with the rows and V falls where one side has many more, so both are taken as equally large.
    """
    total = sum((now - before) ** 2 / (now + before) for before, now in zip(*pooled(pair), strict=True) if now + before)
    return sqrt(min(total / 2, 1.0))


MEASURE = Measure("cramer", "Cramér's V", "Strength of the tie between a row's value and its time", value, top=1.0)
