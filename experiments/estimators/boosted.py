"""PURE: gradient-boosted trees (histogram gradient boosting); missing numbers stay missing and are learned from."""

from collections.abc import Mapping
from typing import Any

from experiments.estimators.family import EVERY, Family, Setting


def make(kind: str, settings: Mapping[str, Any], seed: int) -> Any:
    """scikit-learn's HistGradientBoosting; it stops early by itself from 10 000 rows on."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    shared = {
        "learning_rate": settings["learning_rate"],
        "max_iter": settings["max_iter"],
        "max_leaf_nodes": settings["max_leaf_nodes"],
        "min_samples_leaf": settings["min_samples_leaf"],
        "l2_regularization": settings["l2_regularization"],
        "random_state": seed,
    }
    return HistGradientBoostingRegressor(**shared) if kind == "regression" else HistGradientBoostingClassifier(**shared)


BOOSTED = Family(
    key="boosted",
    name="Gradient-boosted trees",
    words="Usually the most accurate on tables. Minutes.",
    kinds=EVERY,
    prepare="raw",
    make=make,
    preset=True,
    settings=(
        Setting(
            "learning_rate",
            "Learning rate",
            "Smaller steps need more trees.",
            "number",
            0.06,
            0.001,
            1.0,
            usual=(0.01, 0.5),
            scale="log",
        ),
        Setting(
            "max_iter",
            "Trees at most",
            "More fits closer and takes longer.",
            "integer",
            150,
            5,
            5000,
            usual=(30, 600),
            scale="log",
        ),
        Setting(
            "max_leaf_nodes",
            "Leaves per tree",
            "More lets inputs act together.",
            "integer",
            15,
            2,
            1000,
            usual=(4, 128),
            scale="log",
        ),
        Setting(
            "min_samples_leaf",
            "Rows per leaf at least",
            "More keeps trees from learning by heart.",
            "integer",
            20,
            1,
            10_000,
            usual=(5, 200),
            scale="log",
        ),
        Setting(
            "l2_regularization",
            "Restraint",
            "Larger keeps single answers smaller.",
            "number",
            1.0,
            0.0,
            1e4,
            usual=(0.0, 10.0),
        ),
    ),
)
