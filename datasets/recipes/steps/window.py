"""PURE: a value from the rows around each row: the row before, the last seven rows, all rows so far, the rank."""

from typing import Any

from datasets.recipes.base import Learned, Params, Step, Tables, names_in_words
from datasets.recipes.fields import Field
from datasets.recipes.frame import NUMERIC, WORDS, Frame, falling, finite, missing, rising
from datasets.recipes.late import ibis
from problems.problem import Invalid

SHIFTS = {"lag": "the value of a row before", "lead": "the value of a row after"}
ROLLING = {
    "sum": "sum",
    "mean": "mean",
    "min": "smallest",
    "max": "largest",
    "count": "number of values",
}
PLACES = {"rank": "rank (equal values share the better place)", "place": "place of the row (1, 2, 3, …)"}
MOST_ROWS = 100_000


class Window(Step):
    """Ties keep the order of the rows. Missing values are left out; of none, only the count is not missing."""

    kind = "window"
    title = "Look at the rows around"
    help = (
        "A new column from the rows before: a lag, a rolling or cumulative sum, mean, smallest, largest or count, the "
        "rank. Rows of the future come in only by “the value of a row after”, which a model will not know in time."
    )
    fields = (
        Field("name", "name", "New column"),
        Field("function", "choice", "What", choices={**SHIFTS, **ROLLING, **PLACES}),
        Field("column", "column", "Of", "Not for rank and place.", required=False),
        Field(
            "rows",
            "integer",
            "Rows",
            "For a row before or after: how many rows away; left empty, 1. For sums and the like: this row and those "
            "before it, 7 in all for a week of days; left empty, all rows so far.",
            required=False,
            low=1,
            high=MOST_ROWS,
        ),
        Field("order", "column", "Ordered by", "None: as the rows stand. A rank needs one.", required=False),
        Field("way", "choice", "Order", default="rising", choices={"rising": "rising", "falling": "falling"}),
        Field("keys", "columns", "Within groups of", "None: over all rows.", default=[], required=False),
    )

    def check(self, p: Params) -> None:
        place = p["function"] in PLACES
        if place == (p["column"] is not None):
            text = "A rank or place is of no column; the order decides." if place else "Say of which column."
            raise Invalid(text, fields={"column": text})
        if place and p["rows"]:
            raise Invalid("A rank or place takes no rows.", fields={"rows": "A rank or place takes no rows."})
        if p["function"] == "rank" and not p["order"]:
            raise Invalid("A rank needs a column to order by.", fields={"order": "A rank needs one."})

    def fits(self, frame: Frame, p: Params) -> None:
        super().fits(frame, p)
        frame.free_name(p["name"])
        kind = frame.type_of(p["column"]) if p["column"] else ""
        sums, ends = p["function"] in ("sum", "mean"), p["function"] in ("min", "max")
        if (sums and kind not in NUMERIC) or (ends and kind == "boolean"):
            text = f"“{p['column'][:100]}” is a {WORDS[kind]} and has no {p['function']}."
            raise Invalid(text, fields={"column": text}, code="wrong_type")

    def sentence(self, p: Params) -> str:
        within = f" within each {names_in_words(p['keys'])}" if p["keys"] else ""
        order = f", ordered by {p['order'][:60]} {p['way']}" if p["order"] else ""
        return f"{p['name'][:60]} is {_what(p)}{within}{order}."

    def apply(self, frame: Frame, p: Params, learned: Learned, tables: Tables) -> Frame:
        way = rising if p["way"] == "rising" else falling
        keys = [frame[name] for name in p["keys"]]
        by = [way(frame[p["order"]])] if p["order"] else []
        if p["function"] == "rank":
            place = ibis.rank().over(ibis.window(group_by=keys, order_by=by)) + 1
            value = ibis.ifelse(frame[p["order"]].isnull(), missing("integer"), place.cast("int64"))
            return frame.put({p["name"]: ("integer", value)})
        return frame.put({p["name"]: (_type(frame, p), _value(frame, p, keys, [*by, frame.place]))})


def _what(p: Params) -> str:
    if p["function"] in PLACES:
        return "the rank" if p["function"] == "rank" else "the place of the row"
    column, rows = p["column"][:60], p["rows"]
    if p["function"] in SHIFTS:
        side = "before" if p["function"] == "lag" else "after"
        return f"{column} of the row {side}" if rows in (None, 1) else f"{column} of {rows} rows {side}"
    return f"the {ROLLING[p['function']]} of {column} over {f'the last {rows} rows' if rows else 'all rows so far'}"


def _type(frame: Frame, p: Params) -> str:
    if p["function"] in ("count", "place"):
        return "integer"
    return "number" if p["function"] == "mean" else frame.type_of(p["column"])


def _value(frame: Frame, p: Params, keys: list[Any], by: list[Any]) -> Any:
    """Over rows, never over ranges of values: two rows of one day are two rows."""
    function, rows = p["function"], p["rows"]
    if function == "place":
        return ibis.row_number().over(ibis.window(group_by=keys, order_by=by)) + 1
    value = frame[p["column"]]
    if function in SHIFTS:
        shifted = value.lag(rows or 1) if function == "lag" else value.lead(rows or 1)
        return shifted.over(ibis.window(group_by=keys, order_by=by))
    over = ibis.window(group_by=keys, order_by=by, preceding=rows - 1 if rows else None, following=0)
    if function == "mean":
        return finite(value.cast("float64").mean().over(over))
    found = {"sum": value.sum, "min": value.min, "max": value.max, "count": value.count}[function]().over(over)
    return finite(found) if function == "sum" and frame.type_of(p["column"]) == "number" else found
