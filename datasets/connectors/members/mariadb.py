"""PURE: MySQL and MariaDB: one SELECT, by a user who may only read, stopped from outside; no file of ours is sent."""

import os
import re
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, ClassVar

import pymysql
from pymysql.constants import CLIENT, ER, FIELD_TYPE, FLAG
from pymysql.converters import encoders
from pymysql.cursors import SSCursor

from datasets.connectors import sql_columns as kinds
from datasets.connectors.base import Outside, Params
from datasets.connectors.sql_columns import DbColumn, decimal_kind
from datasets.connectors.sql_fields import ENCRYPTED, OFF, VERIFIED, sql_fields, trusted
from datasets.connectors.sql_session import BLOCK, DIAL_SECONDS, GRACE, Power, Row, Session
from datasets.connectors.sql_source import NotLetIn, SqlSource
from outbound.http import Unreached
from problems.problem import Problem

BINARY = 63
LONGEST_SILENCE = 600
KINDS = {
    **dict.fromkeys((FIELD_TYPE.TINY, FIELD_TYPE.SHORT, FIELD_TYPE.LONG, FIELD_TYPE.INT24), kinds.INTEGER),
    FIELD_TYPE.YEAR: kinds.INTEGER,
    FIELD_TYPE.LONGLONG: kinds.INTEGER,
    FIELD_TYPE.FLOAT: kinds.FLOAT,
    FIELD_TYPE.DOUBLE: kinds.FLOAT,
    FIELD_TYPE.BIT: kinds.BITS,
    FIELD_TYPE.DATE: kinds.DATE,
    FIELD_TYPE.NEWDATE: kinds.DATE,
    FIELD_TYPE.DATETIME: kinds.DATETIME,
    FIELD_TYPE.TIMESTAMP: kinds.ZONED,
    FIELD_TYPE.GEOMETRY: kinds.BYTES,
}
TEXTS = {FIELD_TYPE.VARCHAR, FIELD_TYPE.VAR_STRING, FIELD_TYPE.STRING, FIELD_TYPE.TINY_BLOB, FIELD_TYPE.BLOB}
TEXTS |= {FIELD_TYPE.MEDIUM_BLOB, FIELD_TYPE.LONG_BLOB}
CASTS = {kinds.DATE: "DATE", kinds.DATETIME: "DATETIME(6)", kinds.ZONED: "DATETIME(6)", kinds.INTEGER: "SIGNED"}
CASTS |= {kinds.WIDE: "DECIMAL(65)", kinds.SHORT: "DECIMAL(65,30)", kinds.DECIMAL: "DECIMAL(65,30)"}
GRANT = re.compile(r"GRANT (.+?) ON (.+?) TO ", re.IGNORECASE)
MIGHTY = {"ALL PRIVILEGES", "SUPER", "FILE"}
WRITING = {"ALL PRIVILEGES", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER"}


class Mariadb(SqlSource):
    """MySQL and MariaDB."""

    key = "mariadb"
    title = "MySQL or MariaDB"
    help = "A table, a view or the answer of a query, all of it or only new rows."
    fields = sql_fields(3306, schema=False)
    dialect: ClassVar[str] = "mysql"
    mark: ClassVar[str] = "`"

    def dial(self, p: Params, addresses: Sequence[str], outside: Outside) -> Session:
        return _Session(lambda: connected(p, addresses), outside.seconds)

    def at_least(self, column: str, declared: str) -> str:
        return f"{column} >= CAST(? AS {declared})"


class _NeverClear:
    """Stands where the driver would hand over the password in clear."""

    def __init__(self, connection: object) -> None:
        pass

    def authenticate(self, packet: object) -> None:
        raise NotLetIn("It asks for the password in clear, which is sent only where its certificate is checked.")


def _context(p: Params) -> ssl.SSLContext | None:
    if p["tls"] == OFF:
        return None
    context = trusted(p)
    if p["tls"] == ENCRYPTED:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def connected(p: Params, addresses: Sequence[str]) -> "tuple[pymysql.Connection[Any], socket.socket]":
    """Dial one of the very addresses that were checked; the name is there for its certificate."""
    context = _context(p)
    line = _dialled(p["port"], addresses)
    connection = pymysql.Connection(
        host=p["host"],
        port=p["port"],
        user=p["user"],
        password=p.get("password") or "",
        database=p["database"],
        charset="utf8mb4",
        conv=dict(encoders),
        local_infile=False,
        ssl=context,
        ssl_disabled=context is None,
        read_timeout=LONGEST_SILENCE,
        write_timeout=DIAL_SECONDS,
        auth_plugin_map={} if p["tls"] == VERIFIED else {"mysql_clear_password": _NeverClear},
        defer_connect=True,
        program_name="baton",
    )
    connection.client_flag &= ~(CLIENT.MULTI_STATEMENTS | CLIENT.LOCAL_FILES)
    held = socket.socket(fileno=os.dup(line.fileno()))
    try:
        connection.connect(line)
    except (pymysql.Error, OSError, Problem) as error:
        held.close()
        line.close()
        raise _no_connection(error) from None
    return connection, held


def _dialled(port: int, addresses: Sequence[str]) -> socket.socket:
    for address in addresses[:4]:
        with suppress(OSError):
            return socket.create_connection((address, port), DIAL_SECONDS)
    raise Unreached("It could not be reached, or did not answer as a MariaDB server does.")


def _no_connection(error: Exception) -> Exception:
    """Why, in words: the server's own where it answered."""
    if isinstance(error, Problem):
        return error
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return Unreached("Its certificate is not valid for this name.")
    if "SSL is required" in text:
        return Unreached("It offers no encryption.")
    if ER.ERROR_FIRST <= number < 2000 or number >= 3000:
        return NotLetIn(f"It does not let us in: {_line(error.args[-1])}")
    return Unreached("It could not be reached, or did not answer as a MariaDB server does.")


def _line(text: object) -> str:
    words = " ".join(str(text).split())[:300].rstrip(".")
    return "".join(c if c.isprintable() else " " for c in words) + "."


@contextmanager
def told() -> Iterator[None]:
    """What the server objects to, as a sentence."""
    try:
        yield
    except UnicodeDecodeError:
        raise Problem("Its texts are not in the encoding that it states.", code="bad_text") from None
    except RuntimeError:
        raise Problem("The database asked for a file of ours. It was not sent.", code="database_error") from None
    except (pymysql.Error, OSError) as error:
        number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        lost = not number or 2000 <= number < 3000
        text = "The connection broke off." if lost else f"The database says: “{_line(error.args[-1])}”"
        raise Problem(text, code="database_error") from None


def power_of(connection: "pymysql.Connection[Any]") -> Power:
    """What the user may do beside reading."""
    with told(), connection.cursor() as cursor:
        cursor.execute("SHOW GRANTS")
        grants = [GRANT.match(str(row[0])) for row in cursor.fetchall()]
    writable = ""
    for found in filter(None, grants):
        rights = {one.strip().upper() for one in re.sub(r"\([^)]*\)", "", found[1]).split(",")}
        if found[2] == "*.*" and rights & MIGHTY:
            return Power(refused=f"This user has {_first(rights & MIGHTY)}. Sign in as one who may only use tables.")
        writable = writable or (found[2] if rights & WRITING else "")
    if writable:
        return Power(warned=f"It can also write to {writable.replace('`', '')}; one who may only read is safer.")
    return Power()


class _Session(Session):
    def __init__(self, dial: "Callable[[], tuple[pymysql.Connection[Any], socket.socket]]", seconds: float) -> None:
        self._dial = dial
        self.connection, self._held = dial()
        self.number = int(self.connection.thread_id())
        is_maria = "maria" in str(self.connection.get_server_info()).lower()
        longest = seconds + GRACE  # ours comes first and says so; the server's is for when we are gone
        limit = f"max_statement_time = {longest:g}" if is_maria else f"max_execution_time = {int(longest * 1000)}"
        with told():
            for statement in (
                f"SET SESSION {limit}, SESSION lock_wait_timeout = 10, time_zone = '+00:00'",
                "SET SESSION sql_mode = ''",
                "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
                "START TRANSACTION READ ONLY",
            ):
                self.connection.query(statement)

    def power(self) -> Power:
        return power_of(self.connection)

    def columns(self, statement: str) -> list[DbColumn]:
        with told(), self.connection.cursor() as cursor:
            cursor.execute(statement)
            # The description of the cursor leaves out signs and encodings, on which the types depend.
            return [_column(one) for one in cursor._result.fields]

    def rows(self, statement: str, values: Sequence[str]) -> Iterator[list[Row]]:
        if values:
            before, _, after = statement.rpartition("?")
            statement = before + self.connection.literal(values[0]) + after
        with told():
            cursor = self.connection.cursor(SSCursor)
            cursor.execute(statement)
            while block := list(cursor.fetchmany(BLOCK)):
                yield block
            cursor.close()

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
        if self.connection._result is not None:
            self.connection._result.unbuffered_active = False  # else the driver reads the rest of the rows
        self._held.close()
        with suppress(pymysql.Error, OSError):
            self.connection.close()


def _first(rights: set[str]) -> str:
    return f"the right {min(rights)}"


def _column(one: Any) -> DbColumn:
    """A column by what the server says of it."""
    kind, note = KINDS.get(one.type_code, kinds.TEXT), ""
    unsigned = bool(one.flags & FLAG.UNSIGNED)
    if one.type_code in (FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL):
        kind = decimal_kind(one.length - (one.scale > 0) - (not unsigned), one.scale)
    elif one.type_code == FIELD_TYPE.LONGLONG and unsigned:
        kind = kinds.WIDE
    elif one.type_code in TEXTS and one.charsetnr == BINARY:
        kind = kinds.BYTES
    elif one.type_code == FIELD_TYPE.FLOAT:
        note = "Numbers of single precision come with the six digits that the server writes."
    return DbColumn(one.name, kind, CASTS.get(kind, ""), note)
