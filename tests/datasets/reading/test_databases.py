"""SQLite files: one table, read only; views, triggers and virtual tables are never run."""

import sqlite3
from pathlib import Path

import pytest

from tests.datasets.reading.conftest import Read


@pytest.fixture
def database(tmp_path: Path) -> sqlite3.Connection:
    return sqlite3.connect(tmp_path / "some.db", isolation_level=None)


def place(connection: sqlite3.Connection) -> Path:
    return Path(connection.execute("PRAGMA database_list").fetchone()[2])


def test_the_table_with_most_rows_is_read_and_another_can_be_stated(
    database: sqlite3.Connection, read_file: Read
) -> None:
    database.executescript(
        'CREATE TABLE "odd ""name" (a INTEGER, b TEXT, c REAL, d BLOB, e DATETIME); CREATE TABLE few (x);'
        "INSERT INTO few VALUES (1);"
        """INSERT INTO "odd ""name" VALUES (1, '007', 1.5, x'00ff', '2026-01-02 03:04:05'),"""
        "(9007199254740993, 'NA', NULL, NULL, NULL);"
    )
    found = read_file(place(database))
    assert found.guess("table") == 'odd "name'
    assert found.types == {"a": "integer", "b": "text", "c": "number", "d": "text", "e": "datetime"}
    assert (found.rows[0]["b"], found.rows[0]["d"], found.rows[1]["a"]) == ("007", "00ff", 9007199254740993)
    assert read_file(place(database), table="few").rows == [{"x": 1}]
    refusal = read_file(place(database), table="none").refusal
    assert refusal is not None
    assert "It has: few" in refusal.text


def test_views_and_triggers_are_left_alone_and_nothing_is_written(
    database: sqlite3.Connection, read_file: Read
) -> None:
    database.executescript(
        "CREATE TABLE t (a); INSERT INTO t VALUES (1);"
        "CREATE VIEW v AS SELECT load_extension('/tmp/x.so') AS a FROM t;"
        "CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM t; END;"
    )
    before = place(database).read_bytes()
    found = read_file(place(database))
    assert found.rows == [{"a": 1}]
    assert "2 views and triggers" in found.report["notes"][0]
    refusal = read_file(place(database), table="v").refusal
    assert refusal is not None
    assert refusal.code == "unknown_table"
    assert place(database).read_bytes() == before


def test_computed_columns_are_left_out_and_never_run(database: sqlite3.Connection, read_file: Read) -> None:
    database.executescript(
        "CREATE TABLE t (a, b AS (hex(zeroblob(a * 10000000))) VIRTUAL); INSERT INTO t (a) VALUES (1);"
        "CREATE TABLE w (a); INSERT INTO w VALUES (1);"
    )
    found = read_file(place(database), table="t")
    assert found.rows == [{"a": 1}]
    assert found.report["notes"] == ["1 computed columns were left out: they are code."]
    assert read_file(place(database), table="w").rows == [{"a": 1}]


def test_a_table_swapped_for_a_view_by_hand_is_refused(database: sqlite3.Connection, read_file: Read) -> None:
    database.executescript(
        "CREATE TABLE t (a); INSERT INTO t VALUES (1); PRAGMA writable_schema = ON;"
        "UPDATE sqlite_schema SET sql = 'CREATE VIEW t AS SELECT 1 AS a UNION ALL SELECT 2';"
    )
    refusal = read_file(place(database)).refusal
    assert refusal is not None
    assert refusal.code in ("damaged", "no_rows")


def test_text_that_is_no_text_is_a_refused_row(database: sqlite3.Connection, read_file: Read) -> None:
    database.execute("CREATE TABLE t (a)")
    database.executemany("INSERT INTO t VALUES (?)", [("x",)] * 20)
    database.execute("INSERT INTO t VALUES (CAST(x'ff41' AS TEXT))")
    found = read_file(place(database))
    assert found.answer["rows"] == 20
    assert found.refused[0][0] == 21


def test_damaged_databases_never_end_in_an_error(database: sqlite3.Connection, read_file: Read, tmp_path: Path) -> None:
    database.execute("CREATE TABLE t (a, b)")
    database.executemany("INSERT INTO t VALUES (?, ?)", [(i, "x" * 50) for i in range(300)])
    content = place(database).read_bytes()
    damaged = tmp_path / "damaged"
    for at in range(100, len(content), 997):
        damaged.write_bytes(content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :])
        found = read_file(damaged)
        assert found.refusal is None or found.refusal.text
    damaged.write_bytes(content[: len(content) // 2])
    assert read_file(damaged).refusal is not None
