"""PURE: blanks, case and accents of texts made alike."""

import unicodedata
from typing import Any

from datasets.recipes.base import Learned, Params, Step, Tables, names_in_words
from datasets.recipes.fields import Field
from datasets.recipes.frame import BLANKS, Frame, missing
from datasets.recipes.late import ibis

CASES = {"keep": "as it is", "lower": "lower case", "upper": "upper case"}


def _accents() -> tuple[str, str]:
    """Latin letters that are a plain letter with a mark, beside the plain letter."""
    marked = {}
    for code in [*range(0xC0, 0x250), *range(0x1E00, 0x1F00)]:
        plain = unicodedata.normalize("NFD", chr(code))
        if len(plain) > 1 and plain[0].isascii():
            marked[chr(code)] = plain[0]
    return "".join(marked), "".join(marked.values())


MARKED, PLAIN = _accents()


class CleanText(Step):
    """Done in this order: blanks, accents, case, empty texts."""

    kind = "clean_text"
    title = "Clean texts"
    help = "Blanks at the ends and in rows, upper and lower case, accents."
    fields = (
        Field("columns", "columns", "Columns", types=("text",)),
        Field("trim", "yes_no", "Take away blanks at both ends", default=True),
        Field("spaces", "yes_no", "Make several blanks one", default=False),
        Field("accents", "yes_no", "Take away accents (é becomes e)", default=False),
        Field("case", "choice", "Case", default="keep", choices=CASES),
        Field("empty", "yes_no", "An empty text is missing", default=True),
    )

    def sentence(self, p: Params) -> str:
        did = [
            words
            for name, words in (("trim", "trim"), ("spaces", "make blanks single"), ("accents", "take away accents"))
            if p[name]
        ]
        did += [f"{CASES[p['case']]}"] if p["case"] != "keep" else []
        return f"Clean {names_in_words(p['columns'])}: {', '.join(did) or 'empty texts are missing'}."

    def apply(self, frame: Frame, p: Params, learned: Learned, tables: Tables) -> Frame:
        return frame.put({name: ("text", _cleaned(frame[name], p)) for name in p["columns"]})


def _cleaned(text: Any, p: Params) -> Any:
    if p["trim"]:
        text = text.re_replace(f"^{BLANKS}+|{BLANKS}+$", "")
    if p["spaces"]:
        text = text.re_replace(f"{BLANKS}+", " ")
    if p["accents"]:
        text = text.translate(MARKED, PLAIN)
    if p["case"] == "lower":
        text = text.lower()
    if p["case"] == "upper":
        text = text.replace("ß", "SS").upper()  # engines make ẞ or SS of it
    return ibis.ifelse(text == "", missing("text"), text) if p["empty"] else text
