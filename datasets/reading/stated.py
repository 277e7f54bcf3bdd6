"""PURE: the types that a person stated for single columns: every cell must fit, or the first that does not is named."""

from collections.abc import Sequence

import pyarrow as pa

from datasets.reading.cells import KINDS, Column
from datasets.reading.options import TYPES, Options
from problems.problem import Invalid


def kinds_of(stated: str, options: Options) -> list[str]:
    """The kinds of cells that a stated type allows, narrow first; text allows none of them."""
    if stated == "number":
        return ["comma"] if options.decimal == "comma" else ["number"]
    return {"text": [], "datetime": ["datetime", "zoned"]}.get(stated, [stated])


def check_names(options: Options, names: Sequence[str]) -> None:
    """Refuse a stated type for a column that is not there."""
    unknown = [name for name in options.types if name not in names]
    if unknown:
        raise Invalid(
            f"A type was stated for “{unknown[0][:100]}”, but the table has no such column.",
            code="unknown_column",
            fields={"types": f"There is no column “{unknown[0][:100]}”."},
        )


def misfit(column: str, stated: str, row: int, value: str) -> Invalid:
    """A cell that is not of the type that was stated."""
    text = (
        f"Column “{column[:100]}” was stated to be {TYPES[stated]}, but row {row} holds “{value[:80]}”. "
        "State text for it, or mend the file."
    )
    return Invalid(text, code="type_misfit", fields={"types": text}, column=column, row=row)


def first_misfit(cells: pa.Array, kinds: list[str]) -> int:
    """The place of the first cell after which none of the kinds holds for all cells."""
    low, high = 0, len(cells)
    while high - low > 1:
        middle = (low + high) // 2
        if _holds(cells.slice(0, middle), kinds):
            low = middle
        else:
            high = middle
    return low


def converted(cells: pa.Array, column: Column, stated: str, options: Options, done: int) -> pa.Array:
    """Texts as the stated type; `done` rows are behind them."""
    kinds = kinds_of(stated, options)
    if not kinds:
        return cells
    for kind in kinds:
        values = KINDS[kind](cells, column)
        if values is not None:
            return values
    place = first_misfit(cells, kinds)
    raise misfit(column.name, stated, done + place + 1, str(cells[place].as_py()))


def _holds(cells: pa.Array, kinds: list[str]) -> bool:
    return any(KINDS[kind](cells, Column("", [kind])) is not None for kind in kinds)
