"""PURE: writing to MySQL and MariaDB: INSERTs into a temporary table, then the table itself, in one transaction."""

import hashlib
import math
import re
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

import pymysql
from pymysql.converters import escape_string

from datasets.connectors.base import Outside, Params
from datasets.connectors.members.mariadb import connected, power_of, told
from datasets.connectors.sql_fields import reaching
from datasets.connectors.sql_session import GRACE, Power
from datasets.writing.base import MERGE, REPLACE, Writer
from datasets.writing.fields import MAKE, table_fields
from datasets.writing.fitting import MARIADB, Condition, Fit
from datasets.writing.session import BATCH, HOLE, LEDGER, LEDGER_COLUMNS, STAGE, Column, Table, WriteSession
from problems.problem import Invalid, Problem, Unavailable

LOCK_SECONDS = 20
LONGEST_STATEMENT = 1_000_000
ROOM = 10_000
KEY_TEXT = 255
BINARY = "CHARACTER SET utf8mb4 COLLATE {}"
BINARY_COLLATIONS = ("utf8mb4_nopad_bin", "utf8mb4_0900_bin", "utf8mb4_bin")
COLLATIONS = "SELECT collation_name FROM information_schema.collations WHERE collation_name LIKE 'utf8mb4%bin'"
LEDGER_TYPES = """(writing CHAR(36) PRIMARY KEY, table_name VARCHAR(200) NOT NULL, destination CHAR(36) NOT NULL,
 dataset CHAR(36) NOT NULL, version CHAR(36) NOT NULL, number BIGINT NOT NULL, label VARCHAR(200) NOT NULL,
 mode VARCHAR(20) NOT NULL, added BIGINT NOT NULL, changed BIGINT NOT NULL, removed BIGINT NOT NULL,
 standing TINYINT NOT NULL, written_at DATETIME NOT NULL) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4"""
TABLE = f"""
SELECT column_name, data_type, column_type, is_nullable, column_default, extra, character_maximum_length,
       character_octet_length, numeric_precision, numeric_scale, datetime_precision, collation_name, character_set_name
  FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = {HOLE} ORDER BY ordinal_position
"""
MADE = re.compile(r"\b(VIRTUAL|STORED|PERSISTENT)\b", re.IGNORECASE)
MAY_MAKE = """
SELECT (SELECT count(*) FROM information_schema.user_privileges WHERE privilege_type = 'CREATE')
     + (SELECT count(*) FROM information_schema.schema_privileges
         WHERE privilege_type = 'CREATE' AND DATABASE() LIKE table_schema)
"""


class MariadbWriter(Writer):
    """MySQL and MariaDB."""

    key = "mariadb"
    title = "MySQL or MariaDB"
    help = "A table of InnoDB. Readers see the old rows until all new ones are there."
    fields = (
        *reaching(3306, "A user who may write to this table and to nothing else."),
        *table_fields(schema=False),
        MAKE,
    )
    longest_name = 64

    def dial(self, p: Params, addresses: Sequence[str], outside: Outside) -> WriteSession:
        return _Session(lambda: connected(p, addresses), p["table"], self.table_words(p), outside.seconds)

    def length(self, name: str) -> int:
        return len(name)


class _Session(WriteSession):
    mark = "`"
    types: ClassVar[Mapping[str, str]] = {
        "integer": "BIGINT",
        "number": "DOUBLE",
        "boolean": "TINYINT(1)",
        "text": "LONGTEXT",
        "date": "DATE",
        "datetime": "DATETIME(6)",
    }

    def __init__(
        self,
        dial: "Callable[[], tuple[pymysql.Connection[Any], socket.socket]]",
        table: str,
        known_as: str,
        seconds: float,
    ) -> None:
        super().__init__((table,), known_as)
        self._dial = dial
        self.connection, self._held = dial()
        self.number, self._made = int(self.connection.thread_id()), False
        is_maria = "maria" in str(self.connection.get_server_info()).lower()
        limit = f"max_statement_time = {seconds + GRACE:g}, SESSION" if is_maria else ""  # MySQL limits SELECT alone
        self.run(
            f"SET SESSION {limit} lock_wait_timeout = {LOCK_SECONDS}, "
            f"SESSION innodb_lock_wait_timeout = {LOCK_SECONDS}, time_zone = '+00:00', "
            "SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"
        )
        self.run("SET SESSION autocommit = 1")
        known = [str(row[0]) for row in self.rows(COLLATIONS)]
        self.longest = int(self.rows("SELECT @@max_allowed_packet")[0][0]) - ROOM
        self.exact = BINARY.format(next(one for one in BINARY_COLLATIONS if one in known))

    def run(self, statement: str, values: Sequence[Any] = ()) -> int:
        with told(), self.connection.cursor() as cursor:
            return int(cursor.execute(self._filled(statement, values)))

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Sequence[Any]]:
        with told(), self.connection.cursor() as cursor:
            cursor.execute(self._filled(statement, values))
            return [[one.decode() if isinstance(one, bytes) else one for one in row] for row in cursor.fetchall()]

    def _filled(self, statement: str, values: Sequence[Any]) -> str:
        parts = statement.split(HOLE) if values else [statement]
        filled = [self.connection.literal(value) + part for value, part in zip(values, parts[1:], strict=True)]
        return parts[0] + "".join(filled)

    def power(self) -> Power:
        return power_of(self.connection)

    def table(self) -> Table | None:
        found = self._kind_of(self.parts[0])
        if found is None:
            return None
        if found[0] != "BASE TABLE":
            raise Invalid(f"{self.known_as} is a view or something else, not a table.", code="no_table")
        if str(found[1]).lower() != "innodb":
            text = f"{self.known_as} is kept by {found[1]}, which knows no transactions; a table of InnoDB is needed."
            raise Invalid(text, code="no_transactions")
        columns = tuple(_column(row) for row in self.rows(TABLE, self.parts))
        return Table(columns, MARIADB, str.casefold)

    def _kind_of(self, name: str) -> Sequence[Any] | None:
        where = f"table_schema = DATABASE() AND table_name = {HOLE}"
        found = self.rows(f"SELECT table_type, engine FROM information_schema.tables WHERE {where}", (name,))
        return found[0] if found else None

    def check_rights(self, mode: str, names: Sequence[str], table: Table | None, keys: Sequence[str]) -> None:
        """The server itself says what it would refuse: EXPLAIN asks for the rights and changes nothing."""
        lacking = []
        probes = self._probes(self.target, names, mode) if table else []
        noted = self._kind_of(LEDGER) is not None
        probes += self._probes(self.ledger, LEDGER_COLUMNS, MERGE) if noted else []
        for probe in [f"CREATE TEMPORARY TABLE {STAGE} (x INT)", f"DROP TEMPORARY TABLE {STAGE}", *probes]:
            try:
                self.run(probe)
            except Problem as problem:
                if problem.text not in lacking and not probe.startswith("DROP"):
                    lacking.append(problem.text)
        if (table is None or not noted) and not int(self.rows(MAY_MAKE)[0][0]):
            what = "the table" if table is None else f"the notes {LEDGER}"
            lacking.append(f"It may not make {what}: CREATE is needed.")
        if lacking:
            raise Problem(f"This user lacks rights. {' '.join(lacking)}", code="no_right")

    def _probes(self, table: str, names: Sequence[str], mode: str) -> list[str]:
        listed, nothing = self.named(*names), ", ".join("NULL" for _ in names)
        probes = [f"EXPLAIN INSERT INTO {table} ({listed}) SELECT {nothing} FROM DUAL WHERE 1 = 0"]
        if mode == REPLACE:
            probes.append(f"EXPLAIN DELETE FROM {table}")
        if mode == MERGE:
            first = self.named(names[0])
            probes.append(f"EXPLAIN UPDATE {table} SET {first} = {first} WHERE 1 = 0")
        return probes

    def make_ledger(self) -> None:
        self.run(f"CREATE TABLE IF NOT EXISTS {self.ledger} {LEDGER_TYPES}")

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
        declared = [f"{self.named(one['name'])} {self._staged(one, keys, fit)}" for one in columns]
        declared += [f"KEY baton_keys ({self.named(*keys)})"] if keys else []
        self.run(f"CREATE TEMPORARY TABLE {STAGE} ({', '.join(declared)}) ENGINE=InnoDB {self.exact}")
        rows, begin = 0, f"INSERT INTO {STAGE} ({self.named(*names)}) VALUES "
        self.run("START TRANSACTION")
        for batch in tables.read_batches(path, names, BATCH):
            for statement in self._statements(begin, batch.select(names)):
                with told():
                    self.connection.query(statement)
            rows += batch.num_rows
            sent(rows)
        self.run("COMMIT")

    def _staged(self, one: Mapping[str, str], keys: Sequence[str], fit: Fit) -> str:
        """Our own type, so that no value changes on the way; a text compares as it does in the table."""
        if one["type"] != "text":
            return self.types[one["type"]]
        found, is_key = fit.into.get(one["name"]), one["name"] in keys
        width = found.size if found and found.kind == "varchar" else None if found else KEY_TEXT
        kind = f"VARCHAR({width:d})" if is_key and width else "LONGTEXT"
        return f"{kind} {found.collation if found else self.exact}"

    def _statements(self, begin: str, batch: Any) -> Iterator[bytes]:
        """INSERTs of many rows, each as long as the server takes it."""
        head = begin.encode()
        parts: list[bytes] = []
        size = 0
        for row in zip(
            *(self._cells(n, c) for n, c in zip(batch.schema.names, batch.columns, strict=True)), strict=True
        ):
            part = f"({','.join(row)})".encode()
            if len(part) + len(head) > self.longest:
                raise Invalid(
                    "A row is larger than what this server takes at once (max_allowed_packet).", code="too_large"
                )
            if parts and size + len(part) > min(LONGEST_STATEMENT, self.longest - len(head)):
                yield head + b",".join(parts)
                parts, size = [], 0
            parts.append(part)
            size += len(part) + 1
        if parts:
            yield head + b",".join(parts)

    def _cells(self, name: str, column: Any) -> list[str]:
        """The values of one column as SQL has them."""
        import pyarrow as pa

        values = column.to_pylist()
        if pa.types.is_string(column.type):
            return ["NULL" if one is None else f"'{escape_string(one)}'" for one in values]
        if pa.types.is_floating(column.type):
            if any(one is not None and not math.isfinite(one) for one in values):
                raise Invalid(
                    f"“{name[:60]}” holds a number without end, which this database does not keep.", code="bad_number"
                )
            return ["NULL" if one is None else repr(one) for one in values]
        if pa.types.is_temporal(column.type):
            return ["NULL" if one is None else f"'{one}'" for one in values]
        return ["NULL" if one is None else str(int(one)) for one in values]

    def misfits(self, conditions: Sequence[Condition]) -> list[str]:
        if not conditions:
            return []
        counted = ", ".join(f"COALESCE(SUM({one.sql}), 0)" for one in conditions)
        found = self.rows(f"SELECT {counted} FROM {STAGE}")[0]
        return [f"{int(n):,} {one.words}" for n, one in zip(found, conditions, strict=True) if int(n)]

    def make_table(self, columns: Sequence[Mapping[str, str]], keys: Sequence[str]) -> None:
        """To make a table ends the transaction, in which nothing was written yet; then the next begins."""
        parts = []
        for one in columns:
            kind = f"VARCHAR({KEY_TEXT})" if one["type"] == "text" and one["name"] in keys else self.types[one["type"]]
            parts.append(f"{self.named(one['name'])} {kind} {'NOT NULL' if one['name'] in keys else 'NULL'}")
        parts += [f"PRIMARY KEY ({self.named(*keys)})"] if keys else []
        self.run(f"CREATE TABLE {self.target} ({', '.join(parts)}) ENGINE=InnoDB {self.exact}")
        self._made = True
        self.run("START TRANSACTION")

    def update(self, keys: Sequence[str], others: Sequence[str]) -> int:
        puts = ", ".join(f"t.{self.named(name)} = s.{self.named(name)}" for name in others)
        differs = " OR ".join(f"NOT (BINARY t.{self.named(name)} <=> BINARY s.{self.named(name)})" for name in others)
        return self.run(
            f"UPDATE {self.target} AS t JOIN {STAGE} AS s ON {self.same('t', 's', keys)} SET {puts} WHERE {differs}"
        )

    def insert_new(self, names: Sequence[str], keys: Sequence[str]) -> int:
        """Found from whichever side has an index on the keys: the temporary table always has one."""
        self.run(f"DELETE s FROM {STAGE} AS s JOIN {self.target} AS t ON {self.same('t', 's', keys)}")
        return self.insert(names)

    @contextmanager
    def transaction(self, mode: str) -> Iterator[None]:
        lock = f"baton_{hashlib.sha256(self.known_as.encode()).hexdigest()[:40]}"
        if self.rows(f"SELECT GET_LOCK({HOLE}, {LOCK_SECONDS})", (lock,))[0][0] != "1":
            raise Unavailable("Another load into this table takes too long. Nothing was written.", code="busy")
        self.run("START TRANSACTION")
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            with suppress(Problem):
                self.run("ROLLBACK")
                self._unmake()
            raise
        with suppress(Problem):
            self.rows(f"SELECT RELEASE_LOCK({HOLE})", (lock,))

    def _unmake(self) -> None:
        """The table that was made for rows which then did not come."""
        if self._made and not self.rows(f"SELECT 1 FROM {self.target} LIMIT 1"):
            self.run(f"DROP TABLE {self.target}")

    def cancel(self) -> None:
        with suppress(Exception):
            other, held = self._dial()
            with held, other:
                other.query(f"KILL QUERY {self.number:d}")

    def cut(self) -> None:
        with suppress(OSError):
            self._held.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.cut()
        self._held.close()
        with suppress(pymysql.Error, OSError):
            self.connection.close()


def _column(row: Sequence[Any]) -> Column:
    name, kind, declared, nullable, default, extra, chars, octets, digits, scale, moment, collation, charset = row
    kind, extra = str(kind).lower(), str(extra or "")
    made = bool(MADE.search(extra))
    required = nullable == "NO"
    filled = default is not None or "auto_increment" in extra.lower() or made
    return Column(
        name=str(name),
        kind=kind,
        declared=str(declared),
        required=required,
        filled=filled,
        made=made,
        size=int(chars if kind == "varchar" else octets) if chars is not None else None,
        precision=int(digits if digits is not None else moment) if digits is not None or moment is not None else None,
        scale=int(scale) if scale is not None else None,
        unsigned="unsigned" in str(declared).lower(),
        collation=f"CHARACTER SET {charset} COLLATE {collation}" if collation else "",
    )
