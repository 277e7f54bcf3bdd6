"""PURE: naive Bayes: every input speaks for itself."""

from collections.abc import Mapping
from typing import Any

from experiments.estimators.family import ANSWERS, Family, Setting


def make(kind: str, settings: Mapping[str, Any], seed: int) -> Any:
    """Gaussian naive Bayes; it draws no random number."""
    from sklearn.naive_bayes import GaussianNB

    return GaussianNB(var_smoothing=settings["var_smoothing"])


BAYES = Family(
    key="bayes",
    name="Naive Bayes",
    words="Counts each input alone. A second; ranks well, its chances are too sure.",
    kinds=ANSWERS,
    prepare="scaled",
    make=make,
    settings=(
        Setting(
            "var_smoothing",
            "Smoothing",
            "Added to each spread, as a share of the largest; larger is more careful.",
            "number",
            1e-2,
            1e-9,
            10.0,
            usual=(1e-09, 1.0),
            scale="log",
        ),
    ),
)
