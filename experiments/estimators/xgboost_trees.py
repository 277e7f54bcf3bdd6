"""PURE: XGBoost, where its library is installed."""

from collections.abc import Mapping
from typing import Any

from experiments.estimators.family import EVERY, Family, Setting


def make(kind: str, settings: Mapping[str, Any], seed: int) -> Any:
    """Histogram trees in one thread, so that the same seed gives the same trees."""
    from xgboost import XGBClassifier, XGBRegressor

    shared = {
        "n_estimators": settings["n_estimators"],
        "learning_rate": settings["learning_rate"],
        "max_depth": settings["max_depth"],
        "min_child_weight": settings["min_child_weight"],
        "subsample": settings["subsample"],
        "reg_lambda": settings["reg_lambda"],
        "tree_method": "hist",
        "random_state": seed,
        "n_jobs": 1,
        "verbosity": 0,
    }
    return XGBRegressor(**shared) if kind == "regression" else XGBClassifier(**shared)


XGBOOST = Family(
    key="xgboost",
    name="XGBoost",
    words="Boosted trees that grow level by level, with restraint to choose.",
    kinds=EVERY,
    prepare="raw",
    make=make,
    needs="xgboost",
    settings=(
        Setting(
            "n_estimators",
            "Trees",
            "More fits closer and takes longer.",
            "integer",
            150,
            5,
            5000,
            usual=(30, 600),
            scale="log",
        ),
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
        Setting("max_depth", "Depth at most", "How many questions a tree may ask.", "integer", 4, 1, 15, usual=(2, 10)),
        Setting(
            "min_child_weight",
            "Weight per leaf at least",
            "More keeps trees careful.",
            "number",
            5.0,
            0.0,
            1e4,
            usual=(0.0, 20.0),
        ),
        Setting(
            "subsample",
            "Share of rows per tree",
            "Less makes trees differ more.",
            "number",
            0.9,
            0.1,
            1.0,
            usual=(0.5, 1.0),
        ),
        Setting(
            "reg_lambda",
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
