"""PURE: texts of a form that is known."""

from typing import Any

from datasets.quality.base import ALLOWED, RowRule, Scene, allowance
from datasets.recipes.declared import Params
from datasets.recipes.fields import Field
from datasets.recipes.patterns import refused_pattern
from problems.problem import Invalid


class Pattern(RowRule):
    """The whole text must match. Without looking ahead or back, so that time grows only with the text."""

    kind = "pattern"
    title = "Looks like a pattern"
    help = "Each whole text matches a regular expression, such as [0-9]{5}; missing cells are not judged."
    fields = (
        Field("column", "column", "Column", types=("text",)),
        Field("pattern", "text", "Pattern", "A regular expression for the whole text."),
        ALLOWED,
    )

    def check(self, p: Params) -> None:
        if text := refused_pattern(p["pattern"]):
            raise Invalid(text, fields={"pattern": text}, code="bad_pattern")

    def sentence(self, p: Params) -> str:
        return f"{p['column'][:60]} looks like {p['pattern'][:80]}{allowance(p)}."

    def failing(self, scene: Scene, p: Params) -> Any:
        return ~scene.frame[p["column"]].re_search(f"^(?:{p['pattern']})$")
