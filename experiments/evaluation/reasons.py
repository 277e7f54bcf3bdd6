"""PURE: why a model answers so for one row: each input's share of the way from the usual answer to this one.

Shapley's values (Shapley 1953; Štrumbelj and Kononenko 2014) of replacing inputs of usual rows by those of this row.
They sum exactly to the answer less the usual answer: every order in which inputs come in ends at the row itself, and
values are means over orders. With few inputs all groups of inputs are asked (exact); else orders are drawn, each also
backwards (Mitchell et al. 2022), and every share has the standard error that is left. No more than `budget` rows are
asked.
"""

import math
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from experiments.evaluation.held import Judge
from experiments.evaluation.metrics import Array
from experiments.matrices import Layout, Matrix
from problems.problem import Invalid

BUDGET, MOST_USUAL, EXACT_INPUTS, LEAST_ORDERS = 20_000, 25, 9, 4
BATCH = 5000


def reasons(
    judge: Judge, row: Matrix, usual: Matrix, layout: Layout, *, budget: int = BUDGET, seed: int = 7
) -> dict[str, Any]:
    """{answer, usual, shares: [{name, share, error}], exact, asked} of one row, the largest share first.

    `row` is 1 x layout.width, `usual` are the rows to compare with (at most `MOST_USUAL` seeded ones are used); shares
    are in the judge's unit (a chance, or the unit of the answer). Invalid when the budget is too small for this many
    inputs.
    """
    chance = np.random.default_rng(seed)
    usual = usual[np.sort(chance.choice(len(usual), min(len(usual), MOST_USUAL), replace=False))]
    names = [name for name, _ in layout.inputs]
    if len(names) <= EXACT_INPUTS and 2 ** len(names) * len(usual) <= budget:
        shares, errors, asked = _exact(judge, row, usual, layout)
    else:
        shares, errors, asked = _drawn(judge, row, usual, layout, budget, chance)
    told = [
        {"name": name, "share": float(share), "error": float(error)}
        for name, share, error in zip(names, shares, errors, strict=True)
    ]
    return {
        "answer": float(judge.said(row)[0]),
        "usual": float(judge.said(usual).mean()),
        "shares": sorted(told, key=lambda one: -abs(float(str(one["share"])))),
        "exact": not any(one["error"] for one in told),
        "asked": asked,
    }


def _mixed(row: Matrix, usual: Matrix, layout: Layout, taken: Array) -> Matrix:
    """The usual rows once for each line of `taken` (groups x inputs), with this row's values where it is true."""
    columns = np.zeros((len(taken), layout.width), dtype=bool)
    for place, (name, _) in enumerate(layout.inputs):
        columns[:, list(layout.places[name])] = taken[:, [place]]
    return np.where(np.repeat(columns, len(usual), axis=0), row[0], np.tile(usual, (len(taken), 1)))


def _worth(judge: Judge, row: Matrix, usual: Matrix, layout: Layout, taken: Array) -> Array:
    """The mean answer over the usual rows for each group of inputs, asked in batches."""
    step = max(1, BATCH // len(usual))
    found = [
        judge.said(_mixed(row, usual, layout, part)).reshape(len(part), len(usual)).mean(axis=1)
        for part in (taken[start : start + step] for start in range(0, len(taken), step))
    ]
    return np.concatenate(found)


def _exact(judge: Judge, row: Matrix, usual: Matrix, layout: Layout) -> tuple[Array, Array, int]:
    count = len(layout.inputs)
    groups = [group for size in range(count + 1) for group in combinations(range(count), size)]
    taken = np.zeros((len(groups), count), dtype=bool)
    for line, group in enumerate(groups):
        taken[line, list(group)] = True
    worth = dict(zip(groups, _worth(judge, row, usual, layout, taken), strict=True))
    shares = np.array([_share(place, count, worth) for place in range(count)])
    return shares, np.zeros(count), len(groups) * len(usual)


def _share(place: int, count: int, worth: Mapping[tuple[int, ...], float]) -> float:
    total = 0.0
    for group, value in worth.items():
        if place not in group:
            weight = math.factorial(len(group)) * math.factorial(count - len(group) - 1) / math.factorial(count)
            total += weight * (worth[tuple(sorted((*group, place)))] - value)
    return total


def _drawn(
    judge: Judge, row: Matrix, usual: Matrix, layout: Layout, budget: int, chance: Any
) -> tuple[Array, Array, int]:
    count = len(layout.inputs)
    pairs = budget // (2 * (count + 1) * len(usual))
    while pairs < LEAST_ORDERS // 2 and len(usual) > 5:  # rather fewer usual rows than no orders
        usual = usual[::2]
        pairs = budget // (2 * (count + 1) * len(usual))
    if pairs < LEAST_ORDERS // 2:
        raise Invalid(f"Reasons for {count} inputs need more than {budget} questions to the model.", code="budget")
    orders = np.array([chance.permutation(count) for _ in range(min(pairs, 200))])
    found = (_along(judge, row, usual, layout, orders) + _along(judge, row, usual, layout, orders[:, ::-1])) / 2
    errors = found.std(axis=0, ddof=1) / math.sqrt(len(found)) if len(found) > 1 else np.full(count, np.inf)
    return found.mean(axis=0), errors, len(found) * 2 * (count + 1) * len(usual)


def _along(judge: Judge, row: Matrix, usual: Matrix, layout: Layout, orders: Array) -> Array:
    """What each input adds when they come in in each of these orders, all of which are asked together."""
    lines, count = orders.shape
    taken = np.zeros((lines, count + 1, count), dtype=bool)
    for line, order in enumerate(orders):
        for step, place in enumerate(order, start=1):
            taken[line, step:, place] = True
    worth = _worth(judge, row, usual, layout, taken.reshape(-1, count)).reshape(lines, count + 1)
    found = np.empty((lines, count))
    np.put_along_axis(found, orders, np.diff(worth, axis=1), axis=1)
    return found
