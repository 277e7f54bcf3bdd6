"""PURE: keep one of the rows that are the same, as a whole or by a key."""

from datasets.recipes.base import Learned, Params, Step, Tables, names_in_words
from datasets.recipes.fields import Field
from datasets.recipes.frame import Frame, falling, rising
from datasets.recipes.late import ibis


class DropDuplicates(Step):
    """Missing counts as a value of its own. Which one stays is stated, never left to the engine."""

    kind = "drop_duplicates"
    title = "Remove duplicates"
    help = "Of rows with the same key one is kept; without a key, of rows that are the same in every column."
    changes_rows = True
    fields = (
        Field("columns", "columns", "Key", "None chosen: all columns.", default=[], required=False),
        Field("keep", "choice", "Keep", default="first", choices={"first": "the first", "last": "the last"}),
        Field("order", "column", "By the order of", "Left out: the order of the rows.", required=False),
    )

    def sentence(self, p: Params) -> str:
        key = f"with the same {names_in_words(p['columns'])}" if p["columns"] else "that are the same"
        by = f" by {p['order']}" if p["order"] else ""
        return f"Of rows {key} keep the {p['keep']}{by}."

    def apply(self, frame: Frame, p: Params, learned: Learned, tables: Tables) -> Frame:
        way = rising if p["keep"] == "first" else falling
        order = [way(frame[p["order"]])] if p["order"] else []
        key = [frame[name] for name in p["columns"] or frame.names]
        place = ibis.row_number().over(ibis.window(group_by=key, order_by=[*order, way(frame.place)]))
        ranked = frame.table.mutate(kept=place)
        one = ranked.filter(ranked.kept == 0).select(*[column.id for column in frame.columns], "r")
        return Frame(one, frame.columns, frame.free, frame.columns_known)
