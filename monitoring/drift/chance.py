"""PURE: how large a movement chance alone makes, so that a small window does not cry wolf."""

from math import sqrt
from statistics import NormalDist

FALSE_ALARMS = 0.01  # of one whole check of an unchanged world; the inputs share it


def psi_by_chance(bins: int, rows_reference: int, rows_now: int, tests: int = 1) -> float:
    """The population stability index that an unchanged input passes by chance only `FALSE_ALARMS / tests` of the time.

    Without change it follows (1/n + 1/m) x chi-square with bins - 1 degrees of freedom (Yurdakul 2018). The quantile
    is Wilson and Hilferty's; the rare bins are pooled before (see `pair.pooled`), or the tail would be heavier.
    """
    if bins < 2 or not rows_reference or not rows_now:
        return 0.0
    degrees = bins - 1
    z = NormalDist().inv_cdf(1 - FALSE_ALARMS / max(tests, 1))
    quantile = degrees * (1 - 2 / (9 * degrees) + z * sqrt(2 / (9 * degrees))) ** 3
    return (1 / rows_reference + 1 / rows_now) * quantile


def share_by_chance(share: float, rows_reference: int, rows_now: int, tests: int = 1) -> float:
    """How much a share moves by chance between two samples, at the same rate."""
    if not rows_reference or not rows_now:
        return 1.0
    z = NormalDist().inv_cdf(1 - FALSE_ALARMS / (2 * max(tests, 1)))
    spread = max(share * (1 - share), 1 / rows_now)
    return z * sqrt(spread * (1 / rows_reference + 1 / rows_now))
