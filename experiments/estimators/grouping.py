"""PURE: methods that put rows into groups nobody named: k-means, its quick form, and mixtures.

Only what can say the group of a row that it never saw is here, because models are asked about new rows: methods that
group nothing but the rows they were given (agglomerative, HDBSCAN) are not.
"""

from collections.abc import Mapping
from typing import Any

from experiments.estimators.family import Family, Setting

GROUPS = frozenset({"clustering"})
MOST_GROUPS, STARTS = 30, 10


def _count(settings: Mapping[str, Any], rows: int) -> str:
    if settings["groups"] > rows:
        return f"there are only {rows} rows to learn from; ask for fewer groups."
    return ""


def _k_means(kind: str, settings: Mapping[str, Any], seed: int) -> Any:
    from sklearn.cluster import KMeans

    return KMeans(settings["groups"], n_init=settings["starts"], max_iter=settings["max_iter"], random_state=seed)


def _mini_batch(kind: str, settings: Mapping[str, Any], seed: int) -> Any:
    from sklearn.cluster import MiniBatchKMeans

    size = settings["batch_size"]
    return MiniBatchKMeans(settings["groups"], n_init=STARTS, batch_size=size, random_state=seed)


def _mixture(kind: str, settings: Mapping[str, Any], seed: int) -> Any:
    from sklearn.mixture import GaussianMixture

    return GaussianMixture(
        settings["groups"],
        covariance_type={"own ellipse": "full", "along the inputs": "diag", "round": "spherical"}[settings["shape"]],
        n_init=3,
        max_iter=settings["max_iter"],
        reg_covar=1e-4,
        random_state=seed,
    )


def _groups(default: int = 4) -> Setting:
    return Setting("groups", "Groups", "How many groups to look for.", "integer", default, 2, MOST_GROUPS)


_STEPS = Setting("max_iter", "Steps at most", "Ends earlier when nothing moves any more.", "integer", 300, 10, 2000)

K_MEANS = Family(
    key="k_means",
    name="K-means",
    words="Each row belongs to the nearest of a few centres. Quick, and easy to explain.",
    kinds=GROUPS,
    prepare="scaled",
    make=_k_means,
    refuses=_count,
    preset=True,
    settings=(
        _groups(),
        Setting("starts", "Starts", "The best of so many beginnings is kept.", "integer", STARTS, 1, 50),
        _STEPS,
    ),
)
MINI_BATCH = Family(
    key="mini_batch",
    name="K-means in small batches",
    words="K-means that looks at a few rows at a time. For very many rows.",
    kinds=GROUPS,
    prepare="scaled",
    make=_mini_batch,
    refuses=_count,
    settings=(
        _groups(),
        Setting("batch_size", "Rows at a time", "More is steadier and slower.", "integer", 1024, 32, 20_000),
    ),
)
MIXTURE = Family(
    key="mixture",
    name="Gaussian mixture",
    words="Groups of different size and shape that may overlap. Needs more rows.",
    kinds=GROUPS,
    prepare="scaled",
    make=_mixture,
    refuses=_count,
    preset=True,
    settings=(
        _groups(),
        Setting(
            "shape",
            "Shape of a group",
            "“own ellipse” fits most and needs most rows; “round” fits least.",
            "choice",
            "along the inputs",
            choices=("own ellipse", "along the inputs", "round"),
        ),
        _STEPS,
    ),
)
