"""PURE: values of a list that is known."""

from typing import Any

from datasets.quality.base import ALLOWED, RowRule, Scene, allowance, value_of
from datasets.recipes.base import names_in_words
from datasets.recipes.declared import Params
from datasets.recipes.fields import Field
from datasets.recipes.frame import Frame, literal


class InSet(RowRule):
    """Missing cells are no value and pass. Capital and small letters differ."""

    kind = "in_set"
    title = "One of a list"
    help = "Each value is one of these; missing cells are not judged."
    fields = (
        Field("column", "column", "Column"),
        Field("values", "texts", "Values", "One in a line."),
        ALLOWED,
    )

    def sentence(self, p: Params) -> str:
        named = [f"“{value[:60]}”" for value in p["values"]]
        return f"{p['column'][:60]} is one of {names_in_words(named, 8)}{allowance(p)}."

    def fits(self, frame: Frame, p: Params) -> None:
        super().fits(frame, p)
        self._values(frame, p)

    def _values(self, frame: Frame, p: Params) -> list[Any]:
        kind = frame.type_of(p["column"])
        return [literal(value_of(text, kind, "values"), kind) for text in p["values"]]

    def failing(self, scene: Scene, p: Params) -> Any:
        return ~scene.frame[p["column"]].isin(self._values(scene.frame, p))
