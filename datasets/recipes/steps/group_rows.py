"""PURE: one row for each group, with counts, sums, means and more."""

from typing import Any

from datasets.recipes.aggregates import check_aggregates, type_of, value_of, words
from datasets.recipes.base import Learned, Params, Step, Tables, names_in_words
from datasets.recipes.fields import FUNCTIONS, Field
from datasets.recipes.frame import Frame, made_of
from problems.problem import Invalid


class GroupRows(Step):
    """Missing keys make a group of their own; missing values are left out of all but the count of rows."""

    kind = "group_rows"
    title = "Group and aggregate"
    help = f"One row for each group. Functions: {', '.join(FUNCTIONS)}."
    changes_rows = True
    fields = (
        Field("keys", "columns", "Groups", "None chosen: one row for all.", default=[], required=False),
        Field(
            "values",
            "aggregates",
            "New columns",
            "One in a line, such as “flights = count()” or “delay = mean(arr_delay)”.",
        ),
    )

    def check(self, p: Params) -> None:
        names = [*p["keys"], *[one["name"] for one in p["values"]]]
        if len(set(names)) < len(names):
            raise Invalid("Two columns would have one name.", fields={"values": "Two columns would have one name."})

    def fits(self, frame: Frame, p: Params) -> None:
        super().fits(frame, p)
        check_aggregates(frame, p["values"], "values")

    def sentence(self, p: Params) -> str:
        by = f"For each {names_in_words(p['keys'])}" if p["keys"] else "Over all rows"
        return f"{by}: {words(p['values'])}."

    def apply(self, frame: Frame, p: Params, learned: Learned, tables: Tables) -> Frame:
        keys = {f"c{i}": frame[name] for i, name in enumerate(p["keys"])}
        values: dict[str, Any] = {f"c{len(keys) + i}": value_of(frame, one, None) for i, one in enumerate(p["values"])}
        grouped = frame.table.group_by(**keys).aggregate(**values, r=frame.place.min()) if keys else None
        table = grouped if grouped is not None else frame.table.aggregate(**values).mutate(r=0)
        kinds = [(name, frame.type_of(name)) for name in p["keys"]]
        kinds += [(one["name"], type_of(frame, one)) for one in p["values"]]
        made = made_of(table, kinds)
        return made.ordered(*[made[name].asc(nulls_first=False) for name in p["keys"]])
