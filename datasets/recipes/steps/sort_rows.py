"""PURE: another order of the rows."""

from datasets.recipes.base import Learned, Params, Step, Tables, names_in_words
from datasets.recipes.fields import Field
from datasets.recipes.frame import Frame, falling, rising


class SortRows(Step):
    """Missing comes last, texts go by code point, ties keep their order."""

    kind = "sort_rows"
    title = "Sort rows"
    help = "Missing comes last either way. Rows that are equal keep their order."
    fields = (
        Field("columns", "columns", "By"),
        Field("way", "choice", "Order", default="rising", choices={"rising": "rising", "falling": "falling"}),
    )

    def sentence(self, p: Params) -> str:
        return f"Sort by {names_in_words(p['columns'])}, {p['way']}."

    def apply(self, frame: Frame, p: Params, learned: Learned, tables: Tables) -> Frame:
        way = rising if p["way"] == "rising" else falling
        return frame.ordered(*[way(frame[name]) for name in p["columns"]])
