"""PURE: random forests, and extra trees, which choose their cuts at random too."""

from collections.abc import Mapping
from typing import Any

from experiments.estimators.family import EVERY, Family, Setting


def make_forest(kind: str, settings: Mapping[str, Any], seed: int) -> Any:
    """A forest that uses one thread, so that the same seed gives the same trees everywhere."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    shared = _shared(settings, seed)
    return RandomForestRegressor(**shared) if kind == "regression" else RandomForestClassifier(**shared)


def make_extra(kind: str, settings: Mapping[str, Any], seed: int) -> Any:
    """Extremely randomised trees (Geurts et al. 2006), in one thread as well."""
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    shared = _shared(settings, seed)
    return ExtraTreesRegressor(**shared) if kind == "regression" else ExtraTreesClassifier(**shared)


def _shared(settings: Mapping[str, Any], seed: int) -> dict[str, Any]:
    return {
        "n_estimators": settings["n_estimators"],
        "max_depth": settings["max_depth"] or None,
        "min_samples_leaf": settings["min_samples_leaf"],
        "max_features": settings["max_features"],
        "random_state": seed,
        "n_jobs": 1,
    }


SETTINGS = (
    Setting(
        "n_estimators", "Trees", "More is steadier and slower.", "integer", 200, 10, 2000, usual=(50, 500), scale="log"
    ),
    Setting("max_depth", "Depth at most", "How many questions a tree may ask; 0 is no limit.", "integer", 0, 0, 100),
    Setting(
        "min_samples_leaf",
        "Rows per leaf at least",
        "More keeps trees from learning by heart.",
        "integer",
        5,
        1,
        10_000,
        usual=(1, 50),
        scale="log",
    ),
    Setting(
        "max_features",
        "Share of inputs per question",
        "Less makes trees differ more.",
        "number",
        0.3,
        0.01,
        1.0,
        usual=(0.1, 1.0),
    ),
)

FOREST = Family(
    key="forest",
    name="Random forest",
    words="Steady, little to tune. Minutes.",
    kinds=EVERY,
    prepare="filled",
    make=make_forest,
    preset=True,
    settings=SETTINGS,
)

EXTRA_TREES = Family(
    key="extra_trees",
    name="Extra trees",
    words="A forest that cuts at random: faster, and smoother where rows are few.",
    kinds=EVERY,
    prepare="filled",
    make=make_extra,
    settings=SETTINGS,
)
