"""PURE: leave out rows with empty cells."""

from functools import reduce
from typing import Any

from datasets.recipes.base import Learned, Params, Step, Tables, names_in_words
from datasets.recipes.fields import Field
from datasets.recipes.frame import Frame


class DropMissing(Step):
    """Rows in which any, or all, of the columns are missing go."""

    kind = "drop_missing"
    title = "Leave out rows with empty cells"
    help = "Rows in which one of the columns, or all of them, are missing are left out."
    changes_rows = True
    fields = (
        Field("columns", "columns", "Columns", "None chosen: all columns.", default=[], required=False),
        Field(
            "when", "choice", "When", default="any", choices={"any": "one of them is missing", "all": "all are missing"}
        ),
    )

    def sentence(self, p: Params) -> str:
        where = names_in_words(p["columns"]) if p["columns"] else "the columns"
        return f"Leave out rows where {'any of' if p['when'] == 'any' else 'all of'} {where} is missing."

    def apply(self, frame: Frame, p: Params, learned: Learned, tables: Tables) -> Frame:
        present = [frame[name].notnull() for name in p["columns"] or frame.names]
        if not present:
            return frame

        def join(one: Any, other: Any) -> Any:
            return one & other if p["when"] == "any" else one | other

        return frame.where(reduce(join, present))
