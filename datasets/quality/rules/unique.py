"""PURE: values, or combinations of values, that occur once."""

from functools import reduce
from typing import Any

from datasets.quality.base import ALLOWED, RowRule, Scene, allowance
from datasets.recipes.base import names_in_words
from datasets.recipes.declared import Params
from datasets.recipes.fields import Field
from datasets.recipes.late import ibis

MOST_ROWS = 2_000_000  # whose values may be held in order at once
COUNTED = ("integer", "number", "date", "datetime")


class Unique(RowRule):
    """Rows with a missing part are left out. All rows that share a value break the rule, not only the later ones."""

    kind = "unique"
    title = "Occurs once"
    help = "No two rows have the same values in these columns; rows where one is missing are left out."
    fields = (Field("columns", "columns", "Columns"), ALLOWED)
    in_scan = False

    def sentence(self, p: Params) -> str:
        what = "Each value of" if len(p["columns"]) == 1 else "Each combination of"
        return f"{what} {names_in_words(p['columns'])} occurs once{allowance(p)}."

    def own(self, scene: Scene, p: Params) -> Any:
        """Groups with more than one row: needs a pass of its own, which spills to the folder."""
        keys = [scene.frame.column(name).id for name in p["columns"]]
        groups = scene.frame.table.filter(_there(scene, p)).group_by(keys).aggregate(n=ibis._.count())
        return groups.filter(groups.n > 1).aggregate(failed=ibis._.n.sum())

    def counted(self, scene: Scene, p: Params) -> dict[str, Any] | None:
        """One column of numbers or moments: its values in order, sooner than by groups."""
        column = scene.frame.column(p["columns"][0])
        if len(p["columns"]) > 1 or scene.path is None or column.type not in COUNTED:
            return None
        from datasets.profiling.ordered import ordered, rises  # loads a heavy library, which pages do without

        if rises(scene.path, column.name):
            return {"failed": 0}
        known = ordered(scene.path, column.name) if scene.rows <= MOST_ROWS else None
        return {"failed": int(known.counts[known.counts > 1].sum())} if known else None

    def failing(self, scene: Scene, p: Params) -> Any:
        table = scene.frame.table
        keys = [scene.frame[name] for name in p["columns"]]
        return _there(scene, p) & (table["r"].count().over(ibis.window(group_by=keys)) > 1)


def _there(scene: Scene, p: Params) -> Any:
    return reduce(lambda one, other: one & other, [scene.frame[name].notnull() for name in p["columns"]])
