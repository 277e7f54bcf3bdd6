"""PURE: the yardstick that runs beside every training: it looks at no input."""

from collections.abc import Mapping
from typing import Any

from experiments.estimators.family import EVERY, Family
from experiments.unlabelled.chance import ChanceGroups, ChanceScores


def make(kind: str, settings: Mapping[str, Any], seed: int) -> Any:
    """Always the most frequent answer with the average chance, or always the average number; where nobody knows the
    answers, groups or scores at random."""
    if kind == "clustering":
        return ChanceGroups(int(settings.get("groups", 4)), seed)
    if kind == "anomaly":
        return ChanceScores(seed)
    from sklearn.dummy import DummyClassifier, DummyRegressor

    return DummyRegressor(strategy="mean") if kind == "regression" else DummyClassifier(strategy="prior")


DUMMY = Family(
    key="dummy",
    name="Yardstick",
    words="Looks at no input. What every method must beat.",
    kinds=EVERY | {"clustering", "anomaly"},
    prepare="filled",
    make=make,
)
