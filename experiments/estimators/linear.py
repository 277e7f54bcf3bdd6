"""PURE: logistic and linear regression, with a little restraint so that similar inputs do no harm."""

from collections.abc import Mapping
from typing import Any

from experiments.estimators.family import Family, Setting


def make_logistic(kind: str, settings: Mapping[str, Any], seed: int) -> Any:
    """L2-regularised logistic regression."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(
        C=settings["C"], class_weight=settings["class_weight"], max_iter=settings["max_iter"], random_state=seed
    )


def make_linear(kind: str, settings: Mapping[str, Any], seed: int) -> Any:
    """L2-regularised least squares (ridge), solved directly."""
    from sklearn.linear_model import Ridge

    return Ridge(alpha=settings["alpha"], random_state=seed)


LOGISTIC = Family(
    key="logistic",
    name="Logistic regression",
    words="Simple to explain. Seconds. A good yardstick.",
    kinds=frozenset({"binary"}),
    prepare="scaled",
    make=make_logistic,
    settings=(
        Setting(
            "C",
            "Freedom",
            "Larger follows the training rows more closely; smaller keeps the model simpler.",
            "number",
            1.0,
            1e-4,
            1e4,
        ),
        Setting(
            "class_weight",
            "Weights",
            "“balanced” makes the rarer answer count as much as the other.",
            "choice",
            None,
            choices=(None, "balanced"),
        ),
        Setting("max_iter", "Steps at most", "How long the solver may take.", "integer", 1000, 50, 10_000),
    ),
)

LINEAR = Family(
    key="linear",
    name="Linear regression",
    words="Simple to explain. Seconds. A good yardstick.",
    kinds=frozenset({"regression"}),
    prepare="scaled",
    make=make_linear,
    settings=(
        Setting(
            "alpha",
            "Restraint",
            "Larger keeps weights small, which helps when inputs resemble each other.",
            "number",
            1.0,
            0.0001,
            1e6,
        ),
    ),
)
