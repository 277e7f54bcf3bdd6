"""PURE: the yardstick that runs beside every training: it looks at no input."""

from collections.abc import Mapping
from typing import Any

from experiments.estimators.family import Family


def make(kind: str, settings: Mapping[str, Any], seed: int) -> Any:
    """Always the most frequent answer with the average chance, or always the average number."""
    from sklearn.dummy import DummyClassifier, DummyRegressor

    return DummyClassifier(strategy="prior") if kind == "binary" else DummyRegressor(strategy="mean")


DUMMY = Family(
    key="dummy",
    name="Yardstick",
    words="Looks at no input. What every method must beat.",
    kinds=frozenset({"binary", "regression"}),
    prepare="filled",
    make=make,
)
