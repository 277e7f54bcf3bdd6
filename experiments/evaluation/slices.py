"""PURE: where a model is weakest: the groups of rows, by one column or two together, in which it is surely worse.

Every group of at least `least` rows is tested against all other rows (a mean of costs, Welch; pooled where rows are
only right or wrong). So many looks find something by chance: p-values are Holm's (1979) over all groups looked at, and
intervals are widened for their number. What is only worse because it overlaps a slice that was named is left out.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist
from typing import Any

import numpy as np

from experiments.evaluation.grouping import OTHERS, Groups
from experiments.evaluation.held import Losses, losses
from experiments.evaluation.intervals import Known, wilson
from experiments.evaluation.metrics import Array

LEAST, MOST_NAMED, MOST_COLUMNS, MOST_LOOKS = 30, 5, 20, 20_000
LEVEL = 0.05


@dataclass(frozen=True)
class _Slice:
    """One group: its columns with their groups, how many of its rows count, their mean cost, and how far it is out."""

    where: tuple[tuple[str, int], ...]
    rows: int
    mean: float
    variance: float
    z: float


def weakest(held: Known, columns: Mapping[str, Groups], metric: str, *, least: int = LEAST) -> dict[str, Any]:
    """{by, looked_at, least, columns, skipped, whole, slices} by one metric; `columns` are of the same rows as `held`.

    A slice has where [{column, value}], rows, value, low, high, rest (the metric on all other rows) and p, the surest
    first; none is named that could be chance. Pairs are left out beyond `MOST_LOOKS` groups, which `skipped` says.
    """
    cost = losses(held, metric)
    taken = dict(list(columns.items())[:MOST_COLUMNS])
    codes = {name: groups.codes[cost.rows] for name, groups in taken.items()}
    found, skipped = _all(cost.cost, codes, taken, least)
    named = _named(found, cost, codes, least)
    z = NormalDist().inv_cdf(1 - LEVEL / 2 / max(1, len(found)))
    return {
        "by": cost.by,
        "looked_at": len(found),
        "least": least,
        "columns": list(taken),
        "skipped": skipped + max(0, len(columns) - MOST_COLUMNS),
        "rows": int(cost.cost.size),
        "whole": cost.value(float(cost.cost.mean())) if cost.cost.size else None,
        "slices": [_told(one, p, cost, taken, z) for one, p in named],
    }


def _all(
    cost: Array, codes: Mapping[str, Array], columns: Mapping[str, Groups], least: int
) -> tuple[list[_Slice], int]:
    found, looks, skipped = [], 0, 0
    keys: list[tuple[str, ...]] = [(name,) for name in codes]
    keys += list(combinations(codes, 2))
    for names in keys:
        width = math.prod(len(columns[name].labels) for name in names)
        if len(names) == 2 and looks + width > MOST_LOOKS:
            skipped += 1
            continue
        looks += width
        found += _by(names, cost, codes, columns, least)
    return found, skipped


def _by(
    names: Sequence[str], cost: Array, codes: Mapping[str, Array], columns: Mapping[str, Groups], least: int
) -> list[_Slice]:
    """All groups of one column, or of two together, from three counts in one pass."""
    widths = [len(columns[name].labels) for name in names]
    places = codes[names[0]] if len(names) == 1 else codes[names[0]] * widths[1] + codes[names[1]]
    size = math.prod(widths)
    counts = np.bincount(places, minlength=size)
    sums = np.bincount(places, weights=cost, minlength=size)
    squares = np.bincount(places, weights=cost * cost, minlength=size)
    whole, pooled = (cost.size, float(cost.sum()), float(cost @ cost)), _is_share(cost)
    found = []
    for place in np.flatnonzero((counts >= least) & (cost.size - counts >= least)):
        ends = (int(place),) if len(names) == 1 else divmod(int(place), widths[1])
        where = tuple(zip(names, ends, strict=True))
        if any(columns[name].labels[end] == OTHERS for name, end in where):
            continue
        inside = (int(counts[place]), float(sums[place]), float(squares[place]))
        found.append(_slice(where, inside, whole, pooled))
    return found


def _is_share(cost: Array) -> bool:
    return bool(np.isin(cost, (0.0, 1.0)).all())


def _slice(
    where: tuple[tuple[str, int], ...], inside: tuple[int, float, float], whole: tuple[int, float, float], pooled: bool
) -> _Slice:
    rows, mean, variance = _moments(*inside)
    rest, other, spread = _moments(*(all_ - own for all_, own in zip(whole, inside, strict=True)))
    if pooled:
        share = whole[1] / whole[0]
        error = math.sqrt(share * (1 - share) * (1 / rows + 1 / rest))
    else:
        error = math.sqrt(variance / rows + spread / rest)
    z = (mean - other) / error if error > 0 else 0.0
    return _Slice(where, int(rows), mean, variance, z)


def _moments(count: float, total: float, square: float) -> tuple[float, float, float]:
    mean = total / count
    return count, mean, max(0.0, (square - count * mean * mean) / max(1.0, count - 1))


def _named(found: Sequence[_Slice], cost: Losses, codes: Mapping[str, Array], least: int) -> list[tuple[_Slice, float]]:
    """The surely worse ones, the surest first, each still surely worse on rows that no earlier one covers."""
    named: list[tuple[_Slice, float]] = []
    free = np.ones(cost.cost.size, dtype=bool)
    for rank, one in enumerate(sorted(found, key=lambda one: (-one.z, len(one.where)))):
        p = min(1.0, (len(found) - rank) * (1 - NormalDist().cdf(one.z)))
        if p > LEVEL or len(named) == MOST_NAMED:
            break
        inside = np.logical_and.reduce([codes[name] == code for name, code in one.where])
        if not named or _still(cost.cost, inside & free, free, least):
            named.append((one, p))
            free &= ~inside
    return named


def _still(cost: Array, inside: Array, free: Array, least: int) -> bool:
    rows, rest = cost[inside], cost[free & ~inside]
    if rows.size < least or rest.size < least:
        return False
    error = math.sqrt(float(rows.var(ddof=1)) / rows.size + float(rest.var(ddof=1)) / rest.size)
    return error > 0 and (float(rows.mean()) - float(rest.mean())) / error > NormalDist().inv_cdf(1 - LEVEL / 10)


def _told(one: _Slice, p: float, cost: Losses, columns: Mapping[str, Groups], z: float) -> dict[str, Any]:
    if cost.of_1:
        low, high = wilson(one.mean * one.rows, one.rows, z)
    else:
        half = z * math.sqrt(one.variance / one.rows)
        low, high = max(0.0, one.mean - half), one.mean + half
    rest = (float(cost.cost.sum()) - one.mean * one.rows) / (cost.cost.size - one.rows)
    ends = sorted((cost.value(low), cost.value(high)))
    return {
        "where": [{"column": name, "value": columns[name].labels[code]} for name, code in one.where],
        "rows": one.rows,
        "value": cost.value(one.mean),
        "low": ends[0],
        "high": ends[1],
        "rest": cost.value(rest),
        "p": p,
    }
