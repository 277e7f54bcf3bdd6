"""PURE: held-back answers of a forecast: the metrics of numbers, and two that compare series of any size.

`scales` holds for each row how far its series usually is from itself a season before, over the rows to learn from
(Hyndman and Koehler 2006, “Another look at measures of forecast accuracy”); without it, or where it is 0, the scaled
error is undefined. The symmetric percentage error is the mean of |error| / ((|truth| + |answer|) / 2), from 0 to 2
(Makridakis 1993); where both are 0 the error is 0.
"""

import numpy as np

from experiments.evaluation.metrics import Array, Numbers

FORECAST_KEYS = ("mae", "rmse", "median_ae", "mase", "smape")


class Forecasts(Numbers):
    """Truth and answers of steps ahead."""

    def __init__(self, truth: Array, answer: Array, scales: Array | None = None) -> None:
        super().__init__(truth, answer)
        self.scales = None if scales is None else np.asarray(scales, dtype=np.float64)
        usual = (np.abs(self.truth) + np.abs(self.answer)) / 2
        self._relative = np.divide(self.size, usual, out=np.zeros_like(self.size), where=usual > 0)
        known = self.scales is not None and bool(np.all(self.scales > 0))
        self._scaled = self.size / self.scales if known and self.scales is not None else None

    def part(self, rows: Array) -> "Forecasts":
        """The same for some of the rows, by a mask or by places."""
        return Forecasts(self.truth[rows], self.answer[rows], None if self.scales is None else self.scales[rows])

    def value(self, key: str, weights: Array | None = None) -> float | None:
        """One metric."""
        if key not in ("mase", "smape"):
            return super().value(key, weights)
        sizes = self._scaled if key == "mase" else self._relative
        if sizes is None:
            return None
        w = np.ones_like(self.truth) if weights is None else weights
        return float(w @ sizes / w.sum())

    def values(self, weights: Array | None = None) -> dict[str, float | None]:
        """All metrics."""
        return {key: self.value(key, weights) for key in FORECAST_KEYS}
