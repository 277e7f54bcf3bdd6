"""PURE: what a forecast accepts and remembers: its signature, and the rows that prove a packed one."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.forecasting.answering import golden
from experiments.forecasting.asking import HISTORY
from experiments.forecasting.frames import Frame, tail_of
from experiments.forecasting.steps import HOUR, MONTH, WEEKDAY, Plan, names, plan_of, told
from experiments.references import plain, signature_inputs


def described(spec: Mapping[str, Any], frame: Frame, inputs: Any, sizes: list[float] | None) -> dict[str, Any]:
    """The parts of a signature that only a forecast has, and its inputs as callers send them."""
    plan, train = plan_of(spec["forecast"], spec["target"]), frame.table.take(frame.split.train)
    made = {*names(plan), HOUR, WEEKDAY, MONTH}
    when = next(dict(one) for one in spec["schema"] if one["name"] == plan.time)
    outer = signature_inputs(train, [when, *(one for one in inputs if one["name"] not in made)])
    for one in outer:
        if one["name"] in (plan.time, plan.key):
            one |= {"nullable": False, "min": None, "max": None}
        if one["name"] == plan.time:
            one["example"] = told(max(series.last for series in frame.series) + 1, plan.step)
        if one["name"] == plan.key:
            one["categories"] = [series.name for series in frame.series]
            one["example"] = max(frame.series, key=lambda series: series.last).name
    past = {"name": HISTORY, "type": HISTORY, "nullable": True, "categories": None, "min": None, "max": None}
    usual = frame.scales[np.isfinite(frame.scales)]
    return {
        "inputs": [*outer, past | {"example": None}],
        "features": [{part: one[part] for part in ("name", "type", "treatment") if one.get(part)} for one in inputs],
        "forecast": spec["forecast"],
        "tail": tail_of(frame, plan),
        "learned_until": frame.cut,
        "within": sizes,
        **({"relative": True} if frame.relative else {}),
        "usual_scale": float(usual.mean()) if usual.size else 1.0,
    }


def proof(signature: Mapping[str, Any], frame: Frame, most: int) -> list[dict[str, Any]]:
    """Rows for the bundle: what is known ahead as the last known row of each series had it."""
    plan = plan_of(signature["forecast"], signature["target"])
    return golden(signature, {one.name: _last(one.rows, frame, signature, plan) for one in frame.series}, most)


def _last(rows: Any, frame: Frame, signature: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    names = [one["name"] for one in signature["inputs"] if one["name"] not in (plan.time, plan.key, HISTORY)]
    place = int(np.flatnonzero(frame.places == rows[rows >= 0][-1])[0]) if rows[rows >= 0][-1] in frame.places else -1
    row = frame.table.select(names).slice(place, 1).to_pylist()[0] if names and place >= 0 else {}
    examples = {one["name"]: one["example"] for one in signature["inputs"]}
    return {name: plain(row.get(name, examples[name])) for name in names}
