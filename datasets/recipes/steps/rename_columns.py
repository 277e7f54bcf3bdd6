"""PURE: other names for columns."""

from datasets.recipes.base import Learned, Params, Step, Tables
from datasets.recipes.fields import LONGEST_NAME, Field
from datasets.recipes.frame import Frame
from problems.problem import Invalid


class RenameColumns(Step):
    """Names may be swapped: all change at once."""

    kind = "rename_columns"
    title = "Rename columns"
    help = "One line for each column, such as “arr_delay => delay”."
    fields = (Field("names", "mapping", "Names", "Old => new, one in a line."),)

    def check(self, p: Params) -> None:
        for new in p["names"].values():
            if not new.strip() or len(new) > LONGEST_NAME or "\n" in new:
                text = f"A new name has 1 to {LONGEST_NAME} characters."
                raise Invalid(text, fields={"names": text})

    def sentence(self, p: Params) -> str:
        shown = ", ".join(f"{old[:40]} to {new[:40]}" for old, new in list(p["names"].items())[:4])
        return f"Rename {shown}" + (f" and {len(p['names']) - 4} more." if len(p["names"]) > 4 else ".")

    def apply(self, frame: Frame, p: Params, learned: Learned, tables: Tables) -> Frame:
        return frame.renamed(p["names"])
