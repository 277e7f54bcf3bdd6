"""PURE: cross-validation whose folds are kept: which rows, what each fold measured, and how sure their mean is.

Rows of the locked test part never take part. Folds overlap in what they learn from, so the plain standard error is too
small; the interval is Nadeau and Bengio's (2003) corrected t.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from experiments.evaluation.intervals import Held
from experiments.evaluation.metrics import Array
from problems.problem import Invalid

FOLDS, LEAST_PER_FOLD = 5, 10
Fit = Callable[[Array, Array], Held]


def folds(
    rows: Array,
    count: int,
    seed: int,
    *,
    classes: Array | None = None,
    groups: Array | None = None,
    times: Array | None = None,
) -> list[tuple[Array, Array]]:
    """(learn, test) row numbers of each fold. `classes`, `groups` and `times` have one entry for each of `rows`.

    With `classes` every fold has its share of each; with `groups` none is in two parts of a fold; with `times` a fold
    learns from what was before its test rows. Invalid when that leaves a fold with fewer than `LEAST_PER_FOLD` rows.
    """
    if rows.size < count * LEAST_PER_FOLD:
        raise Invalid(f"{rows.size} rows are too few for {count} folds.", fields={"folds": "Too many."})
    if times is not None:
        parts = np.array_split(np.argsort(times, kind="stable"), count + 1)
        pairs = [(np.concatenate(parts[:place]), parts[place]) for place in range(1, count + 1)]
    else:
        part = _by_groups(groups, count, seed) if groups is not None else _by_chance(rows.size, count, seed, classes)
        pairs = [(np.flatnonzero(part != place), np.flatnonzero(part == place)) for place in range(count)]
    if min(min(learn.size, test.size) for learn, test in pairs) < LEAST_PER_FOLD:
        raise Invalid(f"The rows cannot be cut into {count} folds like this.", fields={"folds": "Too many."})
    return [(np.sort(rows[learn]), np.sort(rows[test])) for learn, test in pairs]


def _by_chance(size: int, count: int, seed: int, classes: Array | None) -> Array:
    chance, part = np.random.default_rng(seed), np.empty(size, dtype=np.int64)
    kinds = np.zeros(size) if classes is None else classes
    start = 0
    for kind in np.unique(kinds):
        places = chance.permutation(np.flatnonzero(kinds == kind))
        part[places] = (np.arange(places.size) + start) % count
        start += places.size
    return part


def _by_groups(groups: Array, count: int, seed: int) -> Array:
    """Whole groups, the largest first into the smallest fold; groups of one size come by chance."""
    names, inverse, sizes = np.unique(groups.astype(str), return_inverse=True, return_counts=True)
    if names.size < count:
        raise Invalid(f"{names.size} groups are too few for {count} folds.", fields={"folds": "Too many."})
    shuffled = np.random.default_rng(seed).permutation(names.size)
    filled, of_group = np.zeros(count), np.empty(names.size, dtype=np.int64)
    for place in sorted(shuffled, key=lambda one: -sizes[one]):
        of_group[place] = int(np.argmin(filled))
        filled[of_group[place]] += sizes[place]
    found: Array = of_group[inverse]
    return found


def cross_validated(fit: Fit, parts: Sequence[tuple[Array, Array]], metric: str) -> dict[str, Any]:
    """{metric, folds: [{value, learn, test, rows}], mean, sd, low, high}; `fit(learn, test)` gives the held-back
    answers.

    `rows` is the SHA-256 of a fold's test rows, so that two trainings can be seen to share their folds.
    """
    found = [{"value": fit(learn, test).value(metric), **_about(learn, test)} for learn, test in parts]
    values = [one["value"] for one in found if one["value"] is not None]
    told: dict[str, Any] = {"metric": metric, "folds": found, "mean": None, "sd": None, "low": None, "high": None}
    if len(values) < len(found) or len(values) < 2:
        return told | {"reason": "it is undefined in a fold"}
    from scipy.stats import t  # only a job's child measures

    mean, sd = float(np.mean(values)), float(np.std(values, ddof=1))
    share = float(np.mean([one["test"] / one["learn"] for one in found]))
    half = float(t.ppf(0.975, len(values) - 1)) * sd * math.sqrt(1 / len(values) + share)
    return told | {"mean": mean, "sd": sd, "low": mean - half, "high": mean + half}


def _about(learn: Array, test: Array) -> dict[str, Any]:
    name = hashlib.sha256(test.astype("<i8").tobytes()).hexdigest()
    return {"learn": int(learn.size), "test": int(test.size), "rows": name}
