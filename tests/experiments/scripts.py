"""What somebody would write with plain scikit-learn: the same estimators, the table prepared by hand with pandas."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR

TREES: dict[str, Any] = {"n_estimators": 20, "min_samples_leaf": 5, "max_features": 0.3, "random_state": 5}
BOOSTED: dict[str, Any] = {
    "learning_rate": 0.06,
    "max_iter": 12,
    "max_leaf_nodes": 15,
    "l2_regularization": 1.0,
    "random_state": 5,
}
NET: dict[str, Any] = {
    "hidden_layer_sizes": (32,),
    "alpha": 0.01,
    "learning_rate_init": 0.003,
    "max_iter": 60,
    "tol": 1e-3,
    "n_iter_no_change": 5,
    "random_state": 5,
}
NEAR: dict[str, Any] = {"n_neighbors": 15, "weights": "distance", "algorithm": "brute"}


def _sigmoid(model: Any) -> Any:
    folds = StratifiedKFold(5, shuffle=True, random_state=5)
    return CalibratedClassifierCV(model, cv=folds, ensemble=False)


def _scaled(model: Any) -> Any:
    return TransformedTargetRegressor(model, transformer=StandardScaler())


_ANSWERS: dict[str, Callable[[], Any]] = {
    "logistic": lambda: LogisticRegression(max_iter=60),
    "boosted": lambda: HistGradientBoostingClassifier(**BOOSTED),
    "forest": lambda: RandomForestClassifier(**TREES),
    "extra_trees": lambda: ExtraTreesClassifier(**TREES),
    "linear_svm": lambda: _sigmoid(LinearSVC(max_iter=20_000, random_state=5)),
    "svm": lambda: _sigmoid(SVC()),
    "neighbours": lambda: KNeighborsClassifier(**NEAR),
    "bayes": lambda: GaussianNB(var_smoothing=1e-2),
    "neural": lambda: MLPClassifier(**NET),
    "dummy": lambda: DummyClassifier(),
}
_NUMBERS: dict[str, Callable[[], Any]] = {
    "linear": lambda: Ridge(),
    "boosted": lambda: HistGradientBoostingRegressor(**BOOSTED),
    "forest": lambda: RandomForestRegressor(**TREES),
    "extra_trees": lambda: ExtraTreesRegressor(**TREES),
    "linear_svm": lambda: _scaled(
        LinearSVR(epsilon=0.1, loss="squared_epsilon_insensitive", dual="auto", max_iter=20_000, random_state=5)
    ),
    "svm": lambda: _scaled(SVR()),
    "neighbours": lambda: KNeighborsRegressor(**NEAR),
    "neural": lambda: _scaled(MLPRegressor(**NET)),
    "dummy": lambda: DummyRegressor(),
}
PLAIN: dict[tuple[str, str], Callable[[], Any]] = {
    **{(key, kind): make for key, make in _ANSWERS.items() for kind in ("binary", "multiclass")},
    **{(key, "regression"): make for key, make in _NUMBERS.items()},
}


def by_hand(frame: pd.DataFrame, train: np.ndarray, style: str) -> np.ndarray:
    """Numbers as the style says, dates in parts, then one column per word of the training rows, gaps as a word."""
    numbers = pd.DataFrame({"tenure": frame["tenure"].astype(float), "price": frame["price"].astype(float)})
    for name in ("since", "seen"):
        moments = pd.to_datetime(frame[name])
        numbers[f"{name} days"] = (moments - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)
        numbers[f"{name} month"], numbers[f"{name} weekday"] = moments.dt.month, moments.dt.weekday
        if name == "seen":
            numbers["seen hour"] = moments.dt.hour
    if style != "raw":
        numbers = numbers.fillna(numbers.iloc[train].median())
    if style != "filled":
        numbers = (numbers - numbers.iloc[train].mean()) / numbers.iloc[train].std(ddof=0)
    columns = [numbers.to_numpy(dtype=float)]
    for name in ("plan", "senior"):
        words = frame[name].map({True: "true", False: "false"}) if name == "senior" else frame[name].fillna("\x00gap")
        columns += [(words == word).to_numpy(dtype=float)[:, None] for word in sorted(set(words.iloc[train]))]
    return np.hstack(columns)
