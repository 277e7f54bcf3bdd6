"""PURE: bring the ways of writing one value to one, as `Male`, `male` and `M`."""

from datasets.recipes.base import Learned, Params, Step, Tables
from datasets.recipes.fields import Field
from datasets.recipes.frame import Frame, missing
from datasets.recipes.late import ibis
from problems.problem import Invalid


class MapValues(Step):
    """Values that are not listed stay, or become missing."""

    kind = "map_values"
    title = "Map values"
    help = "One line for each value, such as “Male => M”."
    fields = (
        Field("column", "column", "Column", types=("text",)),
        Field("values", "mapping", "Values", "Old => new, one in a line. Nothing after the arrow means missing."),
        Field("fold", "yes_no", "Upper and lower case are the same", default=False),
        Field(
            "others", "choice", "Other values", default="keep", choices={"keep": "stay", "missing": "become missing"}
        ),
    )

    def check(self, p: Params) -> None:
        if p["fold"] and len({old.lower() for old in p["values"]}) < len(p["values"]):
            text = "Two old values differ only in case."
            raise Invalid(text, fields={"values": text})

    def sentence(self, p: Params) -> str:
        shown = ", ".join(f"“{old[:30]}” to “{new[:30]}”" for old, new in list(p["values"].items())[:3])
        more = f" and {len(p['values']) - 3} more" if len(p["values"]) > 3 else ""
        return f"In {p['column']} change {shown}{more}."

    def apply(self, frame: Frame, p: Params, learned: Learned, tables: Tables) -> Frame:
        values = frame[p["column"]]
        looked = values.lower() if p["fold"] else values
        other = values if p["others"] == "keep" else missing("text")
        cases = [
            (ibis.literal(old.lower() if p["fold"] else old), ibis.literal(new) if new else missing("text"))
            for old, new in p["values"].items()
        ]
        return frame.put({p["column"]: ("text", looked.cases(*cases, else_=other))})
