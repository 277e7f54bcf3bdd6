"""PURE: fill empty cells with a stated or a learned value, or with the one before."""

from dataclasses import replace
from typing import Any

from datasets.recipes.base import Ask, Learned, Params, Step, Tables, names_in_words
from datasets.recipes.fields import Field
from datasets.recipes.frame import NUMERIC, WORDS, Frame, falling, literal, rising, whole
from datasets.recipes.late import ibis
from datasets.recipes.literals import from_text, plain
from problems.problem import Invalid

METHODS = {
    "constant": "a value that I state",
    "mean": "the mean",
    "median": "the middle value",
    "mode": "the most frequent value",
    "forward": "the value of the row before",
}


class FillMissing(Step):
    """Mean, median and mode are learned from the input once and then written as literals."""

    kind = "fill_missing"
    title = "Fill empty cells"
    help = "Mean, middle and most frequent value are learned from this data, kept, and used as they are from then on."
    learns = True
    fields = (
        Field("columns", "columns", "Columns"),
        Field("method", "choice", "Fill with", choices=METHODS),
        Field("value", "text", "Value", "Only for a stated value.", required=False),
        Field(
            "order", "column", "Row order", "Only for the row before: the column that orders the rows.", required=False
        ),
    )

    def check(self, p: Params) -> None:
        if (p["method"] == "constant") != (p["value"] is not None):
            text = (
                "State a value." if p["method"] == "constant" else "A value is stated only for “a value that I state”."
            )
            raise Invalid(text, fields={"value": text})
        if p["order"] and p["method"] != "forward":
            text = "A row order is needed only for the row before."
            raise Invalid(text, fields={"order": text})

    def fits(self, frame: Frame, p: Params) -> None:
        super().fits(frame, p)
        for name in p["columns"]:
            kind = frame.type_of(name)
            if p["method"] in ("mean", "median") and kind not in NUMERIC:
                text = f"“{name[:100]}” is a {WORDS[kind]} and has no {p['method']}."
                raise Invalid(text, fields={"columns": text}, code="wrong_type")
            if p["method"] == "constant":
                from_text(p["value"], kind, "value")

    def sentence(self, p: Params) -> str:
        value = f"“{p['value']}”" if p["method"] == "constant" else METHODS[p["method"]]
        by = f", ordered by {p['order']}" if p["order"] else ""
        return f"Fill empty cells of {names_in_words(p['columns'])} with {value}{by}."

    def learn(self, frame: Frame, p: Params, ask: Ask, tables: Tables) -> Learned:
        if p["method"] in ("constant", "forward"):
            return {}
        return {"values": {name: _statistic(frame, name, p["method"], ask) for name in p["columns"]}}

    def apply(self, frame: Frame, p: Params, learned: Learned, tables: Tables) -> Frame:
        if p["method"] == "forward":
            for name in p["columns"]:
                frame = _forward(frame, name, p["order"])
            return frame
        made = {}
        for name in p["columns"]:
            kind = frame.type_of(name)
            stated = p["method"] == "constant"
            value = from_text(p["value"], kind, "value") if stated else learned.get("values", {}).get(name)
            made[name] = (kind, ibis.coalesce(frame[name], _literal(value, kind)))
        return frame.put(made)

    def noted(self, learned: Learned) -> str:
        found = learned.get("values", {})
        return ", ".join(f"{name}: {_word(value)}" for name, value in list(found.items())[:8])


def _word(value: Any) -> str:
    """A learned value as people read it; what is written into cells is exact."""
    return "nothing" if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)


def _literal(value: Any, kind: str) -> Any:
    """A learned mean of whole numbers is rounded where it is put into a column of whole numbers."""
    return whole(literal(value, "number")) if kind == "integer" and isinstance(value, float) else literal(value, kind)


def _statistic(frame: Frame, name: str, method: str, ask: Ask) -> Any:
    values = frame[name]
    if method == "mode":
        counted = frame.table.filter(values.notnull()).group_by(v=values).aggregate(n=ibis._.count())
        rows = ask(counted.order_by(falling(counted.n), rising(counted.v)).limit(1))
        return plain(rows[0]["v"]) if rows else None
    number = values.cast("float64")
    (row,) = ask(frame.table.aggregate(v=number.mean() if method == "mean" else number.median()))
    return plain(row["v"])


def _forward(frame: Frame, name: str, order: str | None) -> Frame:
    """Each present value begins a group of the rows up to the next one; it is the only value of its group."""
    by = [rising(frame[order]), frame.place] if order else [frame.place]
    before = ibis.window(order_by=by, preceding=None, following=0)
    marked = frame.table.mutate(run=frame[name].count().over(before))
    new = frame.put({name: (frame.type_of(name), frame[name])})
    value = marked[frame.column(name).id].max().over(ibis.window(group_by=marked.run))
    filled = marked.mutate(**{new.column(name).id: value}).select(*[column.id for column in new.columns], "r")
    return replace(new, table=filled)
