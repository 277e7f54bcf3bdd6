"""PURE: what targets ask beyond the metrics of the whole: a metric on some rows, and gaps between groups.

The interval of a gap holds for all pairs of groups at once: each group's interval is widened for their number
(Bonferroni), each pair's difference has the interval of Newcombe 1998 (in general form Donner and Zou 2012, MOVER), and
the largest gap lies between the largest lower and the largest upper end. It is rather too wide than too narrow.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, pairwise
from statistics import NormalDist
from typing import Any

import numpy as np

from experiments.evaluation.intervals import Held, Measured, measured_one
from experiments.evaluation.metrics import Array
from experiments.signatures import word
from projects.contract import Goal, TargetKind

SMALL = 30  # fewer rows are measured, and said to be few
MOST_GROUPS, MOST_VALUES, QUARTERS = 40, 12, 4
MISSING = "(missing)"
Values = Callable[[str], Sequence[Any] | None]


def measured_goals(goals: Sequence[Goal], held: Held, values: Values, seed: int) -> dict[str, Measured]:
    """Slices and fairness gaps among these targets, by their keys.

    Each is {value, low, high, n} with a `note` where a reader must know more, or {value: None, reason}. `values` gives
    a column of the same rows in the same order, or None where the data has no such column.
    """
    found = {}
    for goal in goals:
        if goal.kind in (TargetKind.SLICE, TargetKind.FAIRNESS):
            column = values(goal.column)
            if column is None:
                found[goal.key] = _unknown(f"the rows have no column “{goal.column}”")
            elif goal.kind == TargetKind.SLICE:
                found[goal.key] = of_slice(goal, held, column, seed)
            else:
                found[goal.key] = of_groups(goal, held, column, seed)
    return found


def _unknown(reason: str, rows: int = 0) -> Measured:
    return {"value": None, "low": None, "high": None, "n": rows, "reason": reason}


def of_slice(goal: Goal, held: Held, column: Sequence[Any], seed: int) -> Measured:
    """A metric on the rows that a slice means."""
    rows = in_slice(goal, column)
    if not rows.any():
        return _unknown(f"no row is in “{goal.name}”")
    found = measured_one(held.part(rows), goal.metric, seed)
    count = int(rows.sum())
    return found | ({"note": f"Only {count} rows are in it."} if count < SMALL else {})


def in_slice(goal: Goal, column: Sequence[Any]) -> Array:
    """Which rows a slice means."""
    if goal.floor is None and goal.ceiling is None:
        return np.array([value is not None and word(value) == goal.equals for value in column], dtype=bool)
    low = -math.inf if goal.floor is None else goal.floor
    high = math.inf if goal.ceiling is None else goal.ceiling
    return np.array([_is_number(value) and low <= value < high for value in column], dtype=bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def of_groups(goal: Goal, held: Held, column: Sequence[Any], seed: int) -> Measured:
    """The largest gap of a metric between groups that have enough rows, with every group's own numbers."""
    names = np.array(groups_of(column), dtype=object)
    sizes = {
        str(name): int(count) for name, count in zip(*np.unique(names.astype(str), return_counts=True), strict=True)
    }
    large = sorted((name for name in sizes if sizes[name] >= goal.least_group), key=lambda name: -sizes[name])
    large = large[:MOST_GROUPS]
    small = [name for name in sizes if name not in large]
    pairs = max(1, len(large) * (len(large) - 1) // 2)
    z = NormalDist().inv_cdf(1 - 0.025 / pairs)
    measured = {name: measured_one(held.part(names == name), goal.metric, seed, z) for name in large}
    usable = {name: found for name, found in measured.items() if found["value"] is not None}
    if len(usable) < 2:
        reason = f"fewer than two groups of “{goal.column}” have {goal.least_group} rows and a {goal.metric}"
        return _unknown(reason, int(names.size))
    note = _left_out(small, sizes, [name for name in large if name not in usable], goal)
    groups = [{"name": name, "rows": sizes[name], **usable[name]} for name in sorted(usable)]
    rows = sum(group["rows"] for group in groups)
    return gap(list(usable.values())) | {"n": rows, "note": note, "groups": groups}


def gap(groups: Sequence[Mapping[str, Any]]) -> Measured:
    """The largest difference between groups that are given with their (widened) intervals."""
    lows, highs, gaps = [0.0], [], []
    for one, other in combinations(groups, 2):
        more, less = (one, other) if one["value"] >= other["value"] else (other, one)
        difference = more["value"] - less["value"]
        down = math.hypot(more["value"] - more["low"], less["high"] - less["value"])
        up = math.hypot(more["high"] - more["value"], less["value"] - less["low"])
        gaps.append(difference)
        lows.append(difference - down)
        highs.append(max(difference + up, down - difference))
    return {"value": max(gaps), "low": min(max(lows), max(gaps)), "high": max(highs)}


def groups_of(column: Sequence[Any]) -> list[str]:
    """The group of each row: its word; numbers of more than a dozen kinds by quarters of the rows."""
    numbers = [float(value) for value in column if _is_number(value)]
    if len(numbers) < sum(value is not None for value in column) or len(set(numbers)) <= MOST_VALUES:
        return [MISSING if value is None else word(value) for value in column]
    edges = sorted({float(edge) for edge in np.quantile(numbers, [0.25, 0.5, 0.75], method="nearest")})
    labels = [
        f"under {edges[0]:g}",
        *(f"{low:g} to below {high:g}" for low, high in pairwise(edges)),
    ]
    labels.append(f"{edges[-1]:g} and more")
    return [MISSING if value is None else labels[int(np.searchsorted(edges, value, side="right"))] for value in column]


def _left_out(small: Sequence[str], sizes: Mapping[str, int], undefined: Sequence[str], goal: Goal) -> str:
    """How many groups do not count, and why. The sentence goes where anybody reads it, so it names no value."""
    said = []
    if small:
        said.append(f"Left out as smaller than {goal.least_group} rows: {_counted(small, sizes)}.")
    if undefined:
        said.append(f"Left out because there it is undefined: {_counted(undefined, sizes)}.")
    return " ".join(said)


def _counted(names: Sequence[str], sizes: Mapping[str, int]) -> str:
    return f"{len(names)} group{'s' if len(names) > 1 else ''} of {sum(sizes[name] for name in names)} rows"
