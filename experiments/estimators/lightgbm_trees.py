"""PURE: LightGBM, where its library is installed."""

from collections.abc import Mapping
from typing import Any

from experiments.estimators.family import EVERY, Family, Setting


def make(kind: str, settings: Mapping[str, Any], seed: int) -> Any:
    """One thread and `deterministic`, so that the same seed gives the same trees on one machine."""
    from lightgbm import LGBMClassifier, LGBMRegressor

    shared = {
        "n_estimators": settings["n_estimators"],
        "learning_rate": settings["learning_rate"],
        "num_leaves": settings["num_leaves"],
        "min_child_samples": settings["min_child_samples"],
        "reg_lambda": settings["reg_lambda"],
        "random_state": seed,
        "deterministic": True,
        "force_row_wise": True,
        "n_jobs": 1,
        "verbosity": -1,
    }
    return LGBMRegressor(**shared) if kind == "regression" else LGBMClassifier(**shared)


LIGHTGBM = Family(
    key="lightgbm",
    name="LightGBM",
    words="Boosted trees that grow leaf by leaf. Fast on large tables.",
    kinds=EVERY,
    prepare="raw",
    make=make,
    needs="lightgbm",
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
        Setting(
            "num_leaves",
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
            "min_child_samples",
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
