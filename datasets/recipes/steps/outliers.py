"""PURE: values far outside: marked, cut to the bound, or left out with their row."""

from typing import Any

from datasets.recipes.base import Ask, Learned, Params, Step, Tables, names_in_words
from datasets.recipes.fields import Field
from datasets.recipes.frame import NUMERIC, Frame, literal, missing
from datasets.recipes.late import ibis
from problems.problem import Invalid

METHODS = {
    "iqr": "beyond so many widths of the middle half",
    "z": "beyond so many standard deviations from the mean",
    "range": "outside a fixed range",
}
ACTIONS = {
    "flag": "mark in a new column",
    "clip": "cut to the bound",
    "missing": "make missing",
    "drop": "leave the row out",
}


class Outliers(Step):
    """The bounds are learned once (Tukey 1977 for `iqr`; sample standard deviation for `z`) and kept."""

    kind = "outliers"
    title = "Treat outliers"
    help = "Bounds are learned from this data, kept, and used as they are from then on. Missing is no outlier."
    learns = True
    changes_rows = True
    fields = (
        Field("columns", "columns", "Columns", types=NUMERIC),
        Field("method", "choice", "Outlier is what lies", choices=METHODS),
        Field("times", "number", "So many", "1.5 widths or 3 deviations are usual.", default=1.5, low=0.1, high=100),
        Field("low", "number", "Lowest", "Only for a fixed range.", required=False),
        Field("high", "number", "Highest", "Only for a fixed range.", required=False),
        Field("action", "choice", "Then", choices=ACTIONS),
    )

    def check(self, p: Params) -> None:
        stated = p["low"] is not None or p["high"] is not None
        if stated != (p["method"] == "range"):
            text = "State a bound for a fixed range." if not stated else "Bounds are stated only for a fixed range."
            raise Invalid(text, fields={"low": text})
        if stated and None not in (p["low"], p["high"]) and p["low"] > p["high"]:
            raise Invalid("The lowest lies above the highest.", fields={"low": "It lies above the highest."})

    def sentence(self, p: Params) -> str:
        words = {
            "iqr": f"more than {p['times']:g} widths of the middle half outside it",
            "z": f"more than {p['times']:g} standard deviations from the mean",
            "range": f"outside {_bound(p['low'])} to {_bound(p['high'])}",
        }
        return f"In {names_in_words(p['columns'])}, {ACTIONS[p['action']]} what lies {words[p['method']]}."

    def learn(self, frame: Frame, p: Params, ask: Ask, tables: Tables) -> Learned:
        bounds: dict[str, list[float | None]] = {}
        for name in p["columns"]:
            x = frame[name].cast("float64")
            if p["method"] == "range":
                bounds[name] = [p["low"], p["high"]]
                continue
            if p["method"] == "iqr":
                (row,) = ask(frame.table.aggregate(a=x.quantile(0.25), b=x.quantile(0.75)))
            else:
                (row,) = ask(frame.table.aggregate(a=x.mean(), b=x.std(how="sample")))
            bounds[name] = _bounds(row["a"], row["b"], p)
        counted = {f"n{i}": _outside(frame, name, bounds[name]).sum() for i, name in enumerate(bounds)}
        (row,) = ask(frame.table.aggregate(**counted))
        return {"bounds": bounds, "outside": {name: int(row[f"n{i}"] or 0) for i, name in enumerate(bounds)}}

    def apply(self, frame: Frame, p: Params, learned: Learned, tables: Tables) -> Frame:
        bounds = {name: learned.get("bounds", {}).get(name, [None, None]) for name in p["columns"]}
        if p["action"] == "drop":
            for name in p["columns"]:
                frame = frame.where(~_outside(frame, name, bounds[name]))
            return frame
        made: dict[str, tuple[str, Any]] = {}
        for name in p["columns"]:
            outside, value = _outside(frame, name, bounds[name]), frame[name]
            if p["action"] == "flag":
                frame.free_name(f"{name}_outlier")
                made[f"{name}_outlier"] = ("boolean", outside)
            elif p["action"] == "missing":
                made[name] = (frame.type_of(name), ibis.ifelse(outside, missing(frame.type_of(name)), value))
            else:
                made[name] = ("number", _clipped(value.cast("float64"), *bounds[name]))
        return frame.put(made)

    def noted(self, learned: Learned) -> str:
        bounds, outside = learned.get("bounds", {}), learned.get("outside", {})
        return "; ".join(
            f"{name}: {_bound(low)} to {_bound(high)}, {outside.get(name, 0)} outside"
            for name, (low, high) in list(bounds.items())[:6]
        )


def _bound(value: float | None) -> str:
    return "any" if value is None else f"{value:.6g}"


def _bounds(first: float | None, second: float | None, p: Params) -> list[float | None]:
    if first is None or second is None:
        return [None, None]
    if p["method"] == "iqr":
        width = second - first
        return [first - p["times"] * width, second + p["times"] * width]
    return [first - p["times"] * second, first + p["times"] * second]


def _outside(frame: Frame, name: str, bounds: list[float | None]) -> Any:
    x, (low, high) = frame[name].cast("float64"), bounds
    nowhere = x.isnull() & ibis.literal(False)
    below = x < literal(low, "number") if low is not None else nowhere
    above = x > literal(high, "number") if high is not None else nowhere
    return (below | above).fill_null(False)


def _clipped(x: Any, low: float | None, high: float | None) -> Any:
    if low is not None:
        x = ibis.ifelse(x < low, literal(low, "number"), x)
    return ibis.ifelse(x > high, literal(high, "number"), x) if high is not None else x
