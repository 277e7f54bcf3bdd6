"""PURE: numbers, dates and times between two ends."""

from typing import Any

from datasets.quality.base import ALLOWED, RowRule, Scene, allowance, value_of
from datasets.recipes.declared import Params
from datasets.recipes.fields import Field
from datasets.recipes.frame import LARGEST, NUMERIC, TIMES, Frame, literal
from datasets.recipes.late import ibis
from problems.problem import Invalid, Problem


class InRange(RowRule):
    """Both ends belong to it. Missing cells are not judged; infinity and what is no number break it."""

    kind = "in_range"
    title = "Within a range"
    help = "Each number, date or time lies between the ends, which belong to it; missing cells are not judged."
    fields = (
        Field("column", "column", "Column", types=(*NUMERIC, *TIMES)),
        Field("low", "value", "At least", "A number, or a date such as 2026-01-31.", required=False),
        Field("high", "value", "At most", required=False),
        ALLOWED,
    )

    def check(self, p: Params) -> None:
        if p["low"] is None and p["high"] is None:
            raise Invalid("A range needs at least one end.", fields={"low": "State at least one end."})

    def sentence(self, p: Params) -> str:
        name = p["column"][:60]
        if p["low"] is not None and p["high"] is not None:
            return f"{name} lies between {p['low'][:40]} and {p['high'][:40]}{allowance(p)}."
        words = f"at least {p['low'][:40]}" if p["low"] is not None else f"at most {p['high'][:40]}"
        return f"{name} is {words}{allowance(p)}."

    def fits(self, frame: Frame, p: Params) -> None:
        super().fits(frame, p)
        low, high = (_end(frame, p, name) for name in ("low", "high"))
        if low is not None and high is not None and low > high:
            raise Invalid("The lower end is above the upper one.", fields={"low": "Above the upper end."})

    def failing(self, scene: Scene, p: Params) -> Any:
        frame, value = scene.frame, scene.frame[p["column"]]
        low, high = (_end(frame, p, name) for name in ("low", "high"))
        if frame.type_of(p["column"]) == "number":  # what is no number lies above infinity
            low, high = (-LARGEST if low is None else low), (LARGEST if high is None else high)
        below = value < _literal(frame, p, low) if low is not None else ibis.literal(False)
        above = value > _literal(frame, p, high) if high is not None else ibis.literal(False)
        return below | above


def _end(frame: Frame, p: Params, name: str) -> Any:
    if p[name] is None:
        return None
    kind = frame.type_of(p["column"])
    if kind == "integer":
        try:
            return value_of(p[name], "integer", name)
        except Problem:
            return value_of(p[name], "number", name)
    return value_of(p[name], kind, name)


def _literal(frame: Frame, p: Params, value: Any) -> Any:
    kind = frame.type_of(p["column"])
    return literal(value, "number" if kind == "integer" and isinstance(value, float) else kind)
