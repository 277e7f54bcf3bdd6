"""PURE: held-back answers of a forecast: the metrics of numbers, and two that compare series of any size.

`scales` holds for each row how far its series usually is from itself a season before, over the rows to learn from
(Hyndman and Koehler 2006, “Another look at measures of forecast accuracy”); without it, or where it is 0, the scaled
error is undefined. The symmetric percentage error is the mean of |error| / ((|truth| + |answer|) / 2), from 0 to 2
(Makridakis 1993); where both are 0 the error is 0.

Errors of neighbouring steps are alike, so rows drawn one by one would make intervals too narrow. `steps` says which
step of time each answer is for: then blocks of neighbouring steps are drawn, all series together, in a circle (Politis
and Romano 1992), as long as the errors remember (the rule of Carlstein 1986 for a first-order process).
"""

import math

import numpy as np

from experiments.evaluation.metrics import Array, Numbers

FORECAST_KEYS = ("mae", "rmse", "median_ae", "mase", "smape")


class Forecasts(Numbers):
    """Truth and answers of steps ahead."""

    def __init__(self, truth: Array, answer: Array, scales: Array | None = None, steps: Array | None = None) -> None:
        super().__init__(truth, answer)
        self.scales = None if scales is None else np.asarray(scales, dtype=np.float64)
        self.steps = None if steps is None else np.asarray(steps, dtype=np.int64)
        usual = (np.abs(self.truth) + np.abs(self.answer)) / 2
        self._relative = np.divide(self.size, usual, out=np.zeros_like(self.size), where=usual > 0)
        self._length: int | None = None
        known = self.scales is not None and bool(np.all(self.scales > 0))
        self._scaled = self.size / self.scales if known and self.scales is not None else None

    def part(self, rows: Array) -> "Forecasts":
        """The same for some of the rows, by a mask or by places."""
        scales, steps = (None if one is None else one[rows] for one in (self.scales, self.steps))
        return Forecasts(self.truth[rows], self.answer[rows], scales, steps)

    def drawn(self, chance: np.random.Generator) -> Array | None:
        """How often each row is drawn in one resample of blocks; None where nobody knows the steps."""
        if self.steps is None or not self.steps.size:
            return None
        times, place = np.unique(self.steps, return_inverse=True)
        length = self._block(times.size, place)
        starts = chance.integers(0, times.size, -(-times.size // length))
        taken = (starts[:, None] + np.arange(length)[None, :]).ravel()[: times.size] % times.size
        found: Array = np.bincount(taken, minlength=times.size).astype(np.float64)[place]
        return found

    def _block(self, count: int, place: Array) -> int:
        """How many neighbouring steps are drawn together: as many as sizes of errors remember, a third at most."""
        if self._length is None:
            means = np.bincount(place, self.size) / np.bincount(place)
            centred = means - means.mean()
            spread = float(centred @ centred)
            alike = float(centred[1:] @ centred[:-1]) / spread if count > 3 and spread > 0 else 0.0
            alike = min(0.95, max(0.0, alike))
            wanted = (math.sqrt(6) * alike / (1 - alike**2)) ** (2 / 3) * count ** (1 / 3)
            self._length = max(1, min(math.ceil(wanted), count // 3))
        return self._length

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
