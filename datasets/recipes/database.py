"""PURE: DuckDB locked down to the tables of one recipe, and Ibis compiled for it."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pyarrow as pa

from datasets.recipes.frame import Frame
from problems.problem import Invalid
from storage import tables

BATCH = 50_000
ibis.options.sql.fuse_selects = False  # else each use of a computed column computes it again


class Database:
    """The stored tables as views, and what was computed on the way as tables of its own that spill to the folder."""

    def __init__(self, folder: Path, sources: Mapping[str, tuple[Path, int]], *, first: int | None = None) -> None:
        """`sources`: name -> file and number of columns. With `first`, the view `main` holds only so many rows."""
        self.connection = duckdb.connect(":memory:")
        paths = ", ".join(_quoted(path) for path, _ in sources.values())
        for setting in _settings(folder, paths):
            self.connection.execute(setting)
        for name, (path, width) in sources.items():
            tables.check_footer(path)
            names = ", ".join([*[f"c{i}" for i in range(width)], "r"])
            limit = f" LIMIT {first}" if first is not None and name == "main" else ""
            source = f"read_parquet({_quoted(path)}, file_row_number = true)"
            self.connection.execute(f"CREATE VIEW {name} AS SELECT * FROM {source} AS t({names}){limit}")  # noqa: S608  names of ours
        self._kept = 0

    def ask(self, table: Any) -> list[dict[str, Any]]:
        """The rows of an Ibis table; for a few of them."""
        with said_plainly():
            rows: list[dict[str, Any]] = self.connection.sql(sql_of(table)).to_arrow_table().to_pylist()
        return rows

    def keep(self, frame: Frame) -> Frame:
        """The frame computed once, so that what follows does not compute it again."""
        self._kept += 1
        name = f"kept{self._kept}"
        with said_plainly():
            self.connection.execute(f"CREATE TEMP TABLE {name} AS {sql_of(frame.table)}")
        self.connection.execute(f"DROP TABLE IF EXISTS kept{self._kept - 1}")
        kinds = {column.id: frame.table.schema()[column.id] for column in frame.columns} | {"r": "int64"}
        return Frame(ibis.table(kinds, name=name), frame.columns, frame.free, frame.columns_known)

    def rows(self, frame: Frame) -> int:
        """How many there are."""
        return int(self.ask(frame.table.aggregate(n=frame.table.count()))[0]["n"])

    def table(self, frame: Frame) -> pa.Table:
        """The whole frame with `r` in memory; for a preview."""
        with said_plainly():
            return self.connection.sql(sql_of(frame.table.order_by("r"))).to_arrow_table()

    def batches(self, frame: Frame, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows in their order, in our types; what is no number is missing."""
        table = frame.table.order_by("r").select(*[column.id for column in frame.columns])
        with said_plainly():
            for batch in self.connection.sql(sql_of(table)).to_arrow_reader(BATCH):
                arrays = [
                    array if array.type == field.type else array.cast(field.type)
                    for array, field in zip(batch.columns, schema, strict=True)
                ]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    def close(self) -> None:
        """Let go of it."""
        self.connection.close()


def sql_of(table: Any) -> str:
    """The one place where Ibis becomes SQL. Names are of ours; values of users are literals that Ibis quotes."""
    return str(ibis.to_sql(table, dialect="duckdb", pretty=False))


def _settings(folder: Path, paths: str) -> list[str]:
    memory = max(256, int(os.environ.get("BATON_RECIPE_MB", "0") or 0) or 768)
    return [
        f"SET threads = {max(1, int(os.environ.get('OMP_NUM_THREADS', '1') or 1))}",
        f"SET memory_limit = '{memory}MB'",
        f"SET temp_directory = {_quoted(folder / 'spill')}",
        "SET max_temp_directory_size = '16GB'",
        "SET autoinstall_known_extensions = false",
        "SET autoload_known_extensions = false",
        "SET preserve_insertion_order = false",
        "SET TimeZone = 'UTC'",
        f"SET allowed_paths = [{paths}]",
        "SET enable_external_access = false",
        "SET lock_configuration = true",
    ]


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


@contextmanager
def said_plainly() -> Iterator[None]:
    """What the engine refuses because of the data is a problem in words; running out of memory stays what it is."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise MemoryError(str(error)) from error
    except (duckdb.OutOfRangeException, duckdb.ConversionException, pa.ArrowInvalid) as error:
        raise Invalid(f"A value grew beyond what its type holds: “{_first(error)}”", code="out_of_range") from None
    except duckdb.InvalidInputException as error:
        raise Invalid(f"The engine cannot do this: “{_first(error)}”", code="bad_input") from None


def _first(error: Exception) -> str:
    return re.sub(r"\s+", " ", str(error))[:200]
