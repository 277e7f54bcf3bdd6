"""PURE: PostgreSQL: one SELECT by the extended protocol, by a role that may only read, stopped from outside."""

import os
import socket
import ssl
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import psycopg

from datasets.connectors import sql_columns as kinds
from datasets.connectors.base import Outside, Params
from datasets.connectors.sql_columns import DbColumn, decimal_kind
from datasets.connectors.sql_fields import ENCRYPTED, OFF, VERIFIED, sql_fields
from datasets.connectors.sql_session import BLOCK, DIAL_SECONDS, GRACE, Power, Row, Session
from datasets.connectors.sql_source import NotLetIn, SqlSource
from outbound.http import Unreached
from problems.problem import Problem

MODES = {VERIFIED: "verify-full", ENCRYPTED: "require", OFF: "disable"}
BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
KINDS = {
    "bool": kinds.BOOLEAN,
    "int2": kinds.INTEGER,
    "int4": kinds.INTEGER,
    "int8": kinds.INTEGER,
    "oid": kinds.INTEGER,
    "float4": kinds.FLOAT,
    "float8": kinds.FLOAT,
    "date": kinds.DATE,
    "timestamp": kinds.DATETIME,
    "timestamptz": kinds.ZONED,
    "bytea": kinds.BYTES,
}
SETTINGS = {
    "default_transaction_read_only": "on",
    "idle_in_transaction_session_timeout": "60s",
    "lock_timeout": "10s",
    "TimeZone": "UTC",
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "synchronize_seqscans": "off",  # else the same table comes in another order
}
MIGHTY = "('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')"
POWER = f"""
SELECT (SELECT rolname FROM pg_roles WHERE rolsuper AND pg_has_role(current_user, oid, 'MEMBER') LIMIT 1),
       (SELECT rolname FROM pg_roles WHERE rolname IN {MIGHTY} AND pg_has_role(current_user, oid, 'MEMBER') LIMIT 1),
       (SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p', 'v', 'f') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
           AND has_schema_privilege(n.oid, 'USAGE')
           AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') LIMIT 1)
"""  # noqa: S608  names of ours


class Postgresql(SqlSource):
    """PostgreSQL and what speaks its protocol."""

    key = "postgresql"
    title = "PostgreSQL"
    help = "A table, a view or the answer of a query, all of it or only new rows."
    fields = sql_fields(5432, schema=True)
    dialect: ClassVar[str] = "postgres"
    mark: ClassVar[str] = '"'

    def dial(self, p: Params, addresses: Sequence[str], outside: Outside) -> Session:
        return _Session(connected(p, addresses), outside.seconds)

    def at_least(self, column: str, declared: str) -> str:
        return f"{column} >= CAST($1 AS {declared})"


def connected(p: Params, addresses: Sequence[str]) -> "psycopg.Connection[Any]":
    """A connection to one of these addresses, signed in."""
    with _authority(p) as authority:
        last: Exception = Unreached("It could not be reached.")
        for address in addresses[:4]:
            try:
                return _connected(p, address, authority)
            except psycopg.OperationalError as error:
                last = _no_connection(error)
                if isinstance(last, NotLetIn):
                    break
        raise last


@contextmanager
def _authority(p: Params) -> Iterator[str]:
    """A file of the certificates that are trusted."""
    if not p.get("ca"):
        known = [ssl.get_default_verify_paths().cafile, *BUNDLES]
        yield next((path for path in known if path and Path(path).is_file()), "system")
        return
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(p["ca"])
        file.flush()
        yield file.name


def _connected(p: Params, address: str, authority: str) -> "psycopg.Connection[Any]":
    """Dial the very address that was checked; the name is there for its certificate. No file or service of the
    machine adds to it, and no password is sent in clear where nobody proved who listens."""
    tls = p["tls"]
    clear = "" if tls == VERIFIED else "!password,"
    return psycopg.connect(
        host=p["host"],
        hostaddr=address,
        port=p["port"],
        dbname=p["database"],
        user=p["user"],
        password=p.get("password") or "",
        sslmode=MODES[tls],
        sslrootcert=authority if tls == VERIFIED else "",
        sslcertmode="disable",
        gssencmode="disable",
        require_auth=f"{clear}!gss,!sspi",
        passfile=os.devnull,
        options="",
        target_session_attrs="any",
        connect_timeout=int(DIAL_SECONDS),
        tcp_user_timeout=60_000,
        client_encoding="utf8",
        application_name="baton",
        autocommit=False,
        prepare_threshold=None,
        cursor_factory=psycopg.RawCursor,
    )


def _no_connection(error: psycopg.OperationalError) -> Exception:
    """Why, in words: the server's own where it answered."""
    text = str(error)
    if "certificate verify failed" in text or "does not match host name" in text:
        return Unreached("Its certificate is not valid for this name.")
    if "does not support SSL" in text:
        return Unreached("It offers no encryption.")
    if "cleartext password" in text:
        return NotLetIn("It asks for the password in clear, which is sent only where its certificate is checked.")
    if "FATAL:" in text:
        return NotLetIn(f"It does not let us in: {_line(text.rpartition('FATAL:')[2])}")
    return Unreached("It could not be reached, or did not answer as a PostgreSQL server does.")


def _line(text: str) -> str:
    words = " ".join(text.split())[:300].rstrip(".")
    return "".join(c if c.isprintable() else " " for c in words) + "."


@contextmanager
def told() -> Iterator[None]:
    """What the server objects to, as a sentence."""
    try:
        yield
    except UnicodeDecodeError:
        raise Problem("Its texts are not in the encoding that it states.", code="bad_text") from None
    except psycopg.Error as error:
        text = error.diag.message_primary or "The connection broke off."
        raise Problem(f"The database says: “{_line(text)}”", code="database_error") from None


def power_of(connection: "psycopg.Connection[Any]") -> Power:
    """What the user may do beside reading."""
    with told():
        mighty, able, writable = connection.execute(POWER).fetchone() or ("", "", "")
    if mighty:
        return Power(refused="This user is a superuser or can become one. Sign in as a user with fewer rights.")
    if able:
        return Power(refused=f"This user has the role {able}. Sign in as a user who may only use tables.")
    if writable:
        return Power(warned=f"It can also write, for instance to {writable}; one who may only read is safer.")
    return Power()


class _Session(Session):
    def __init__(self, connection: "psycopg.Connection[Any]", seconds: float) -> None:
        self.connection = connection
        self._line = socket.socket(fileno=os.dup(connection.fileno()))
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        for info in connection.adapters.types:
            connection.adapters.register_loader(info.oid, psycopg.types.string.TextLoader)
            if info.array_oid:
                connection.adapters.register_loader(info.array_oid, psycopg.types.string.TextLoader)
        # Our own limit comes first and says so; the server's is for when we are gone.
        settings = SETTINGS | {"statement_timeout": f"{int((seconds + GRACE) * 1000)}ms"}
        if connection.info.server_version >= 140_000:
            settings["client_connection_check_interval"] = "2s"
        with told():
            for name, value in settings.items():
                connection.execute("SELECT set_config($1, $2, true)", (name, value))

    def power(self) -> Power:
        return power_of(self.connection)

    def columns(self, statement: str) -> list[DbColumn]:
        with told():
            cursor = self.connection.execute(statement, binary=True)
        return [_column(one, self.connection) for one in cursor.description or ()]

    def rows(self, statement: str, values: Sequence[str]) -> Iterator[list[Row]]:
        with told(), self.connection.cursor() as cursor:
            found = cursor.stream(statement, list(values) or None, size=BLOCK)
            while block := list(islice(found, BLOCK)):
                yield block

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


def _column(one: "psycopg.Column", connection: "psycopg.Connection[Any]") -> DbColumn:
    info = connection.adapters.types.get(one.type_code)
    name = info.name if info and info.oid == one.type_code else ""
    if name == "numeric":
        return DbColumn(one.name, decimal_kind(one.precision, one.scale), "numeric")
    return DbColumn(one.name, KINDS.get(name, kinds.TEXT), name)
