"""PURE: the rows on which two forecasts can be compared: windows after all that both learned from, and what came since.

A forecast is asked ahead of a past, so rows of the table say nothing by themselves: both models are asked from the
same origins, each with what it makes of the past there.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.columns import from_table
from experiments.evaluation.forecasts import Forecasts
from experiments.evaluation.intervals import Held
from experiments.forecasting.asking import wrong
from experiments.forecasting.steps import place, plan_of
from experiments.matrices import layout_of
from experiments.packaging import Bundle, fields_of
from experiments.preparing import prepared
from experiments.references import plain
from jobs.report import Silent
from problems.problem import Invalid

Models = Mapping[str, Bundle]


def held_back(spec: Mapping[str, Any], models: Models) -> tuple[dict[str, Held], list[dict[str, Any]]]:
    """What both say of the challenger's locked windows that the model in use did not learn from, and these rows."""
    data = prepared(spec["challenger_run"], Silent())
    assert data.frame is not None
    until = max(bundle.signature["learned_until"] for bundle in models.values())
    test = data.split.test[data.frame.targets[data.split.test] > until]
    table = data.table.take(test)
    known: dict[str, Held] = {}
    for which, bundle in models.items():
        fields = fields_of(bundle.signature)
        if lacking := [one["name"] for one in fields if one["name"] not in table.column_names]:
            raise Invalid(f"The {which} looks at {', '.join(lacking[:5])}, which the other forecast is not made of.")
        said = bundle.predictor().ask(from_table(table, layout_of(fields)))
        known[which] = Forecasts(data.truth[test], np.asarray(said), data.frame.scales[test])
    rows = [{name: plain(value) for name, value in row.items()} for row in table.to_pylist()]
    return known, rows


def answerable(rows: Sequence[dict[str, Any]], truth: Sequence[str], models: Models) -> list[int]:
    """Which answered rows both can be asked about fairly: with a past that each can use, and after what both learned
    from. A new model remembers values that were still to come when the row was asked about."""
    return [
        number
        for number, row in enumerate(rows)
        if all(_fair(row, bundle.signature) for bundle in models.values()) and truth[number] is not None
    ]


def _fair(row: Mapping[str, Any], signature: Mapping[str, Any]) -> bool:
    plan = plan_of(signature["forecast"], signature["target"])
    at = place(row.get(plan.time), plan.step)
    if at is None or at <= signature["learned_until"]:
        return False
    return wrong(signature, {one["name"]: row.get(one["name"]) for one in signature["inputs"]}) is None
