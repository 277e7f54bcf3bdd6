"""PURE: groups of numbers, as age groups: by stated edges, of equal width, or of equal size."""

from itertools import pairwise

from datasets.recipes.base import Ask, Learned, Params, Step, Tables
from datasets.recipes.fields import Field
from datasets.recipes.frame import NUMERIC, Frame, literal, missing
from datasets.recipes.late import ibis
from problems.problem import Invalid


class Bins(Step):
    """A value on an edge belongs to the group above it. Learned edges leave the first and the last group open."""

    kind = "bins"
    title = "Group numbers"
    help = "Each group reaches from its edge up to, and without, the next. Learned edges are kept."
    learns = True
    fields = (
        Field("column", "column", "Column", types=NUMERIC),
        Field("name", "name", "New column"),
        Field("method", "choice", "Edges", choices={"edges": "stated", "width": "equal width", "size": "equal size"}),
        Field("edges", "numbers", "Stated edges", "Such as: 18; 30; 50.", default=[], required=False),
        Field("count", "integer", "Number of groups", "For equal width and size.", default=5, low=2, high=100),
    )

    def check(self, p: Params) -> None:
        if (p["method"] == "edges") != bool(p["edges"]):
            text = "State the edges." if p["method"] == "edges" else "Edges are stated only for stated edges."
            raise Invalid(text, fields={"edges": text})
        if any(b <= a for a, b in pairwise(p["edges"])):
            raise Invalid("The edges rise from one to the next.", fields={"edges": "They rise from one to the next."})

    def sentence(self, p: Params) -> str:
        how = (
            f"at {', '.join(f'{one:g}' for one in p['edges'][:6])}"
            if p["edges"]
            else f"into {p['count']} of equal {p['method']}"
        )
        return f"Group {p['column']} {how} as {p['name']}."

    def learn(self, frame: Frame, p: Params, ask: Ask, tables: Tables) -> Learned:
        if p["method"] == "edges":
            return {"edges": p["edges"]}
        x, parts = frame[p["column"]].cast("float64"), range(1, p["count"])
        if p["method"] == "width":
            (row,) = ask(frame.table.aggregate(low=x.min(), high=x.max()))
            if row["low"] is None:
                return {"edges": []}
            found = [row["low"] + (row["high"] - row["low"]) * i / p["count"] for i in parts]
        else:
            (row,) = ask(frame.table.aggregate(**{f"q{i}": x.quantile(i / p["count"]) for i in parts}))
            found = [value for value in row.values() if value is not None]
        return {"edges": sorted(set(found))}

    def apply(self, frame: Frame, p: Params, learned: Learned, tables: Tables) -> Frame:
        if p["name"] != p["column"]:
            frame.free_name(p["name"])
        edges: list[float] = p["edges"] if "edges" not in learned else learned["edges"]
        x, labels = frame[p["column"]].cast("float64"), _labels(edges)
        cases = [(x < literal(edge, "number"), ibis.literal(label)) for edge, label in zip(edges, labels, strict=False)]
        value = ibis.cases(*cases, else_=ibis.literal(labels[-1])) if cases else ibis.literal(labels[-1])
        return frame.put({p["name"]: ("text", ibis.ifelse(x.isnull(), missing("text"), value))})

    def noted(self, learned: Learned) -> str:
        return f"Edges: {', '.join(f'{edge:.6g}' for edge in learned.get('edges', []))}" if learned.get("edges") else ""


def _labels(edges: list[float]) -> list[str]:
    """`below 18`, `18 to 30`, `50 and more`."""
    if not edges:
        return ["all"]
    inner = [f"{low:.6g} to {high:.6g}" for low, high in pairwise(edges)]
    return [f"below {edges[0]:.6g}", *inner, f"{edges[-1]:.6g} and more"]
