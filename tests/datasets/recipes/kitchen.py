"""Small tables for the tests of recipes, and a way to carry out steps on them as the child does."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from datasets.reading.cells import ARROW
from datasets.recipes import engine
from jobs.report import Silent
from storage import tables

Schema = list[dict[str, str]]
Cooked = Callable[..., list[dict[str, Any]]]
EVERYTHING: Schema = [
    {"name": "n", "type": "integer"},
    {"name": "x", "type": "number"},
    {"name": "t", "type": "text"},
    {"name": "b", "type": "boolean"},
    {"name": "d", "type": "date"},
    {"name": "m", "type": "datetime"},
]
ROWS: list[dict[str, Any]] = [
    {"n": 1, "x": 1.5, "t": "a", "b": True, "d": date(2026, 1, 31), "m": datetime(2026, 1, 31, 14, 30)},
    {"n": 2, "x": None, "t": "B", "b": False, "d": None, "m": datetime(2026, 2, 1, 9, 0, 5)},
    {"n": None, "x": -2.5, "t": None, "b": None, "d": date(2024, 2, 29), "m": None},
    {"n": 2, "x": 100.0, "t": "a", "b": True, "d": date(2026, 1, 31), "m": datetime(2026, 1, 31, 14, 30)},
]


def table_of(rows: Sequence[Mapping[str, Any]], schema: Schema) -> pa.Table:
    """Rows as a table of our types."""
    fields = pa.schema([pa.field(one["name"], ARROW[one["type"]]) for one in schema])
    return pa.Table.from_pylist([dict(row) for row in rows], fields)


def stored(rows: Sequence[Mapping[str, Any]], schema: Schema, folder: Path, name: str = "main") -> dict[str, Any]:
    """A table on disk with its schema, as the engine is given it."""
    path = folder / f"{name}.parquet"
    table = table_of(rows, schema)
    tables.write(path, table.schema, table.to_batches())
    return {"path": str(path), "schema": schema}


def cook(
    steps: Sequence[Mapping[str, Any]],
    rows: Sequence[Mapping[str, Any]] = ROWS,
    schema: Schema = EVERYTHING,
    others: Mapping[str, tuple[Sequence[Mapping[str, Any]], Schema]] | None = None,
    learned: list[Any] | None = None,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The engine's answer and the rows of the table that it wrote."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        made = {key: stored(*one, folder, f"other{i}") for i, (key, one) in enumerate((others or {}).items())}
        spec = {"main": stored(rows, schema, folder), "others": made, "steps": list(steps), "learned": learned}
        answer = engine.run(spec, folder, Silent())
        return answer, tables.read(folder / answer["table"]).to_pylist()


def step(kind: str, **params: Any) -> dict[str, Any]:
    """One step."""
    return {"kind": kind, "params": params}


def column(name: str, values: Sequence[Any], kind: str, *steps: Mapping[str, Any]) -> list[Any]:
    """The column of that name after the steps, from a table of this one column."""
    _, rows = cook(steps, [{name: value} for value in values], [{"name": name, "type": kind}])
    return [row[name] for row in rows]
