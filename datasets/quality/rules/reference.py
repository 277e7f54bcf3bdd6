"""PURE: values that must exist in another dataset."""

from typing import Any

from datasets.quality.base import ALLOWED, RowRule, Scene, allowance, cannot, is_true
from datasets.recipes.base import table_key
from datasets.recipes.declared import Params
from datasets.recipes.fields import Field
from datasets.recipes.frame import NUMERIC, WORDS
from datasets.recipes.late import ibis


class Reference(RowRule):
    """Missing cells refer to nothing and pass. The other dataset is read as it was last published."""

    kind = "reference"
    title = "Exists in another dataset"
    help = "Each value is found in a column of the newest published version of another dataset."
    fields = (
        Field("column", "column", "Column"),
        Field("dataset", "dataset", "The other dataset"),
        Field("other", "name", "Its column"),
        ALLOWED,
    )
    in_scan = False

    def sentence(self, p: Params) -> str:
        return f"{p['column'][:60]} is found in {p['other'][:60]} of {p['dataset']}{allowance(p)}."

    def tables(self, p: Params) -> list[tuple[str, int]]:
        return [(p["dataset"], 0)]

    def own(self, scene: Scene, p: Params) -> Any:
        return scene.frame.table.filter(self.failing(scene, p)).aggregate(failed=ibis._.count())

    def failing(self, scene: Scene, p: Params) -> Any:
        other = (scene.tables or {}).get(table_key(p["dataset"], 0))
        if other is None:
            raise cannot(f"There is no published version of {p['dataset']}.")
        here, there = scene.frame.type_of(p["column"]), other.type_of(p["other"])
        if here != there and not {here, there} <= set(NUMERIC):
            raise cannot(
                f"{p['column'][:60]} is a {WORDS[here]}, {p['other'][:60]} of {p['dataset']} a {WORDS[there]}."
            )
        value, known = scene.frame[p["column"]], other[p["other"]]
        known = other.table.filter(known.notnull()).select(k=known).distinct()
        return value.notnull() & is_true(~value.isin(known.k))
