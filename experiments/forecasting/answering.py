"""PURE: rows as callers send them (a moment, a series, what is known ahead, maybe the past) as a model sees them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.forecasting.asking import HISTORY, past, wrong
from experiments.forecasting.past import Array, looked, on_grid, scale_of
from experiments.forecasting.steps import Plan, calendar, place, plan_of, told
from problems.problem import Invalid

GOLDEN_SERIES, LONG_PAST = 5, 5
Row = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """Rows ready for the pipeline, with the steps that each looks ahead and how much is usual in its series."""

    rows: list[Row]
    ahead: Array
    scales: Array


def asked(rows: Sequence[Row], signature: Mapping[str, Any]) -> Asked:
    """Each row with all that is made of the past; those without a past of their own look at the stored one."""
    plan = plan_of(signature["forecast"], signature["target"])
    made: list[Row] = [{} for _ in rows]
    ahead, scales = np.zeros(len(rows), dtype=np.int64), np.ones(len(rows))
    stored: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        if why := wrong(signature, row):
            raise Invalid(f"{why[0]} {why[1]}.", fields={why[0]: why[1]})
        if row.get(HISTORY) is None:
            stored.setdefault(str(row[plan.key]) if plan.key else "", []).append(number)
        else:
            known = past(row[HISTORY], plan.step)
            first, values = on_grid(known)
            _look([number], rows, (values, first + values.size - 1), plan, made, ahead)
            scale = scale_of(values, plan.seasons[0])
            scales[number] = scale if np.isfinite(scale) else signature["usual_scale"]
    for name, numbers in stored.items():
        kept = signature["tail"][name]
        values = np.array([np.nan if value is None else value for value in kept["values"]])
        _look(numbers, rows, (values, kept["end"]), plan, made, ahead)
        scales[numbers] = kept["scale"]
    return Asked(made, ahead, scales)


def _look(
    numbers: list[int], rows: Sequence[Row], known: tuple[Array, int], plan: Plan, made: list[Row], ahead: Array
) -> None:
    """Fill in the rows that share one past, which ends with a step."""
    values, end = known
    targets = np.array([place(rows[number][plan.time], plan.step) for number in numbers])
    ahead[numbers] = targets - end
    found = looked(values, np.full(len(numbers), values.size - 1), targets - end, plan)
    for at, number in enumerate(numbers):
        seen = {name: (None if np.isnan(column[at]) else float(column[at])) for name, column in found.items()}
        made[number] = dict(rows[number]) | seen | calendar(int(targets[at]), plan.step)


def golden(signature: Mapping[str, Any], beside: Mapping[str, Row], most: int) -> list[Row]:
    """Rows that the packed model must answer as the trained one: the steps ahead of stored series, some with a past.

    `beside` is for each series what else a row holds, as its last known row had it.
    """
    plan, tail = plan_of(signature["forecast"], signature["target"]), signature["tail"]
    names = list(tail)[:GOLDEN_SERIES]
    rows = []
    for ahead in range(1, plan.horizon + 1):
        for name in names:
            row = dict(beside[name]) | ({plan.key: name} if plan.key else {}) | {HISTORY: None}
            rows.append(row | {plan.time: told(tail[name]["end"] + ahead, plan.step)})
    rows = rows[: most - 1]
    name, kept = names[0], tail[names[0]]
    steps = range(kept["end"] - len(kept["values"]) + 1, kept["end"] + 1)
    told_past = [
        {"time": told(step, plan.step), "value": value} for step, value in zip(steps, kept["values"], strict=True)
    ]
    return [*rows, rows[0] | {HISTORY: told_past}]
