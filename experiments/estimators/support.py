"""PURE: support vector machines, linear and with a kernel; their chances are calibrated, for they have none."""

from collections.abc import Mapping
from typing import Any

from experiments.estimators.family import EVERY, Family, Setting

MOST_LINEAR = 300_000
MOST_KERNEL = 20_000
FOLDS = 5


def make_linear(kind: str, settings: Mapping[str, Any], seed: int) -> Any:
    """LinearSVC with Platt's sigmoid on five folds, or LinearSVR on a scaled answer."""
    from sklearn.svm import LinearSVC, LinearSVR

    shared = {"C": settings["C"], "max_iter": 20_000, "random_state": seed}
    if kind == "regression":
        return _scaled(
            LinearSVR(epsilon=settings["epsilon"], dual="auto", loss="squared_epsilon_insensitive", **shared)
        )
    return _calibrated(LinearSVC(class_weight=settings["class_weight"], dual="auto", **shared), seed)


def make_kernel(kind: str, settings: Mapping[str, Any], seed: int) -> Any:
    """SVC with Platt's sigmoid on five folds (one model, one sigmoid), or SVR on a scaled answer."""
    from sklearn.svm import SVC, SVR

    shared = {"C": settings["C"], "kernel": settings["kernel"], "gamma": settings["gamma"]}
    if kind == "regression":
        return _scaled(SVR(epsilon=settings["epsilon"], **shared))
    return _calibrated(SVC(class_weight=settings["class_weight"], random_state=seed, **shared), seed)


def _scaled(model: Any) -> Any:
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.preprocessing import StandardScaler

    return TransformedTargetRegressor(model, transformer=StandardScaler())


def _calibrated(model: Any, seed: int) -> Any:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.model_selection import StratifiedKFold

    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    return CalibratedClassifierCV(model, method="sigmoid", cv=folds, ensemble=False)


def _too_many(most: int, instead: str) -> Any:
    def refuses(settings: Mapping[str, Any], rows: int) -> str:
        return f"it would learn for hours from {rows} rows; it takes at most {most}. {instead}" if rows > most else ""

    return refuses


FREEDOM = Setting(
    "C",
    "Freedom",
    "Larger follows the training rows more closely.",
    "number",
    1.0,
    1e-3,
    1e3,
    usual=(0.01, 100.0),
    scale="log",
)
SLACK = Setting(
    "epsilon",
    "Free error",
    "Errors smaller than this share of the answer's spread do not count; only where the answer is a number.",
    "number",
    0.1,
    0.0,
    2.0,
)
WEIGHTS = Setting(
    "class_weight",
    "Weights",
    "“balanced” makes rarer answers count as much as the others.",
    "choice",
    None,
    choices=(None, "balanced"),
)

LINEAR_SVM = Family(
    key="linear_svm",
    name="Support vectors, linear",
    words="Draws the widest straight border. Good with very many inputs, such as words of texts.",
    kinds=EVERY,
    prepare="scaled",
    sparse=True,
    make=make_linear,
    refuses=_too_many(MOST_LINEAR, "Use logistic or linear regression."),
    settings=(FREEDOM, WEIGHTS, SLACK),
)

KERNEL_SVM = Family(
    key="svm",
    name="Support vectors, curved",
    words="Draws the widest curved border. Strong on small tables, slow on large ones.",
    kinds=EVERY,
    prepare="scaled",
    sparse=True,
    make=make_kernel,
    refuses=_too_many(MOST_KERNEL, "Use boosted trees."),
    settings=(
        FREEDOM,
        Setting(
            "kernel",
            "Shape of the border",
            "“rbf” bends anywhere, “poly” along products of inputs, “sigmoid” like one layer of a neural network.",
            "choice",
            "rbf",
            choices=("rbf", "poly", "sigmoid"),
        ),
        Setting(
            "gamma",
            "Reach of one row",
            "“scale” looks at how far the inputs spread, “auto” only at how many there are.",
            "choice",
            "scale",
            choices=("scale", "auto"),
        ),
        WEIGHTS,
        SLACK,
    ),
)
