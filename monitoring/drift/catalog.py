"""PURE: every measure of change. Adding one is one file and one line here."""

from monitoring.drift import (
    cramer,
    jensen_shannon,
    kolmogorov_smirnov,
    missing,
    new_values,
    other_type,
    psi,
    share,
    wasserstein,
)
from monitoring.drift.measure import Measure

_MEMBERS = (psi, jensen_shannon, kolmogorov_smirnov, wasserstein, cramer, share, missing, new_values, other_type)
MEASURES: dict[str, Measure] = {module.MEASURE.key: module.MEASURE for module in _MEMBERS}
