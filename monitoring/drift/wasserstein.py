"""PURE: Wasserstein distance in standard deviations of the reference: how far the rows had to be carried."""

from monitoring.drift.measure import Measure
from monitoring.drift.pair import Pair


def value(pair: Pair) -> float | None:
    """Area between both curves over the reference's standard deviation; None where training had one value only."""
    if pair.curves is None:
        return None
    area = pair.curves.area()
    if pair.curves.spread > 0:
        return area / pair.curves.spread
    return 0.0 if area == 0 else None


MEASURE = Measure("wasserstein", "Wasserstein distance", "How far it was carried, in standard deviations", value, True)
