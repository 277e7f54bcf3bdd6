"""PURE: how the columns of a version go into those of a table: what cannot, and which values would not stay."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from datasets.connectors.sql_text import quoted
from datasets.writing.session import Column, Table

POSTGRESQL, MARIADB = "postgresql", "mariadb"
MARKS = {POSTGRESQL: '"', MARIADB: "`"}
WORDS = {
    "integer": "whole numbers",
    "number": "numbers",
    "boolean": "yes or no",
    "text": "text",
    "date": "days",
    "datetime": "moments",
}
BYTES = {"smallint": 2, "integer": 4, "tinyint": 1, "mediumint": 3, "int": 4, "bigint": 8}
WHOLE = ("tinyint", "smallint", "mediumint", "int", "bigint", "decimal")
FITS: dict[str, dict[str, tuple[str, ...]]] = {
    POSTGRESQL: {
        "integer": ("smallint", "integer", "bigint", "numeric", "double precision"),
        "number": ("double precision", "numeric"),
        "boolean": ("boolean",),
        "text": ("text", "character varying"),
        "date": ("date",),
        "datetime": ("timestamp without time zone", "timestamp with time zone"),
    },
    MARIADB: {
        "integer": (*WHOLE, "double"),
        "number": ("double", "decimal"),
        "boolean": ("tinyint",),
        "text": ("varchar", "tinytext", "text", "mediumtext", "longtext"),
        "date": ("date",),
        "datetime": ("datetime", "timestamp"),
    },
}
EXACT = 2**53
FIRST_SECOND, LAST_SECOND = "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'"


@dataclass(frozen=True)
class Condition:
    """What a row of the temporary table meets if it does not go into the table as it is."""

    sql: str
    words: str


@dataclass(frozen=True)
class Fit:
    """The table, conditions that no row may meet, and the column of the table for each of the version's."""

    table: Table | None
    conditions: Sequence[Condition]
    into: Mapping[str, Column] = field(default_factory=dict)


def misfits(columns: Sequence[Mapping[str, str]], keys: Sequence[str], table: Table) -> tuple[Fit, list[str]]:
    """How they fit, and a sentence for everything that does not. `keys` are told by themselves, when they are empty."""
    there = {table.same_name(one.name): one for one in table.columns}
    into: dict[str, Column] = {}
    conditions: list[Condition] = []
    wrong: list[str] = []
    for one in columns:
        name, found = one["name"], there.get(table.same_name(one["name"]))
        if said := _unfit(name, one["type"], found, table):
            wrong.append(said)
        elif found is not None:
            if found in into.values():
                wrong.append(f"“{name[:60]}” and another column are one to this database.")
            into[name] = found
            conditions += _conditions(name, one["type"], found, table.dialect, required=name not in keys)
    left = [one.name for one in table.columns if one.required and not one.filled and one not in into.values()]
    wrong += [f"The table needs “{name[:60]}”, which is not written." for name in left]
    return Fit(table, tuple(conditions), into), wrong


def _unfit(name: str, kind: str, found: Column | None, table: Table) -> str:
    if found is None:
        return f"The table has no column “{name[:60]}”."
    if found.made:
        return f"“{name[:60]}” is filled by the table itself."
    if found.kind not in FITS[table.dialect][kind]:
        return f"“{name[:60]}” holds {WORDS[kind]}; the table keeps it as {found.declared[:60]}."
    return ""


def _conditions(name: str, kind: str, found: Column, dialect: str, *, required: bool) -> list[Condition]:
    cell, shown = quoted(name, MARKS[dialect]), f"“{name[:60]}”"
    made = []
    if found.required and required:
        made.append(Condition(f"{cell} IS NULL", f"values of {shown} are missing, which the table needs."))
    if sql := BOUNDS[dialect](cell, kind, found):
        words = f"values of {shown} do not go into {found.declared[:60]} as they are."
        made.append(Condition(f"{cell} IS NOT NULL AND ({sql})", words))
    return made


def _postgresql(cell: str, kind: str, found: Column) -> str:
    scale = found.scale or 0
    if kind == "integer" and found.kind == "numeric" and found.precision is not None:
        return f"abs({cell}::numeric) >= 1e{max(0, found.precision - scale)}::numeric"
    if kind == "integer" and found.kind == "double precision":
        return f"abs({cell}) > {EXACT}"
    if kind == "integer":
        return _range(cell, found)
    if kind == "number" and found.kind == "numeric":
        if found.precision is None:
            return f"{cell}::numeric::float8 <> {cell}"
        whole = f"round({cell}::numeric, {scale:d})"
        return f"abs({whole}) >= 1e{max(0, found.precision - scale)}::numeric OR {whole}::float8 <> {cell}"
    if kind == "text" and found.size is not None:
        return f"char_length({cell}) > {found.size:d}"
    if kind == "datetime" and found.precision is not None and found.precision < 6:
        return f"{cell} <> {cell}::timestamp({found.precision:d})"
    return ""


def _mariadb(cell: str, kind: str, found: Column) -> str:
    scale = found.scale or 0
    if kind == "integer" and found.kind == "decimal":
        least = f"{cell} < 0 OR " if found.unsigned else ""
        return f"{least}ABS({cell}) >= {10 ** ((found.precision or 65) - scale)}"
    if kind == "integer" and found.kind == "double":
        return f"ABS({cell}) > {EXACT}"
    if kind == "integer":
        return _range(cell, found)
    if kind == "number" and found.kind == "decimal":
        least = f"{cell} < 0 OR " if found.unsigned else ""
        return f"{least}CAST({cell} AS DECIMAL({found.precision or 65:d},{scale:d})) <> {cell}"
    if kind == "text" and found.kind != "longtext":
        measure = "CHAR_LENGTH" if found.kind == "varchar" else "LENGTH"
        return f"{measure}({cell}) > {found.size or 0:d}"
    if kind == "datetime":
        coarse = f"CAST({cell} AS DATETIME({found.precision or 0:d})) <> {cell}"
        edge = f" OR {cell} < {FIRST_SECOND} OR {cell} > {LAST_SECOND}" if found.kind == "timestamp" else ""
        return coarse + edge
    return ""


def _range(cell: str, found: Column) -> str:
    """Outside of what so many bytes hold; nothing to say where every whole number of ours goes in."""
    bits = 8 * BYTES.get(found.kind, 8)
    if found.unsigned:
        return f"{cell} < 0" + (f" OR {cell} > {2**bits - 1}" if bits < 64 else "")
    return f"{cell} < {-(2 ** (bits - 1))} OR {cell} > {2 ** (bits - 1) - 1}" if bits < 64 else ""


BOUNDS: dict[str, Callable[[str, str, Column], str]] = {POSTGRESQL: _postgresql, MARIADB: _mariadb}
