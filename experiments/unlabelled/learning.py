"""PURE: a method that learned without answers, measured: on held-back rows, and beside itself learned again."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.estimators.catalog import FAMILIES
from experiments.estimators.preprocessing import pipeline
from experiments.evaluation.clusters import Grouped
from experiments.evaluation.oddities import Odd
from experiments.matrices import Layout
from experiments.unlabelled.asking import UNUSUAL, USUAL, edge_of, named, oddness, order_of, placed, spaced

Array = np.ndarray[Any, Any]
Row = Mapping[str, Any]
COUNTS, MOST_COUNTED = range(2, 9), 2_000
SEEDS, MOST_AGAIN, AGAIN = 4, 10_000, 0.8  # learned again so often, from no more rows than so many, a share of all


def others_of(key: str, settings: Row, spec: Row, layout: Layout, train: Array) -> list[Any]:
    """The same method learned again, each time with another seed and from four of five of the rows, which also shakes
    methods in which no number is drawn (Ben-Hur et al. 2002)."""
    found, count = [], min(MOST_AGAIN, round(AGAIN * len(train)))
    for seed in (spec["seed"] + 1 + place for place in range(SEEDS)):
        rows = train[np.sort(np.random.default_rng(seed).choice(len(train), count, replace=False))]
        again = pipeline(FAMILIES[key], spec["kind"], settings, layout, seed, spec["methods"])
        found.append((again.fit(rows), rows))
    return found


def held_of(
    model: Any, key: str, settings: Row, spec: Row, layout: Layout, parts: tuple[Array, Array], truth: Array
) -> Grouped | Odd:
    """What a method says of the held-back rows, ready to be measured. `parts` are rows to learn from and held back."""
    train, test = parts
    others = others_of(key, settings, spec, layout, train)
    if spec["kind"] == "clustering":
        ready = spaced(model, test)
        return Grouped(ready, model[-1].predict(ready), [one[-1].predict(spaced(one, test)) for one, _ in others])
    share = float(spec["share"])
    score, edge = oddness(model, test), edge_of(model, train, share)
    flags = [oddness(one, test) > edge_of(one, rows, share) for one, rows in others]
    return Odd(truth, score, edge, share, flags)


def by_count(key: str, settings: Row, spec: Row, layout: Layout, train: Array) -> list[dict[str, Any]]:
    """The silhouette with two groups, three, and so on, on some of the rows to learn from."""
    if "groups" not in settings:
        return []
    rows, found = train[: min(len(train), MOST_COUNTED)], []
    for count in COUNTS:
        if count >= len(rows):
            break
        model = pipeline(FAMILIES[key], spec["kind"], {**settings, "groups": count}, layout, spec["seed"]).fit(rows)
        ready = spaced(model, rows)
        value = Grouped(ready, model[-1].predict(ready)).value("silhouette")
        found.append({"groups": count, "silhouette": value})
    return found


def signed(kind: str, model: Any, train: Array, share: float) -> dict[str, Any]:
    """What the signature says of the answers: groups in order of size, or from where on a row is unusual."""
    if kind == "clustering":
        labels = np.asarray(model[-1].predict(spaced(model, train)), dtype=np.int64)
        count = max(int(labels.max()) + 1, _groups_in(model))
        order = order_of(labels, count)
        return {"classes": named(count), "order": order, "positive": None, "negative": None}
    edge = edge_of(model, train, share)
    return {"classes": None, "edge": edge, "share": share, "positive": UNUSUAL, "negative": USUAL}


def _groups_in(model: Any) -> int:
    estimator = model[-1]
    return len(estimator.means_ if hasattr(estimator, "means_") else estimator.cluster_centers_)


def agreement(kind: str, said: Array, known: Array) -> float:
    """How far what was said of changed rows is what was said of the rows themselves, 1 being the same.

    For groups the share of rows that stay in theirs; for what is unusual the correlation of ranks.
    """
    if kind == "clustering":
        return float((said == known).mean())
    from scipy.stats import spearmanr

    found = spearmanr(said, known).statistic
    return float(found) if np.isfinite(found) else 0.0


def said_of(kind: str, model: Any, rows: Array) -> Array:
    """What `agreement` compares."""
    return oddness(model, rows) if kind == "anomaly" else np.asarray(model[-1].predict(spaced(model, rows)))


def spread(signature: Row, model: Any, rows: Array) -> dict[str, Any]:
    """How the answers on held-back rows are spread: shares of groups, or scores with the share that is flagged."""
    if signature["kind"] == "clustering":
        places, _ = placed(model, rows, signature["order"])
        names = signature["classes"]
        shares = np.bincount(places, minlength=len(names)) / max(1, len(places))
        return {"categories": dict(zip(names, shares.tolist(), strict=True))}
    from experiments.references import binned

    score = oddness(model, rows)
    return binned(score) | {"positive_share": float((score > signature["edge"]).mean())}
