"""PURE: the rows of another dataset below these, columns matched by name."""

from typing import Any

from datasets.recipes.base import Learned, Params, Step, Tables, table_key
from datasets.recipes.fields import Field
from datasets.recipes.frame import NUMERIC, SECOND_TABLE, WORDS, Frame, ibis_type, made_of, missing
from datasets.recipes.late import ibis
from problems.problem import Invalid


class UnionRows(Step):
    """A column that one of them lacks is missing there. Types must be alike; whole numbers become numbers."""

    kind = "union_rows"
    title = "Add the rows of another dataset"
    help = "Columns are matched by name; what one of them lacks is missing there."
    changes_rows = True
    fields = (
        Field("dataset", "dataset", "Dataset"),
        Field("version", "integer", "Version", "0 is the newest published one.", default=0, low=0, high=2**31),
    )

    def tables(self, p: Params) -> list[tuple[str, int]]:
        return [(p["dataset"], p["version"])]

    def sentence(self, p: Params) -> str:
        version = f" v{p['version']}" if p["version"] else ""
        return f"Add the rows of {p['dataset']}{version}."

    def apply(self, frame: Frame, p: Params, learned: Learned, tables: Tables) -> Frame:
        other = tables[table_key(p["dataset"], p["version"])]
        names = [*frame.names, *[name for name in other.names if name not in frame]]
        kinds = [(name, _kind(name, frame, other)) for name in names]
        above, below = _shaped(frame, kinds), _shaped(other, kinds)
        below = below.mutate(r=below.r + SECOND_TABLE)
        return made_of(ibis.union(above, below, distinct=False), kinds).ordered()


def _kind(name: str, frame: Frame, other: Frame) -> str:
    kinds = {one.type_of(name) for one in (frame, other) if name in one}
    if len(kinds) == 1:
        return kinds.pop()
    if kinds <= set(NUMERIC):
        return "number"
    text = f"“{name[:100]}” is a {WORDS[frame.type_of(name)]} here and a {WORDS[other.type_of(name)]} there."
    raise Invalid(text, fields={"dataset": text}, code="wrong_type")


def _shaped(frame: Frame, kinds: list[tuple[str, str]]) -> Any:
    cells = {
        f"c{i}": frame[name].cast(ibis_type(kind)) if name in frame else missing(kind)
        for i, (name, kind) in enumerate(kinds)
    }
    return frame.table.select(**cells, r=frame.place)
