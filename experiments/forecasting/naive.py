"""PURE: the yardstick of forecasts: the same step of the season before, else the last known value, else the mean."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin

from experiments.forecasting.steps import LAGS

LAST, SEASON = 1, 1 + LAGS  # where `past.names` puts them


class SeasonalNaive(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Looks at one value of the past, and learns nothing but a mean for where there is none."""

    def fit(self, matrix: Any, truth: Any) -> "SeasonalNaive":
        """Keep the mean."""
        self.mean_ = float(np.mean(truth))
        return self

    def predict(self, matrix: Any) -> Any:
        """One number a row."""
        season, last = matrix[:, SEASON].astype(np.float64), matrix[:, LAST].astype(np.float64)
        found = np.where(np.isnan(season), last, season)
        return np.where(np.isnan(found), self.mean_, found)
