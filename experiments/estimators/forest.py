"""PURE: random forests."""

from collections.abc import Mapping
from typing import Any

from experiments.estimators.family import Family, Setting


def make(kind: str, settings: Mapping[str, Any], seed: int) -> Any:
    """A forest that uses one thread, so that the same seed gives the same trees everywhere."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    shared = {
        "n_estimators": settings["n_estimators"],
        "max_depth": settings["max_depth"] or None,
        "min_samples_leaf": settings["min_samples_leaf"],
        "max_features": settings["max_features"],
        "random_state": seed,
        "n_jobs": 1,
    }
    return RandomForestClassifier(**shared) if kind == "binary" else RandomForestRegressor(**shared)


FOREST = Family(
    key="forest",
    name="Random forest",
    words="Steady, little to tune. Minutes.",
    kinds=frozenset({"binary", "regression"}),
    prepare="filled",
    make=make,
    settings=(
        Setting("n_estimators", "Trees", "More is steadier and slower.", "integer", 200, 10, 2000),
        Setting(
            "max_depth", "Depth at most", "How many questions a tree may ask; 0 is no limit.", "integer", 0, 0, 100
        ),
        Setting(
            "min_samples_leaf",
            "Rows per leaf at least",
            "More keeps trees from learning by heart.",
            "integer",
            5,
            1,
            10_000,
        ),
        Setting(
            "max_features", "Share of inputs per question", "Less makes trees differ more.", "number", 0.3, 0.01, 1.0
        ),
    ),
)
