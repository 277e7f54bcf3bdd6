"""PURE: one table of an SQLite file, opened read-only and immutable; nothing that the file holds is ever run.

Only ordinary tables are read. Views, triggers and virtual tables are code of whoever made the file: an authorizer
allows reading columns of the chosen table and refuses everything else.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from datasets.reading.findings import Findings
from datasets.reading.limits import MAX_CELL_BYTES, MEBIBYTE
from datasets.reading.names import check_count, unique
from datasets.reading.options import Options
from datasets.reading.tables import Written
from datasets.reading.typed_rows import Cell, Spool, fault_of
from jobs.report import Report
from problems.problem import Invalid

PAGE = 5_000
WAL_MARK = b"\x02\x02"


def read(path: Path, options: Options, folder: Path, findings: Findings, report: Report) -> Written:
    """Read the stated table, or the only one, or the one with the most rows."""
    connection = _opened(path)
    try:
        names = _tables(connection, findings)
        table, count = _chosen(connection, names, options, findings, path.stat().st_size)
        if not count:
            raise Invalid(f"The table “{table[:100]}” holds no rows.", code="no_rows")
        if path.open("rb").read(20)[18:20] == WAL_MARK:
            findings.notes.append(
                "The database keeps a journal beside it (WAL); changes only found there are not in it."
            )
        with Spool(folder, findings, options) as spool:
            _keep(connection, table, count, spool, findings, report)
            return spool.finish(report)
    except sqlite3.Error as error:
        raise Invalid(
            f"The SQLite file is damaged or asks for what is not run here: {error}.", code="damaged"
        ) from None
    finally:
        connection.close()


def tables_of(path: Path) -> list[str]:
    """The ordinary tables of a file by name."""
    try:
        connection = _opened(path)
        try:
            return _tables(connection, Findings())
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise Invalid(f"The SQLite file is damaged: {error}.", code="damaged") from None


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True, isolation_level=None)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 64 * MEBIBYTE)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    try:
        for pragma in ("trusted_schema = OFF", "query_only = ON", "cell_size_check = ON", "mmap_size = 0"):
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error as error:
        connection.close()
        raise Invalid(f"The SQLite file is damaged: {error}.", code="damaged") from None
    connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    connection.set_authorizer(_only_reading)
    return connection


def _only_reading(action: int, first: str | None, second: str | None, database: str | None, source: str | None) -> int:
    """Reading columns, and counting rows; no function of the file's schema, no view, no trigger."""
    if action == sqlite3.SQLITE_PRAGMA:
        return sqlite3.SQLITE_OK if first == "table_xinfo" else sqlite3.SQLITE_DENY
    plain = action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ) and source is None
    counting = action == sqlite3.SQLITE_FUNCTION and second in ("count", "like") and source is None
    return sqlite3.SQLITE_OK if plain or counting else sqlite3.SQLITE_DENY


def _tables(connection: sqlite3.Connection, findings: Findings) -> list[str]:
    """The ordinary tables by name; how many others there are is noted."""
    found = connection.execute("SELECT type, name, sql FROM sqlite_schema").fetchall()
    names = []
    for kind, name, text in found:
        internal = str(name).lower().startswith("sqlite_")
        virtual = str(text or "").lstrip().upper().startswith("CREATE VIRTUAL")
        if kind == "table" and not internal and not virtual:
            names.append(str(name))
    others = sum(kind in ("view", "trigger") for kind, _, _ in found)
    if others:
        findings.notes.append(f"{others} views and triggers of the database were left alone: they are code.")
    findings.choose("table", sorted(names))
    if not names:
        raise Invalid("The database has no table.", code="no_rows")
    return sorted(names)


def _chosen(
    connection: sqlite3.Connection, names: list[str], options: Options, findings: Findings, size: int
) -> tuple[str, int]:
    if options.table and options.table not in names:
        text = f"The database has no table “{options.table[:100]}”. It has: {', '.join(names[:20])}."
        raise Invalid(text, code="unknown_table", fields={"table": text})
    wanted = [options.table] if options.table else names
    counts = {name: _count(connection, name) for name in wanted}
    table = max(wanted, key=lambda name: counts[name])
    if counts[table] > size:
        raise Invalid("The SQLite file is damaged: it claims more rows than it has bytes.", code="damaged")
    text = (
        f"Stated at the upload: {table}."
        if options.table
        else f"The table with the most rows of {len(names)}: {table}."
    )
    findings.guess("table", table, text, sure=bool(options.table) or len(names) == 1)
    return table, counts[table]


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def _count(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {quoted(name)}").fetchone()[0])  # noqa: S608  a quoted name


def _keep(
    connection: sqlite3.Connection, table: str, count: int, spool: Spool, findings: Findings, report: Report
) -> None:
    given = _stored(connection, table, findings)
    check_count(len(given))
    cursor = connection.execute(f"SELECT {', '.join(map(quoted, given))} FROM {quoted(table)}")  # noqa: S608  quoted
    columns = unique(given, findings)
    for name in columns:
        spool.column(name)
    for number, values in enumerate(_fetched(cursor), 1):
        if number > count:
            raise Invalid("The SQLite file is damaged: a table does not end.", code="damaged")
        cells = [_cell(value) for value in values]
        fault = next((f for f in map(fault_of, cells) if f), "")
        if fault:
            findings.refusals.add(number, fault, str(cells[:20]).encode("utf-8", "replace"))
        else:
            spool.add(dict(zip(columns, cells, strict=True)))
        findings.lines = number
        report.progress(number, count, "reading")


def _stored(connection: sqlite3.Connection, table: str, findings: Findings) -> list[str]:
    """The columns that the file holds; those it would compute are code and are left out."""
    found = connection.execute(f"PRAGMA table_xinfo({quoted(table)})").fetchall()
    stored = [str(column[1]) for column in found if column[6] == 0]
    if not stored:
        raise Invalid(f"The table “{table[:100]}” has no stored column.", code="no_rows")
    if len(stored) < len(found):
        findings.notes.append(f"{len(found) - len(stored)} computed columns were left out: they are code.")
    return stored


def _fetched(cursor: sqlite3.Cursor) -> Iterator[tuple[Any, ...]]:
    while rows := cursor.fetchmany(PAGE):
        yield from rows


def _cell(value: Any) -> Cell:
    """Bytes become their hexadecimal digits."""
    if isinstance(value, bytes):
        return value[:MAX_CELL_BYTES].hex()
    return value  # type: ignore[no-any-return]
