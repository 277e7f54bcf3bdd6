"""PURE: a table on its way through a recipe: people's column names outside, names of ours inside, rows in order.

Engines differ in whether `A` and `a` are one column, in what a cast does and in which order rows come. So no name of a
user becomes a name of the engine (columns are c0, c1, …), every row carries its place in `r`, and casts are written out
here once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from datasets.recipes.late import ibis
from problems.problem import Invalid

TYPES = ("integer", "number", "boolean", "text", "date", "datetime")
NUMERIC = ("integer", "number")
TIMES = ("date", "datetime")
WORDS = {
    "integer": "whole number",
    "number": "number",
    "boolean": "yes / no",
    "text": "text",
    "date": "date",
    "datetime": "time",
}
LARGEST_WHOLE = 9.2e18
LARGEST = 1.7976931348623157e308
EXACT = 2.0**53  # up to here a double holds every whole number
MOST_COLUMNS = 2000
SECOND_TABLE = 2**42  # rows of a table that is put below another come after all rows of the first
BLANKS = r"[\s\x{00A0}\x{202F}\x{2007}\x{2009}]"


@dataclass(frozen=True)
class Column:
    """One column: the name that people know, one of our six types, and the name that the engine knows."""

    name: str
    type: str
    id: str


@dataclass(frozen=True)
class Frame:
    """An Ibis table with its columns in order; `columns_known` is False after a step whose columns only data tells."""

    table: Any
    columns: tuple[Column, ...]
    free: int
    columns_known: bool = True

    @property
    def names(self) -> list[str]:
        """The names of the columns in order."""
        return [column.name for column in self.columns]

    @property
    def schema(self) -> list[dict[str, str]]:
        """Name and type of each column in order."""
        return [{"name": column.name, "type": column.type} for column in self.columns]

    def column(self, name: str) -> Column:
        """The column of that name, or a refusal that lists what there is."""
        for column in self.columns:
            if column.name == name:
                return column
        there = ", ".join(f"“{other[:60]}”" for other in self.names[:12]) + (", …" if len(self.columns) > 12 else "")
        raise Invalid(f"There is no column “{name[:100]}” here. There is {there or 'none'}.", code="unknown_column")

    def __getitem__(self, name: str) -> Any:
        """The values of a column."""
        return self.table[self.column(name).id]

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def type_of(self, name: str) -> str:
        """The type of a column."""
        return self.column(name).type

    @property
    def is_stored(self) -> bool:
        """Whether it is a table as the engine holds it, with nothing to compute."""
        return isinstance(self.table.op(), ibis.expr.operations.UnboundTable)

    @property
    def place(self) -> Any:
        """The place of each row; no two rows share one."""
        return self.table["r"]

    def put(self, values: Mapping[str, tuple[str, Any]]) -> "Frame":
        """The frame with these columns (type and values), in their old place where the name exists, else at the end."""
        columns, made, free = list(self.columns), {}, self.free
        for name, (kind, value) in values.items():
            column, free = Column(name, kind, f"c{free}"), free + 1
            at = next((i for i, old in enumerate(columns) if old.name == name), None)
            if at is None:
                columns.append(column)
            else:
                columns[at] = column
            made[column.id] = value.cast(ibis_type(kind))
        if len(columns) > MOST_COLUMNS:
            raise Invalid(f"The table would have {len(columns)} columns; at most {MOST_COLUMNS} can be kept.")
        table = self.table.mutate(**made).select(*[column.id for column in columns], "r")
        return replace(self, table=table, columns=tuple(columns), free=free)

    def stage(self, value: Any) -> tuple["Frame", Any]:
        """The frame with a value computed on the way, which no person sees, and that value; `put` leaves it behind."""
        name = f"s{self.free}"
        staged = replace(self, table=self.table.mutate(**{name: value}), free=self.free + 1)
        return staged, staged.table[name]

    def only(self, names: Iterable[str]) -> "Frame":
        """The frame with these columns alone, in this order."""
        columns = tuple(self.column(name) for name in names)
        return replace(self, table=self.table.select(*[column.id for column in columns], "r"), columns=columns)

    def renamed(self, names: Mapping[str, str]) -> "Frame":
        """The frame with other names for people; the engine sees no difference."""
        for old in names:
            self.column(old)
        columns = tuple(replace(column, name=names.get(column.name, column.name)) for column in self.columns)
        seen: set[str] = set()
        for column in columns:
            if column.name in seen:
                raise Invalid(f"Two columns would be called “{column.name[:100]}”.", code="name_taken")
            seen.add(column.name)
        return replace(self, columns=columns)

    def where(self, condition: Any) -> "Frame":
        """The rows for which the condition holds; where it is missing, the row goes."""
        return replace(self, table=self.table.filter(condition.fill_null(False)))

    def ordered(self, *by: Any) -> "Frame":
        """The frame with its rows numbered anew in this order, ties in the order they had."""
        place = ibis.row_number().over(ibis.window(order_by=[*by, self.place]))
        return replace(self, table=self.table.mutate(r=place))

    def free_name(self, name: str) -> None:
        """Refuse a name that a column here has already."""
        if name in self:
            raise Invalid(f"There is a column “{name[:100]}” already. Choose another name.", code="name_taken")


@cache
def ibis_type(kind: str) -> Any:
    """The type of a column as an object of Ibis: reading its name takes longer than a small query."""
    kinds = ibis.expr.datatypes
    if kind == "datetime":
        return kinds.Timestamp(scale=6)
    named = {"integer": "int64", "number": "float64", "boolean": "boolean", "text": "string", "date": "date"}
    return getattr(kinds, named[kind])


def table_of(name: str, schema: Iterable[Mapping[str, Any]]) -> Frame:
    """The frame of a stored table that the engine knows by `name`, with columns c0, c1, … and r."""
    columns = tuple(Column(one["name"], one["type"], f"c{i}") for i, one in enumerate(schema))
    kinds = {column.id: ibis_type(column.type) for column in columns} | {"r": ibis_type("integer")}
    return Frame(ibis.table(kinds, name=name), columns, len(columns))


def made_of(table: Any, kinds: Iterable[tuple[str, str]]) -> Frame:
    """The frame of a table just made, whose columns are c0, c1, … of these names and types, and r."""
    columns = tuple(Column(name, kind, f"c{i}") for i, (name, kind) in enumerate(kinds))
    return Frame(table, columns, len(columns))


def rising(value: Any) -> Any:
    """In rising order, missing last: engines differ in where missing goes."""
    return value.asc(nulls_first=False)


def falling(value: Any) -> Any:
    """In falling order, missing last."""
    return value.desc(nulls_first=False)


def missing(kind: str) -> Any:
    """Nothing, of this type."""
    return ibis.null(ibis_type(kind))


def literal(value: Any, kind: str) -> Any:
    """A value of this type; None is missing."""
    if value is None:
        return missing(kind)
    if kind in TIMES:
        return ibis.literal(str(value)).try_cast(ibis_type(kind))
    return ibis.literal(float(value) if kind == "number" else value, ibis_type(kind))


def finite(value: Any) -> Any:
    """A number that is one; infinity and NaN become missing (engines differ in what 1 / 0 and ln 0 are)."""
    return ibis.ifelse(value.between(-LARGEST, LARGEST), value, missing("number"))


def whole(value: Any) -> Any:
    """A number as whole number: half goes away from zero (engines truncate or round), beyond 64 bits is missing."""
    safe = ibis.ifelse(value.abs() < LARGEST_WHOLE, value, missing("number"))
    return (safe.sign() * floor(safe.abs() + 0.5)).cast("int64")


def floor(value: Any) -> Any:
    """The whole number at or below, as a number: beyond 2^53 every number is whole, and no engine may cast it."""
    near = ibis.ifelse(value.abs() < EXACT, value, missing("number"))
    return ibis.ifelse(value.abs() < EXACT, near.floor().cast("float64"), value)


def plain_number(text: Any) -> Any:
    """Text such as `-12.5` or `1e3` as number; anything else is missing, also `inf`, `nan`, `0x1` and `1_000`."""
    looks = text.re_search(r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$")
    return finite(ibis.ifelse(looks, text, missing("text")).try_cast("float64"))
