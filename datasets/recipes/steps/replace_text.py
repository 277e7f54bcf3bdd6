"""PURE: parts of texts replaced, as they stand or by a pattern."""

from datasets.recipes.base import Learned, Params, Step, Tables, names_in_words
from datasets.recipes.fields import Field
from datasets.recipes.frame import Frame, missing
from datasets.recipes.late import ibis
from datasets.recipes.patterns import NO_PARTS, refused_pattern
from problems.problem import Invalid


class ReplaceText(Step):
    """Patterns are regular expressions without looking ahead or back, so that time grows only with the text."""

    kind = "replace_text"
    title = "Replace in texts"
    help = "A part of the text, or a pattern such as “[^0-9]+”."
    fields = (
        Field("columns", "columns", "Columns", types=("text",)),
        Field("find", "text", "Find"),
        Field("replacement", "text", "Put in its place", default="", required=False),
        Field("pattern", "yes_no", "It is a pattern (regular expression)", default=False),
        Field("empty", "yes_no", "An empty text is missing", default=True),
    )

    def check(self, p: Params) -> None:
        if not p["pattern"]:
            return
        text = refused_pattern(p["find"])
        if "\\" in p["replacement"]:
            text = NO_PARTS
        if text:
            raise Invalid(text, fields={"find": text}, code="bad_pattern")

    def sentence(self, p: Params) -> str:
        what = "what matches" if p["pattern"] else "each"
        return f"In {names_in_words(p['columns'])} replace {what} “{p['find'][:60]}” by “{p['replacement'][:60]}”."

    def apply(self, frame: Frame, p: Params, learned: Learned, tables: Tables) -> Frame:
        made = {}
        for name in p["columns"]:
            text = frame[name]
            text = (
                text.re_replace(p["find"], p["replacement"])
                if p["pattern"]
                else text.replace(p["find"], p["replacement"])
            )
            made[name] = ("text", ibis.ifelse(text == "", missing("text"), text) if p["empty"] else text)
        return frame.put(made)
