"""PURE: one value for all rows of a key: the most frequent one, as a hospital has one name and one phone number."""

from typing import Any

from datasets.recipes.base import Ask, Learned, Params, Step, Tables, names_in_words
from datasets.recipes.fields import Field
from datasets.recipes.frame import Frame, falling, literal, rising
from datasets.recipes.late import ibis
from datasets.recipes.literals import plain
from problems.problem import Invalid

MOST_KEYS = 20_000


class Agree(Step):
    """Repairs by a dependency that people know: the key decides the columns. Ties go to the smallest value."""

    kind = "agree"
    title = "Make rows of one key agree"
    help = "Where the key decides the columns, each gets its most frequent value. The values are learned and kept."
    learns = True
    fields = (
        Field("keys", "columns", "Key"),
        Field("columns", "columns", "Columns that it decides"),
        Field("share", "number", "Only if so many percent agree", default=0, low=0, high=100),
    )

    def check(self, p: Params) -> None:
        if set(p["keys"]) & set(p["columns"]):
            raise Invalid("A column cannot decide itself.", fields={"columns": "A column cannot decide itself."})

    def sentence(self, p: Params) -> str:
        return f"For each {names_in_words(p['keys'])}, give {names_in_words(p['columns'])} its most frequent value."

    def learn(self, frame: Frame, p: Params, ask: Ask, tables: Tables) -> Learned:
        return {"values": {name: _most_frequent(frame, name, p, ask) for name in p["columns"]}}

    def apply(self, frame: Frame, p: Params, learned: Learned, tables: Tables) -> Frame:
        key = _key(frame, p["keys"])
        for name in p["columns"]:
            found = learned.get("values", {}).get(name) or []
            kind = frame.type_of(name)
            if not found:
                continue
            pairs = ibis.array([ibis.struct({"k": key_, "v": literal(value, kind)}) for key_, value in found])
            known = pairs.unnest().name("pair").as_table()
            known = known.select(lk=known.pair["k"], lv=known.pair["v"])
            table = frame.table.mutate(key=key)
            joined = table.join(known, table.key == known.lk, how="left")
            value = ibis.coalesce(joined.lv, joined[frame.column(name).id])
            new = frame.put({name: (kind, frame[name])})
            made = joined.mutate(**{new.column(name).id: value}).select(*[c.id for c in new.columns], "r")
            frame = Frame(made, new.columns, new.free, frame.columns_known)
            key = _key(frame, p["keys"])
        return frame

    def noted(self, learned: Learned) -> str:
        counts = [f"{name} {len(found)} keys" for name, found in learned.get("values", {}).items()]
        return f"Learned: {names_in_words(counts)}" if counts else ""


def _key(frame: Frame, names: list[str]) -> Any:
    """The key as one text; missing in any part makes it missing, and such rows stay as they are."""
    parts = [frame[name].cast("string") for name in names]
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + "\x1f" + part
    return whole


def _most_frequent(frame: Frame, name: str, p: Params, ask: Ask) -> list[list[Any]]:
    table = frame.table.select(k=_key(frame, p["keys"]), v=frame[name])
    table = table.filter(table.k.notnull() & table.v.notnull())
    counted = table.group_by("k", "v").aggregate(n=table.count())
    window = ibis.window(group_by=counted.k, order_by=[falling(counted.n), rising(counted.v)])
    ranked = counted.mutate(
        place=ibis.row_number().over(window), all=counted.n.sum().over(ibis.window(group_by=counted.k))
    )
    best = ranked.filter((ranked.place == 0) & (ranked.n * 100 >= ranked["all"] * p["share"])).select("k", "v")
    rows = ask(best.order_by("k").limit(MOST_KEYS + 1))
    if len(rows) > MOST_KEYS:
        raise Invalid(
            f"The key has more than {MOST_KEYS} values; such a step is for keys of few.", code="too_many_keys"
        )
    return [[row["k"], plain(row["v"])] for row in rows]
