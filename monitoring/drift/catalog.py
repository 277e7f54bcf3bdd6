"""PURE: every measure of change. Adding one is one file and one line here."""

from monitoring.drift import jensen_shannon, kolmogorov_smirnov, missing, new_values, psi
from monitoring.drift.measure import Measure

MEASURES: dict[str, Measure] = {
    module.MEASURE.key: module.MEASURE for module in (psi, jensen_shannon, kolmogorov_smirnov, missing, new_values)
}
