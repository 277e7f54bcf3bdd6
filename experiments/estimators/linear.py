"""PURE: logistic and linear regression, with restraint of all weights (ridge), to few inputs (lasso), or both."""

from collections.abc import Mapping
from typing import Any

from experiments.estimators.family import ANSWERS, Family, Setting

RESTRAINTS = ("ridge", "lasso", "elastic net")


def make_logistic(kind: str, settings: Mapping[str, Any], seed: int) -> Any:
    """Logistic regression, with two answers or more; `saga` where weights may become zero."""
    from sklearn.linear_model import LogisticRegression

    share = _share(settings)
    return LogisticRegression(
        C=settings["C"],
        class_weight=settings["class_weight"],
        l1_ratio=share,
        max_iter=settings["max_iter"],
        random_state=seed,
        solver="saga" if share else "lbfgs",
    )


def make_linear(kind: str, settings: Mapping[str, Any], seed: int) -> Any:
    """Least squares: ridge solved directly; lasso and elastic net on an answer scaled to spread 1, restraint / 100."""
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.linear_model import ElasticNet, Ridge
    from sklearn.preprocessing import StandardScaler

    share = _share(settings)
    if not share:
        return Ridge(alpha=settings["alpha"], random_state=seed)
    net = ElasticNet(alpha=settings["alpha"] / 100, l1_ratio=share, max_iter=5000, random_state=seed)
    return TransformedTargetRegressor(net, transformer=StandardScaler())


def _share(settings: Mapping[str, Any]) -> float:
    """How much of the restraint drives weights to zero: scikit-learn's `l1_ratio`."""
    shares = {"ridge": 0.0, "lasso": 1.0}
    return shares.get(settings["restraint"], float(settings["l1_ratio"]))


RESTRAINT = Setting(
    "restraint",
    "Kind of restraint",
    "Ridge keeps all inputs with small weights, lasso drops inputs, elastic net does both.",
    "choice",
    "ridge",
    choices=RESTRAINTS,
)
RATIO = Setting(
    "l1_ratio",
    "Share of lasso",
    "Only for elastic net: 0.01 is nearly ridge, 1 is lasso.",
    "number",
    0.5,
    0.01,
    1.0,
)

LOGISTIC = Family(
    key="logistic",
    name="Logistic regression",
    words="Simple to explain. Seconds. A good yardstick.",
    kinds=ANSWERS,
    prepare="scaled",
    sparse=True,
    make=make_logistic,
    preset=True,
    settings=(
        Setting(
            "C",
            "Freedom",
            "Larger follows the training rows more closely; smaller keeps the model simpler.",
            "number",
            1.0,
            1e-4,
            1e4,
            usual=(0.001, 100.0),
            scale="log",
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
        RESTRAINT,
        RATIO,
    ),
)

LINEAR = Family(
    key="linear",
    name="Linear regression",
    words="Simple to explain. Seconds. A good yardstick.",
    kinds=frozenset({"regression"}),
    prepare="scaled",
    sparse=True,
    make=make_linear,
    preset=True,
    settings=(
        Setting(
            "alpha",
            "Restraint",
            "Larger keeps weights small, which helps when inputs resemble each other.",
            "number",
            1.0,
            0.0001,
            1e6,
            usual=(0.001, 1000.0),
            scale="log",
        ),
        RESTRAINT,
        RATIO,
    ),
)
