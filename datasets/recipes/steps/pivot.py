"""PURE: the values of one column as columns of their own."""

from typing import Any

from datasets.recipes.aggregates import check_aggregates, type_of, value_of
from datasets.recipes.base import Ask, Learned, Params, Step, Tables, names_in_words
from datasets.recipes.fields import FUNCTIONS, Field
from datasets.recipes.frame import Frame, literal, made_of, rising
from datasets.recipes.literals import plain
from problems.problem import Invalid

MOST = 100


class Pivot(Step):
    """Which columns there are is learned once and kept, so that the next version has the same."""

    kind = "pivot"
    title = "Turn values into columns"
    help = f"One row for each group and one column for each value, at most {MOST}. Which values is learned and kept."
    learns = True
    changes_rows = True
    fields = (
        Field("keys", "columns", "Groups"),
        Field("column", "column", "Its values become columns", types=("text", "integer", "boolean")),
        Field("function", "choice", "Each cell is the", choices=FUNCTIONS),
        Field("value", "column", "Of", "Not needed for the number of rows.", required=False),
        Field("prefix", "text", "The new names begin with", default="", required=False),
    )

    def _one(self, p: Params) -> dict[str, str]:
        return {"name": "", "function": p["function"], "column": p["value"] or ""}

    def check(self, p: Params) -> None:
        if p["function"] != "count" and not p["value"]:
            text = f"Say of which column the {FUNCTIONS[p['function']]} is."
            raise Invalid(text, fields={"value": text})
        if p["column"] in p["keys"]:
            text = f"“{p['column'][:100]}” is a group already."
            raise Invalid(text, fields={"column": text})

    def fits(self, frame: Frame, p: Params) -> None:
        super().fits(frame, p)
        check_aggregates(frame, [self._one(p)], "value")

    def sentence(self, p: Params) -> str:
        of = f" of {p['value']}" if p["value"] else ""
        return f"For each {names_in_words(p['keys'])}, one column per {p['column']}: {FUNCTIONS[p['function']]}{of}."

    def learn(self, frame: Frame, p: Params, ask: Ask, tables: Tables) -> Learned:
        values = frame[p["column"]]
        found = frame.table.filter(values.notnull()).select(v=values).distinct()
        rows = ask(found.order_by(rising(found.v)).limit(MOST + 1))
        if len(rows) > MOST:
            raise Invalid(f"“{p['column'][:100]}” has more than {MOST} values.", code="too_many_columns")
        return {"values": [plain(row["v"]) for row in rows]}

    def apply(self, frame: Frame, p: Params, learned: Learned, tables: Tables) -> Frame:
        keys = {f"c{i}": frame[name] for i, name in enumerate(p["keys"])}
        values = learned.get("values", [])
        kind, pivoted = frame.type_of(p["column"]), frame[p["column"]]
        cells: dict[str, Any] = {
            f"c{len(keys) + i}": value_of(frame, self._one(p), (pivoted == literal(value, kind)).fill_null(False))
            for i, value in enumerate(values)
        }
        grouped = frame.table.group_by(**keys).aggregate(**cells, r=frame.place.min())
        kinds = [(name, frame.type_of(name)) for name in p["keys"]]
        kinds += [(f"{p['prefix']}{_word(value)}", type_of(frame, self._one(p))) for value in values]
        names = [name for name, _ in kinds]
        if len(set(names)) < len(names):
            raise Invalid("A value has the name of a group. State how the new names begin.", code="name_taken")
        made = made_of(grouped, kinds)
        made = made.ordered(*[rising(made[name]) for name in p["keys"]])
        return Frame(made.table, made.columns, made.free, columns_known=bool(learned))

    def noted(self, learned: Learned) -> str:
        return f"Columns: {names_in_words([_word(value) for value in learned.get('values', [])], 8)}"


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)[:150] or "empty"
