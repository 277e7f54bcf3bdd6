"""PURE: cells that must be filled."""

from functools import reduce
from typing import Any

from datasets.quality.base import ALLOWED, RowRule, Scene, allowance, is_missing
from datasets.recipes.base import names_in_words
from datasets.recipes.declared import Params
from datasets.recipes.fields import Field


class NotMissing(RowRule):
    """What is no number (NaN) is missing; an empty text is not, because the reading decided that."""

    kind = "not_missing"
    title = "Never missing"
    help = "Each row has a value in these columns."
    fields = (Field("columns", "columns", "Columns"), ALLOWED)

    def sentence(self, p: Params) -> str:
        return f"{names_in_words(p['columns'])} {_are(p)} never missing{allowance(p)}."

    def failing(self, scene: Scene, p: Params) -> Any:
        return reduce(lambda one, other: one | other, [is_missing(scene.frame, name) for name in p["columns"]])


def _are(p: Params) -> str:
    return "are" if len(p["columns"]) > 1 else "is"
