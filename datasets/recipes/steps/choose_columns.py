"""PURE: keep some columns, or leave some out."""

from datasets.recipes.base import Learned, Params, Step, Tables, names_in_words
from datasets.recipes.fields import Field
from datasets.recipes.frame import Frame
from problems.problem import Invalid


class ChooseColumns(Step):
    """Kept columns come in the order in which they are named."""

    kind = "choose_columns"
    title = "Keep or leave out columns"
    help = "Over REST, kept columns come in the order in which they are named."
    fields = (
        Field("columns", "columns", "Columns"),
        Field(
            "what",
            "choice",
            "What to do",
            default="keep",
            choices={"keep": "keep only these", "drop": "leave these out"},
        ),
    )

    def sentence(self, p: Params) -> str:
        return f"{'Keep only' if p['what'] == 'keep' else 'Leave out'} {names_in_words(p['columns'])}."

    def apply(self, frame: Frame, p: Params, learned: Learned, tables: Tables) -> Frame:
        if p["what"] == "keep":
            return frame.only(p["columns"])
        rest = [name for name in frame.names if name not in p["columns"]]
        if not rest:
            raise Invalid("No column would be left.", fields={"columns": "No column would be left."})
        return frame.only(rest)
