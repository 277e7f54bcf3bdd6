"""A schema to write to on the PostgreSQL and the MariaDB of this machine, with a user who may do no more than that."""

import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from datasets.reading.cells import ARROW
from datasets.writing import engine
from datasets.writing.catalog import writer_for
from jobs.report import Silent
from storage import tables
from tests.datasets.connectors.servers import HERE, NAME, PASSWORD, READER, Server, open_mariadb, open_postgresql

KINDS = ["postgresql", "mariadb"]
ORDERS = [("id", "integer"), ("name", "text"), ("price", "number")]
DATASET = str(uuid.uuid4())


@dataclass
class Warehouse:
    """One server with a place to write to."""

    server: Server

    @property
    def kind(self) -> str:
        return self.server.kind

    def sql(self, statement: str) -> list[Any]:
        """A statement of the administrator, with names in double quotes, in the place where tables are written."""
        if self.kind == "postgresql":
            return self.server.run("SET search_path = wh", statement)
        return self.server.run(f"USE {NAME}", "SET sql_mode = 'ANSI_QUOTES'", statement)

    def create(self, table: str, columns: str) -> None:
        self.sql(f'DROP TABLE IF EXISTS "{table}"')
        self.sql(f'CREATE TABLE "{table}" ({columns})')
        if self.kind == "postgresql":
            self.sql(f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table}" TO {READER}')

    def rows(self, table: str, what: str = "*") -> list[tuple[Any, ...]]:
        return sorted((tuple(row) for row in self.sql(f'SELECT {what} FROM "{table}"')), key=str)

    def params(self, table: str, **more: Any) -> dict[str, Any]:
        own = {"host": HERE, "port": self.server.params["port"], "database": NAME, "user": READER, "tls": "off"}
        own |= {"schema": "wh"} if self.kind == "postgresql" else {}
        return own | {"table": table} | more

    def spec(self, table: str, columns: Sequence[tuple[str, str]], mode: str, **more: Any) -> dict[str, Any]:
        params = {name: more.pop(name) for name in ("create", "user", "schema") if name in more}
        read = writer_for(self.kind).read(self.params(table, **params) | {"password": PASSWORD})
        private = {"password": read.pop("password")}
        load = {"columns": [{"name": n, "type": t} for n, t in columns], "mode": mode, "writing": str(uuid.uuid4())}
        load |= {
            "dataset": DATASET,
            "version": str(uuid.uuid4()),
            "destination": str(uuid.uuid4()),
            "label": "orders v1",
        }
        spec = {"connector": self.kind, "params": read, "private": private, "seconds": 30.0, "load": load | more}
        return json.loads(json.dumps(spec | {"allow": [f"{HERE}:{read['port']}"]}))  # type: ignore[no-any-return]

    def write(
        self, folder: Path, table: str, rows: Sequence[Sequence[Any]], mode: str = "append", **more: Any
    ) -> dict[str, Any]:
        columns = more.pop("columns", ORDERS)
        path = parquet(folder, columns, rows)
        spec = self.spec(table, columns, mode, path=str(path), rows=len(rows), **more)
        return engine.write(spec, folder, Silent())

    def test(self, table: str, mode: str = "append", **more: Any) -> list[dict[str, Any]]:
        columns = more.pop("columns", ORDERS)
        steps: list[dict[str, Any]] = engine.test(self.spec(table, columns, mode, **more), Path("."), Silent())["steps"]
        return steps


def parquet(folder: Path, columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[Any]]) -> Path:
    """A stored table."""
    schema = pa.schema([pa.field(name, ARROW[kind]) for name, kind in columns])
    arrays = [pa.array([row[place] for row in rows], ARROW[kind]) for place, (_, kind) in enumerate(columns)]
    path = folder / f"{uuid.uuid4()}.parquet"
    tables.write(path, schema, [pa.RecordBatch.from_arrays(arrays, schema=schema)])
    return path


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Warehouse]:
    """The PostgreSQL of this machine."""
    with open_postgresql() as found:
        found.run("CREATE SCHEMA wh", f"GRANT USAGE, CREATE ON SCHEMA wh TO {READER}")
        yield Warehouse(found)


@pytest.fixture(scope="module")
def mariadb() -> Iterator[Warehouse]:
    """The MariaDB of this machine."""
    rights = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, INDEX, CREATE TEMPORARY TABLES"
    with open_mariadb() as found:
        found.run(f"GRANT {rights} ON {NAME}.* TO '{READER}'@'%'")
        yield Warehouse(found)


@pytest.fixture(params=KINDS)
def warehouse(request: pytest.FixtureRequest) -> Warehouse:
    found: Warehouse = request.getfixturevalue(request.param)
    return found
