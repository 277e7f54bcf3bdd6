"""PURE: k nearest neighbours: asks the rows that resemble the new one most."""

from collections.abc import Mapping
from typing import Any

from experiments.estimators.family import EVERY, Family, Setting

MOST = 50_000


def make(kind: str, settings: Mapping[str, Any], seed: int) -> Any:
    """Compares with every training row (`brute`): exact, and nothing but the rows is stored."""
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    shared = {
        "n_neighbors": settings["n_neighbors"],
        "weights": settings["weights"],
        "p": {"straight line": 2, "city blocks": 1}[settings["distance"]],
        "algorithm": "brute",
        "n_jobs": 1,
    }
    return KNeighborsRegressor(**shared) if kind == "regression" else KNeighborsClassifier(**shared)


def refuses(settings: Mapping[str, Any], rows: int) -> str:
    """It keeps every row, so very many make each answer slow; and it cannot ask more rows than there are."""
    if rows > MOST:
        return f"it compares each new row with all {rows}; it takes at most {MOST}. Use boosted trees."
    if settings["n_neighbors"] > rows:
        return f"there are only {rows} rows to learn from; ask fewer neighbours."
    return ""


NEIGHBOURS = Family(
    key="neighbours",
    name="Nearest neighbours",
    words="Answers as the most similar rows did. Easy to show, weak with many inputs.",
    kinds=EVERY,
    prepare="scaled",
    make=make,
    refuses=refuses,
    settings=(
        Setting(
            "n_neighbors",
            "Neighbours",
            "More is smoother, fewer follows single rows.",
            "integer",
            15,
            1,
            1000,
            usual=(1, 100),
            scale="log",
        ),
        Setting(
            "weights",
            "Who counts how much",
            "“distance” lets nearer rows count more.",
            "choice",
            "distance",
            choices=("uniform", "distance"),
        ),
        Setting(
            "distance",
            "How nearness is measured",
            "Along a straight line, or as the sum over all inputs, which minds one far input less.",
            "choice",
            "straight line",
            choices=("straight line", "city blocks"),
        ),
    ),
)
