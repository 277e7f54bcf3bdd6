"""PURE: whatever else a formula can say about a row."""

from typing import Any

from datasets.quality.base import ALLOWED, RowRule, Scene, allowance
from datasets.recipes.declared import Params
from datasets.recipes.fields import Field
from datasets.recipes.formula import Node, parse
from datasets.recipes.formula_values import condition_of
from datasets.recipes.frame import Frame


class Formula(RowRule):
    """Read by the parser of recipes into a tree; nothing is run. A row whose answer is missing passes."""

    kind = "formula"
    title = "A formula of your own"
    help = "Such as: total = price * amount. Rows for which the answer is missing pass; is_missing(…) catches them."
    fields = (Field("formula", "formula", "True for each row", "A yes or no for each row."), ALLOWED)

    def check(self, p: Params) -> None:
        parse(p["formula"])

    def sentence(self, p: Params) -> str:
        return f"{p['formula'].strip()[:140]} holds{allowance(p)}."

    def columns(self, p: Params) -> list[str]:
        return list(dict.fromkeys(_columns(parse(p["formula"]))))

    def fits(self, frame: Frame, p: Params) -> None:
        condition_of(p["formula"], frame)

    def failing(self, scene: Scene, p: Params) -> Any:
        return ~condition_of(p["formula"], scene.frame)


def _columns(node: Node) -> list[str]:
    here = [node.value] if node.kind == "column" else []
    return [*here, *(name for part in node.parts for name in _columns(part))]
