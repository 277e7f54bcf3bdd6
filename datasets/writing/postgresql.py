"""PURE: writing to PostgreSQL: COPY into a temporary table, then the table itself, in one transaction."""

import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

import psycopg

from datasets.connectors.base import Outside, Params
from datasets.connectors.members.postgresql import connected, power_of, told
from datasets.connectors.sql_fields import reaching
from datasets.connectors.sql_session import GRACE, Power
from datasets.writing.base import APPEND, MERGE, REPLACE, Writer
from datasets.writing.fields import MAKE, table_fields
from datasets.writing.fitting import POSTGRESQL, Condition, Fit
from datasets.writing.session import BATCH, HOLE, LEDGER, STAGE, Column, Table, WriteSession
from problems.problem import Invalid, Problem

SETTINGS = {
    "idle_in_transaction_session_timeout": "600s",
    "lock_timeout": "20s",
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "synchronous_commit": "on",
}
TABLE = f"""
SELECT c.relkind, a.attname, format_type(a.atttypid, NULL), format_type(a.atttypid, a.atttypmod), a.attnotnull,
       a.atthasdef OR a.attidentity <> '', a.attgenerated <> '' OR a.attidentity = 'a',
       a.atttypmod, quote_ident(n.nspname) || '.' || quote_ident(l.collname)
  FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
  LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_collation l ON l.oid = a.attcollation LEFT JOIN pg_namespace n ON n.oid = l.collnamespace
 WHERE s.nspname = {HOLE} AND c.relname = {HOLE} ORDER BY a.attnum
"""
LEDGER_TYPES = """(writing text PRIMARY KEY, table_name text NOT NULL, destination text NOT NULL, dataset text NOT NULL,
 version text NOT NULL, number bigint NOT NULL, label text NOT NULL, mode text NOT NULL, added bigint NOT NULL,
 changed bigint NOT NULL, removed bigint NOT NULL, standing smallint NOT NULL, written_at timestamp NOT NULL)"""
RIGHTS = {APPEND: "INSERT", REPLACE: "INSERT, DELETE", MERGE: "INSERT, UPDATE, SELECT"}


class PostgresqlWriter(Writer):
    """PostgreSQL and what speaks its protocol."""

    key = "postgresql"
    title = "PostgreSQL"
    help = "A table of a schema. Readers see the old rows until all new ones are there."
    fields = (
        *reaching(5432, "A user who may write to this table and to nothing else."),
        *table_fields(schema=True),
        MAKE,
    )
    longest_name = 63

    def dial(self, p: Params, addresses: Sequence[str], outside: Outside) -> WriteSession:
        return _Session(connected(p, addresses), (p["schema"], p["table"]), self.table_words(p), outside.seconds)

    def length(self, name: str) -> int:
        return len(name.encode())


class _Session(WriteSession):
    mark = '"'
    types: ClassVar[Mapping[str, str]] = {
        "integer": "bigint",
        "number": "double precision",
        "boolean": "boolean",
        "text": "text",
        "date": "date",
        "datetime": "timestamp",
    }

    def __init__(
        self, connection: "psycopg.Connection[Any]", table: Sequence[str], known_as: str, seconds: float
    ) -> None:
        super().__init__(table, known_as)
        self.connection = connection
        self._line = socket.socket(fileno=os.dup(connection.fileno()))
        connection.autocommit = True
        settings = SETTINGS | {"statement_timeout": f"{int((seconds + GRACE) * 1000)}ms"}
        if connection.info.server_version >= 140_000:
            settings["client_connection_check_interval"] = "2s"
        for name, value in settings.items():
            self.rows(f"SELECT set_config({HOLE}, {HOLE}, false)", (name, value))

    def _execute(self, statement: str, values: Sequence[Any]) -> "psycopg.Cursor[Any]":
        parts = statement.split(HOLE) if values else [statement]
        numbered = parts[0] + "".join(f"${place}{part}" for place, part in enumerate(parts[1:], 1))
        with told():
            return self.connection.execute(numbered, tuple(values) or None)

    def run(self, statement: str, values: Sequence[Any] = ()) -> int:
        return max(0, self._execute(statement, values).rowcount)

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Sequence[Any]]:
        return list(self._execute(statement, values).fetchall())

    def power(self) -> Power:
        return power_of(self.connection)

    def table(self) -> Table | None:
        schema, name = self.parts
        if not self.rows(f"SELECT 1 FROM pg_namespace WHERE nspname = {HOLE}", (schema,)):
            raise Invalid(f"There is no schema “{schema}” in this database.", code="no_such_schema")
        rows = self.rows(TABLE, (schema, name))
        if not rows:
            return None
        if rows[0][0] not in ("r", "p"):
            raise Invalid(f"{self.known_as} is a view or something else, not a table.", code="no_table")
        return Table(tuple(_column(row) for row in rows if row[1] is not None), POSTGRESQL)

    def check_rights(self, mode: str, names: Sequence[str], table: Table | None, keys: Sequence[str]) -> None:
        schema = self.parts[0]
        ask = f"SELECT has_schema_privilege({HOLE}, 'USAGE'), has_schema_privilege({HOLE}, 'CREATE')"
        used, makes = self.rows(ask, (schema, schema))[0]
        noted = self._is_there(LEDGER)
        temporary = self.rows("SELECT has_database_privilege(current_database(), 'TEMPORARY')")[0][0]
        lacking = [] if used else [f"USAGE on the schema {schema}"]
        lacking += [] if temporary else ["TEMPORARY on the database"]
        if (table is None or not noted) and not makes:
            why = "to make the table" if table is None else f"to make the notes {LEDGER}"
            lacking.append(f"CREATE on the schema {schema}, {why}")
        lacking += self._lacking_on(RIGHTS[mode], self.target) if table and used else []
        lacking += self._lacking_on("INSERT, UPDATE, SELECT", self.ledger) if noted and used else []
        if lacking:
            raise Problem(f"This user lacks rights: {'; '.join(lacking)}.", code="no_right")

    def _lacking_on(self, rights: str, table: str) -> list[str]:
        """Rights are asked for one by one: a list is answered when any of them is there."""
        wanted = rights.split(", ")
        ask = ", ".join(f"has_table_privilege({HOLE}, {HOLE})" for _ in wanted)
        answers = self.rows(f"SELECT {ask}", [part for one in wanted for part in (table, one)])[0]
        missing = [one for one, has in zip(wanted, answers, strict=True) if not has]
        return [f"{' and '.join(missing)} on {table}"] if missing else []

    def _is_there(self, name: str) -> bool:
        return bool(self.rows(TABLE, (self.parts[0], name)))

    def make_ledger(self) -> None:
        if not self._is_there(LEDGER):
            try:
                self.run(f"CREATE TABLE IF NOT EXISTS {self.ledger} {LEDGER_TYPES}")
            except Problem:
                if not self._is_there(LEDGER):  # else another load made it at the same moment
                    raise

    def stage(
        self,
        columns: Sequence[Mapping[str, str]],
        keys: Sequence[str],
        fit: Fit,
        path: Path,
        sent: Callable[[int], None],
    ) -> None:
        from storage import tables  # late: pages read the catalog, and the web process loads no Arrow

        names = [one["name"] for one in columns]
        declared = [f"{self.named(one['name'])} {self._staged(one, fit)}" for one in columns]
        self.run(f"CREATE TEMPORARY TABLE {STAGE} ({', '.join(declared)})")
        rows = 0
        statement = f"COPY {STAGE} ({self.named(*names)}) FROM STDIN (FORMAT csv, ENCODING 'UTF8')"
        with told(), self.connection.cursor().copy(statement) as copy:
            for batch in tables.read_batches(path, names, BATCH):
                copy.write(_csv(batch.select(names)))
                rows += batch.num_rows
                sent(rows)

    def _staged(self, one: Mapping[str, str], fit: Fit) -> str:
        """Our own type, so that no value changes on the way; a text compares as it does in the table."""
        found = fit.into.get(one["name"])
        same = f" COLLATE {found.collation}" if one["type"] == "text" and found and found.collation else ""
        return self.types[one["type"]] + same

    def misfits(self, conditions: Sequence[Condition]) -> list[str]:
        if not conditions:
            return []
        counted = ", ".join(f"count(*) FILTER (WHERE {one.sql})" for one in conditions)
        found = self.rows(f"SELECT {counted} FROM {STAGE}")[0]
        return [f"{int(n):,} {one.words}" for n, one in zip(found, conditions, strict=True) if n]

    def make_table(self, columns: Sequence[Mapping[str, str]], keys: Sequence[str]) -> None:
        parts = [f"{self.named(one['name'])} {self.types[one['type']]}" for one in columns]
        parts += [f"PRIMARY KEY ({self.named(*keys)})"] if keys else []
        self.run(f"CREATE TABLE {self.target} ({', '.join(parts)})")

    def update(self, keys: Sequence[str], others: Sequence[str]) -> int:
        puts = ", ".join(f"{self.named(name)} = s.{self.named(name)}" for name in others)
        differs = " OR ".join(f"t.{self.named(name)} IS DISTINCT FROM s.{self.named(name)}" for name in others)
        where = f"{self.same('t', 's', keys)} AND ({differs})"
        return self.run(f"UPDATE {self.target} AS t SET {puts} FROM {STAGE} AS s WHERE {where}")

    @contextmanager
    def transaction(self, mode: str) -> Iterator[None]:
        with told(), self.connection.transaction():
            self.rows(f"SELECT pg_advisory_xact_lock(hashtextextended({HOLE}, 7))", (f"baton {self.known_as}",))
            if self._is_there(self.parts[1]) and mode != APPEND:  # others read on, but write only when this is over
                self.run(f"LOCK TABLE {self.target} IN SHARE ROW EXCLUSIVE MODE")
            yield

    def cancel(self) -> None:
        with suppress(psycopg.Error, OSError):
            self.connection.cancel_safe(timeout=3)

    def cut(self) -> None:
        with suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.cut()
        self._line.close()
        with suppress(psycopg.Error):
            self.connection.close()


def _column(row: Sequence[Any]) -> Column:
    _, name, kind, declared, required, filled, made, mod, collation = row
    size = precision = scale = None
    if mod is not None and mod >= 0:
        if kind == "numeric":
            precision, scale = ((mod - 4) >> 16) & 0xFFFF, (mod - 4) & 0x7FF
            scale = scale - 0x800 if scale & 0x400 else scale
        elif kind == "character varying":
            size = mod - 4
        elif kind.startswith("timestamp"):
            precision = mod
    return Column(
        name, kind, declared, required, filled or made, made, size, precision, scale, collation=collation or ""
    )


def _csv(batch: Any) -> bytes:
    """Rows as COPY reads them: what is there in quotes, what is missing bare."""
    import io

    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv as pa_csv

    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_string(column.type) and pc.any(pc.match_substring(column, "\x00")).as_py():
            raise Invalid(f"“{name[:60]}” holds the character NUL, which PostgreSQL keeps in no text.", code="bad_text")
    sink = io.BytesIO()
    options = pa_csv.WriteOptions(include_header=False, quoting_style="all_valid")
    pa_csv.write_csv(batch, sink, options)
    return sink.getvalue()
