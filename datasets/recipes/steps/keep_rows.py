"""PURE: keep the rows for which a formula is true."""

from datasets.recipes.base import Learned, Params, Step, Tables
from datasets.recipes.fields import Field
from datasets.recipes.formula_values import condition_of
from datasets.recipes.frame import Frame


class KeepRows(Step):
    """A row for which the answer is missing goes."""

    kind = "keep_rows"
    title = "Keep rows by a formula"
    help = "Such as: amount > 0 and not is_missing(plan). Rows for which the answer is missing go too."
    changes_rows = True
    fields = (Field("formula", "formula", "Keep rows where", "A yes or no for each row."),)

    def sentence(self, p: Params) -> str:
        return f"Keep rows where {p['formula'].strip()[:140]}."

    def apply(self, frame: Frame, p: Params, learned: Learned, tables: Tables) -> Frame:
        return frame.where(condition_of(p["formula"], frame))
