"""PURE: methods that find rows unlike the rest: by cutting them off, by their neighbours, by an edge, by an ellipse."""

from collections.abc import Mapping
from typing import Any

from experiments.estimators.family import Family, Setting

ODD = frozenset({"anomaly"})
MOST_NEAR, MOST_SVM = 50_000, 20_000


def _isolation(kind: str, settings: Mapping[str, Any], seed: int) -> Any:
    from sklearn.ensemble import IsolationForest

    return IsolationForest(
        n_estimators=settings["n_estimators"],
        max_samples=settings["max_samples"],
        max_features=settings["max_features"],
        n_jobs=1,
        random_state=seed,
    )


def _near(kind: str, settings: Mapping[str, Any], seed: int) -> Any:
    """Compares with every training row (`brute`): exact, and nothing but the rows is stored."""
    from sklearn.neighbors import LocalOutlierFactor

    return LocalOutlierFactor(n_neighbors=settings["n_neighbors"], algorithm="brute", novelty=True, n_jobs=1)


def _edge(kind: str, settings: Mapping[str, Any], seed: int) -> Any:
    from sklearn.svm import OneClassSVM

    return OneClassSVM(nu=settings["nu"])


def _ellipse(kind: str, settings: Mapping[str, Any], seed: int) -> Any:
    from sklearn.covariance import EllipticEnvelope

    return EllipticEnvelope(support_fraction=settings["support"], random_state=seed)


def _near_refuses(settings: Mapping[str, Any], rows: int) -> str:
    if rows > MOST_NEAR:
        return f"it compares each new row with all {rows}; it takes at most {MOST_NEAR}. Use the isolation forest."
    if settings["n_neighbors"] >= rows:
        return f"there are only {rows} rows to learn from; ask fewer neighbours."
    return ""


def _edge_refuses(settings: Mapping[str, Any], rows: int) -> str:
    return f"it takes at most {MOST_SVM} rows. Use the isolation forest." if rows > MOST_SVM else ""


ISOLATION = Family(
    key="isolation",
    name="Isolation forest",
    words="Cuts the rows at random; what is cut off soon is unusual. Quick and hard to confuse.",
    kinds=ODD,
    prepare="scaled",
    make=_isolation,
    preset=True,
    settings=(
        Setting("n_estimators", "Trees", "More is steadier and slower.", "integer", 100, 10, 1000),
        Setting("max_samples", "Rows for each tree", "Fewer sees single odd rows better.", "integer", 256, 16, 10_000),
        Setting("max_features", "Share of inputs for each tree", "1 looks at all of them.", "number", 1.0, 0.1, 1.0),
    ),
)
OUTLIER_FACTOR = Family(
    key="outlier_factor",
    name="Local outlier factor",
    words="Unusual is what lies where its neighbours do not. Finds odd rows between groups.",
    kinds=ODD,
    prepare="scaled",
    make=_near,
    refuses=_near_refuses,
    preset=True,
    settings=(Setting("n_neighbors", "Neighbours", "More compares with a wider surrounding.", "integer", 20, 2, 500),),
)
ONE_CLASS = Family(
    key="one_class",
    name="One-class SVM",
    words="Draws a curved edge around what is usual. Sharp, and slow with many rows.",
    kinds=ODD,
    prepare="scaled",
    make=_edge,
    refuses=_edge_refuses,
    settings=(
        Setting("nu", "Share that may lie outside", "How loosely the edge is drawn.", "number", 0.05, 0.001, 0.5),
    ),
)
ELLIPSE = Family(
    key="ellipse",
    name="Robust ellipse",
    words="How far a row lies from the middle of all, seen along how inputs go together. For numbers of one cloud.",
    kinds=ODD,
    prepare="scaled",
    make=_ellipse,
    settings=(
        Setting("support", "Share that surely is usual", "The middle is learned from these.", "number", 0.9, 0.5, 1.0),
    ),
)
