"""PURE: a new column by a formula."""

from datasets.recipes.base import Learned, Params, Step, Tables
from datasets.recipes.fields import Field
from datasets.recipes.formula_values import value_of
from datasets.recipes.frame import Frame


class Derive(Step):
    """A name that is there already gets the new values."""

    kind = "derive"
    title = "Add a column by a formula"
    help = 'As in a spreadsheet: distance / (air_time / 60), if(age < 18, "child", "adult"), [net price] * 1.19.'
    fields = (
        Field("name", "name", "Column", "A name that is there already gets the new values."),
        Field(
            "formula", "formula", "Formula", "Names with spaces stand in [brackets]. Division by zero gives missing."
        ),
    )

    def sentence(self, p: Params) -> str:
        return f"Set {p['name']} to {p['formula'].strip()[:120]}."

    def apply(self, frame: Frame, p: Params, learned: Learned, tables: Tables) -> Frame:
        found = value_of(p["formula"], frame)
        return frame.put({p["name"]: (found.type, found.value)})
