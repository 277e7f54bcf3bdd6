"""PURE: columns of another dataset beside these, by key, with how many rows found their match."""

from typing import Any

from datasets.recipes.base import Ask, Learned, Params, Step, Tables, names_in_words, table_key
from datasets.recipes.fields import Field
from datasets.recipes.frame import NUMERIC, WORDS, Frame, missing, rising
from datasets.recipes.late import ibis
from problems.problem import Invalid


class JoinDataset(Step):
    """A missing key matches nothing. Keys that repeat there would multiply rows: refused unless allowed."""

    kind = "join_dataset"
    title = "Join another dataset"
    help = "Brings columns of another dataset of the project by key, and says how many rows found their match."
    learns = True
    changes_rows = True
    fields = (
        Field("dataset", "dataset", "Dataset"),
        Field("version", "integer", "Version", "0 is the newest published one.", default=0, low=0, high=2**31),
        Field(
            "keys",
            "mapping",
            "Keys",
            "Here => there, one in a line; one name alone when both are the same.",
            alone=True,
        ),
        Field(
            "bring", "text", "Columns to bring", "Names divided by commas. Left out: all.", default="", required=False
        ),
        Field("prefix", "text", "The new names begin with", default="", required=False),
        Field("rows", "choice", "Rows without a match", default="keep", choices={"keep": "stay", "drop": "go"}),
        Field("repeats", "yes_no", "Keys may repeat there (rows are multiplied)", default=False),
    )

    def check(self, p: Params) -> None:
        if len(p["keys"]) > 10:
            raise Invalid("A join has at most 10 keys.", fields={"keys": "At most 10."})

    def tables(self, p: Params) -> list[tuple[str, int]]:
        return [(p["dataset"], p["version"])]

    def sentence(self, p: Params) -> str:
        by = names_in_words([old if old == new else f"{old} = {new}" for old, new in p["keys"].items()])
        version = f" v{p['version']}" if p["version"] else ""
        return f"Join {p['dataset']}{version} by {by}" + (", rows without a match go." if p["rows"] == "drop" else ".")

    def fits(self, frame: Frame, p: Params) -> None:
        super().fits(frame, p)
        for name in p["keys"]:
            frame.type_of(name)

    def learn(self, frame: Frame, p: Params, ask: Ask, tables: Tables) -> Learned:
        there = tables[table_key(p["dataset"], p["version"])]
        keys = enumerate(p["keys"].items())
        right = there.table.select(**{f"k{i}": _key(there, name, frame, here) for i, (here, name) in keys})
        counted = right.group_by(right.columns).aggregate(n=right.count())
        (seen,) = ask(counted.aggregate(most=counted.n.max(), repeated=(counted.n > 1).sum()))
        repeated = int(seen["repeated"] or 0)
        if repeated and not p["repeats"]:
            text = (
                f"{repeated} keys stand more than once in {p['dataset']}, one of them {seen['most']} times: rows would "
                "be multiplied. Choose a key that is unique there, remove its duplicates first, or allow repeats."
            )
            raise Invalid(text, code="fan_out", fields={"keys": text})
        left = frame.table.select(
            **{f"k{i}": _key(frame, name, there, p["keys"][name]) for i, name in enumerate(p["keys"])}
        )
        matched = left.semi_join(right, list(right.columns))
        (rows,), (found,) = ask(left.aggregate(n=left.count())), ask(matched.aggregate(n=matched.count()))
        return {"rows": int(rows["n"]), "matched": int(found["n"]), "repeated_keys": repeated}

    def apply(self, frame: Frame, p: Params, learned: Learned, tables: Tables) -> Frame:
        there = tables[table_key(p["dataset"], p["version"])]
        wanted = _wanted(there, p)
        ids = {name: f"c{frame.free + i}" for i, name in enumerate(wanted)}
        for name in wanted:
            if p["prefix"] + name in frame:
                text = f"There is a column “{(p['prefix'] + name)[:100]}” already. State how the new names begin."
                raise Invalid(text, fields={"prefix": text}, code="name_taken")
        right = there.table.select(
            **{f"k{i}": _key(there, there_name, frame, name) for i, (name, there_name) in enumerate(p["keys"].items())},
            **{ids[name]: there[name] for name in wanted},
            rr=there.place,
        )
        left = frame.table.mutate(
            **{f"l{i}": _key(frame, name, there, p["keys"][name]) for i, name in enumerate(p["keys"])}
        )
        on = [left[f"l{i}"] == right[f"k{i}"] for i in range(len(p["keys"]))]
        table = left.join(right, on, how="left" if p["rows"] == "keep" else "inner")
        columns = [column.id for column in frame.columns]
        made = frame.put({p["prefix"] + name: (there.type_of(name), missing(there.type_of(name))) for name in wanted})
        joined = table.select(*columns, *ids.values(), "r", "rr")
        known = frame.columns_known and there.columns_known
        if p["repeats"]:  # one row here may have become several: they are numbered in the order of their matches
            place = ibis.row_number().over(ibis.window(order_by=[joined.r, rising(joined.rr)]))
            joined = joined.mutate(r=place)
        return Frame(joined.drop("rr"), made.columns, made.free, known)

    def noted(self, learned: Learned) -> str:
        if not learned:
            return ""
        share = f" ({learned['matched'] / learned['rows']:.1%})" if learned["rows"] else ""
        return f"{learned['matched']} of {learned['rows']} rows found a match{share}"


def _wanted(there: Frame, p: Params) -> list[str]:
    names = [name.strip() for name in p["bring"].split(",") if name.strip()]
    for name in names:
        there.column(name)
    return list(dict.fromkeys(names)) or [name for name in there.names if name not in p["keys"].values()]


def _key(frame: Frame, name: str, other: Frame, other_name: str) -> Any:
    """A key on its way to be compared: numbers with numbers, everything else only with its own type."""
    mine, theirs = frame.type_of(name), other.type_of(other_name)
    if mine == theirs:
        return frame[name]
    if {mine, theirs} <= set(NUMERIC):
        return frame[name].cast("float64")
    text = f"“{name[:80]}” is a {WORDS[mine]} and “{other_name[:80]}” a {WORDS[theirs]}; keys must be of one type."
    raise Invalid(text, fields={"keys": text}, code="wrong_type")
