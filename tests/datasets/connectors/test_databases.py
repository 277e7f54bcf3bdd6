"""PostgreSQL and MariaDB for real: exact types, incremental loads, hostile SQL, limits, and nothing left running."""

import contextlib
import json
import subprocess
import sys
import time
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from datasets.connectors import engine
from datasets.connectors.base import Since
from datasets.connectors.catalog import connector_for
from jobs.report import Silent
from problems.problem import Invalid, Problem
from tests.datasets.connectors.rogue import rogue
from tests.datasets.connectors.servers import PASSWORD, READER, Server

KINDS = ["postgresql", "mariadb"]
ROOT = Path(__file__).resolve().parents[3]
PATH = f"{ROOT}:{ROOT / 'platform'}"


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


def rows(folder: Path, answer: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(folder / answer["table"]).to_pylist()
    return found


def test_every_type_of_postgresql_is_exact_or_refused(postgresql: Server, tmp_path: Path) -> None:
    postgresql.run(
        "DROP TABLE IF EXISTS kinds",
        """CREATE TABLE kinds (id bigint, n numeric, n2 numeric(10,2), big numeric(30,0), f float8, f4 real, b boolean,
           d date, ts timestamp, tz timestamptz, j jsonb, arr int[], by bytea, u uuid, txt text, iv interval,
           "Ünï ""q"" x" text)""",
        """INSERT INTO kinds VALUES (9007199254740993, 1.1, 12345678.91, 9223372036854775807, 0.1, 0.1, true,
           '2024-02-29', '2024-01-01 10:11:12.123456', '2024-01-01 00:00+02', '{"a": [1, 2]}', '{1,NULL}',
           '\\xdeadbeef', '00000000-0000-0000-0000-000000000001', 'x', '1 day', 'ä')""",
        "INSERT INTO kinds (id, n, f, txt) VALUES (2, 1.23456789012345678901, 'NaN', '')",
        "INSERT INTO kinds (id, n) VALUES (3, 9007199254740993)",
        "INSERT INTO kinds (id, ts) VALUES (4, 'infinity')",
        "INSERT INTO kinds (id, d) VALUES (5, '0044-03-15 BC')",
        "INSERT INTO kinds (id, big) VALUES (6, 9223372036854775808)",
        "INSERT INTO kinds (id) SELECT generate_series(10, 40)",
    )
    answer = postgresql.pull(tmp_path, table="kinds", schema="public")
    first, second = rows(tmp_path, answer)[:2]
    assert first == {
        "id": 9007199254740993,
        "n": 1.1,
        "n2": 12345678.91,
        "big": 9223372036854775807,
        "f": 0.1,
        "f4": 0.1,
        "b": True,
        "d": date(2024, 2, 29),
        "ts": datetime(2024, 1, 1, 10, 11, 12, 123456),
        "tz": datetime(2023, 12, 31, 22),
        "j": '{"a": [1, 2]}',
        "arr": "{1,NULL}",
        "by": "deadbeef",
        "u": "00000000-0000-0000-0000-000000000001",
        "txt": "x",
        "iv": "1 day",
        'Ünï "q" x': "ä",
    }
    assert (second["n"], second["f"], second["txt"]) == (1.2345678901234568, None, None)
    assert answer["refused_rows"] == 4
    assert [(one["line"], one["reason"].split(" ")[0]) for one in answer["report"]["refused"]] == [
        (3, "n"),
        (4, "ts"),
        (5, "d"),
        (6, "big"),
    ]
    noted = json.dumps(answer["report"]["columns"])
    for words in ("were rounded", "NaN or infinite", "brought to UTC", "hexadecimal", "empty text"):
        assert words in noted
    whole = postgresql.pull(tmp_path / "whole", table="kinds", wide="text")
    assert {one["name"]: one["type"] for one in whole["schema"]}["n"] == "text"
    assert rows(tmp_path / "whole", whole)[2]["n"] == "9007199254740993"


def test_every_type_of_mariadb_is_exact_or_refused(mariadb: Server, tmp_path: Path) -> None:
    at = mariadb.params["database"]
    mariadb.run(
        f"USE {at}",
        "DROP TABLE IF EXISTS kinds",
        """CREATE TABLE kinds (id bigint, u bigint unsigned, n decimal(10,2), w decimal(30,10), i0 decimal(25,0), d double,
           b bit(9), t tinyint(1), da date, dt datetime(6), ts timestamp(3) NULL, ti time, y year, j json, bl blob,
           e enum('a','b'), txt text)""",
        """INSERT INTO kinds VALUES (-9007199254740993, 9223372036854775807, 1.5, 1.1234567890, 5, 0.1, 300, 1,
           '2024-02-29', '2024-01-01 10:11:12.123456', '2024-01-01 10:11:12.125', '-838:59:59', 2024, '{"a":1}',
           x'deadbeef', 'b', 'hé')""",
        "INSERT INTO kinds (u) VALUES (18446744073709551615)",
        "INSERT INTO kinds (w) VALUES (12345678901234567890.5)",
        "SET sql_mode = ''",
        "INSERT INTO kinds (da) VALUES ('0000-00-00')",
        "INSERT INTO kinds (txt) VALUES ('a\\0b')",
        "INSERT INTO kinds (id) SELECT seq FROM seq_1_to_40",
    )
    answer = mariadb.pull(tmp_path, table="kinds")
    assert rows(tmp_path, answer)[0] == {
        "id": -9007199254740993,
        "u": 9223372036854775807,
        "n": 1.5,
        "w": 1.123456789,
        "i0": 5,
        "d": 0.1,
        "b": 300,
        "t": 1,
        "da": date(2024, 2, 29),
        "dt": datetime(2024, 1, 1, 10, 11, 12, 123456),
        "ts": datetime(2024, 1, 1, 10, 11, 12, 125000),
        "ti": "-838:59:59",
        "y": 2024,
        "j": '{"a":1}',
        "bl": "deadbeef",
        "e": "b",
        "txt": "hé",
    }
    reasons = [one["reason"].split(" ")[0] for one in answer["report"]["refused"]]
    assert reasons == ["u", "w", "da", "txt"]


def test_only_what_is_new_and_every_tie_once(server: Server, tmp_path: Path) -> None:
    """Rows that share the largest value, before and after a load: none lost, none doubled."""
    kind = "timestamptz" if server.kind == "postgresql" else "timestamp(6) NULL"
    use = [f"USE {server.params['database']}"] if server.kind == "mariadb" else []
    server.run(
        *use,
        "DROP TABLE IF EXISTS orders",
        f"CREATE TABLE orders (id int, at {kind})",
        """INSERT INTO orders VALUES (1, '2024-01-01 00:00:00'), (2, '2024-01-02 00:00:00.5'),
           (2, '2024-01-02 00:00:00.5'), (3, NULL)""",
    )

    def load(name: str, mark: dict[str, Any], base: dict[str, Any] | None) -> dict[str, Any]:
        return server.pull(tmp_path / name, "incremental", table="orders", watermark="at", mark=mark, base=base)

    def base_of(name: str, answer: dict[str, Any]) -> dict[str, Any]:
        return {"path": str(tmp_path / name / answer["table"]), "schema": answer["schema"], "empty": []}

    first = load("first", {}, None)
    assert first["rows"] == 4
    assert any("Rows without at: 1" in note for note in first["notes"])
    again = load("again", first["mark"], base_of("first", first))
    assert not again["new"]
    assert again["mark"] == first["mark"]
    server.run(
        *use,
        """INSERT INTO orders VALUES (2, '2024-01-02 00:00:00.5'), (4, '2024-01-02 00:00:00.5'),
           (5, '2024-01-03 00:00:00')""",
    )
    second = load("second", first["mark"], base_of("first", first))
    assert second["rows_fetched"] == 3
    assert sorted(one["id"] for one in rows(tmp_path / "second", second)) == [1, 2, 2, 2, 3, 4, 5]
    assert not load("third", second["mark"], base_of("second", second))["new"]
    assert "2024-01-03" in second["until"]
    server.run(*use, "ALTER TABLE orders ADD COLUMN channel varchar(9) DEFAULT 'web'")
    assert not load("fourth", second["mark"], base_of("second", second))["new"], "a new column is no new row"
    server.run(*use, "INSERT INTO orders (id, at) VALUES (6, '2024-01-03 00:00:00')")
    fifth = load("fifth", second["mark"], base_of("second", second))
    assert [one["id"] for one in rows(tmp_path / "fifth", fifth) if one["channel"]] == [6]
    assert not load("sixth", fifth["mark"], base_of("fifth", fifth))["new"]


def test_only_chosen_columns_are_asked_for_and_a_gone_one_is_told(server: Server, tmp_path: Path) -> None:
    use = [f"USE {server.params['database']}"] if server.kind == "mariadb" else []
    mark = "`" if server.kind == "mariadb" else '"'
    odd = 'a %s"`; DROP TABLE people; --'
    name = mark + odd.replace(mark, mark * 2) + mark
    server.run(
        *use,
        "DROP TABLE IF EXISTS people",
        f"CREATE TABLE people (id int, {name} int, secret varchar(20), note varchar(20))",
        "INSERT INTO people VALUES (1, 10, 'hidden', 'x'), (2, 20, 'hidden', 'y')",
    )
    given: dict[str, Any] = {"table": "people", "columns": ["note", odd, "id"]}
    answer = server.pull(tmp_path / "full", **given)
    assert [one["name"] for one in answer["schema"]] == ["note", odd, "id"]
    assert rows(tmp_path / "full", answer)[1] == {"note": "y", odd: 20, "id": 2}
    first = server.pull(tmp_path / "first", "incremental", watermark="id", **given)
    server.run(*use, "INSERT INTO people VALUES (3, 30, 'hidden', 'z')")
    new = server.pull(tmp_path / "new", "incremental", watermark="id", mark=first["mark"], **given)
    assert rows(tmp_path / "new", new) == [{"note": "z", odd: 30, "id": 3}]
    tried = engine.test(server.spec(**given), tmp_path, Silent())
    assert tried["columns"] == ["id", odd, "secret", "note"], "all that there are to choose from"
    assert tried["steps"][-1]["text"].startswith("3 of 4 columns: note")
    server.run(*use, "ALTER TABLE people DROP COLUMN note")
    for text in (
        _refusal(server, tmp_path, given),
        engine.test(server.spec(**given), tmp_path, Silent())["steps"][-1]["text"],
    ):
        assert text.startswith("The columns of the table changed: it has no column note any more. It has id,")
    with pytest.raises(Invalid, match="is one of the chosen columns"):
        server.spec("incremental", table="people", columns=["note"], watermark="id")
    with pytest.raises(Invalid, match="has no meaning beside"):
        server.spec(read="query", query="SELECT 1", columns=["id"])


def _refusal(server: Server, tmp_path: Path, given: dict[str, Any]) -> str:
    with pytest.raises(Problem) as refused:
        server.pull(tmp_path / "gone", **given)
    assert refused.value.code == "columns_gone"
    return str(refused.value)


HOSTILE = [
    "SELECT 1; DROP TABLE victim",
    "1) q; DROP TABLE victim; --",
    "SELECT 1) q; DROP TABLE victim; --",
    "SELECT 1) AS q; DROP TABLE victim -- (",
    "WITH d AS (DELETE FROM victim RETURNING *) SELECT * FROM d",
    "DELETE FROM victim",
    "DROP TABLE victim",
    "SET TRANSACTION READ WRITE",
    "COMMIT",
    "SET default_transaction_read_only=off; DELETE FROM victim",
    "SELECT 1 INTO newtable",
    "SELECT * FROM victim FOR UPDATE",
    "COPY victim TO PROGRAM 'touch MARK'",
    "SELECT '",
    "SELECT $$; DROP TABLE victim; $$ ; DROP TABLE victim",
    "SELECT /* ; DROP TABLE victim",
    "EXPLAIN ANALYZE DELETE FROM victim",
    "DO $$ BEGIN DELETE FROM victim; END $$",
    "SET ROLE postgres",
]
POSTGRES_ONLY = [
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT * FROM pg_ls_dir('/')",
    "SELECT * FROM dblink('dbname=postgres', 'DROP TABLE victim') AS t(a text)",
    "SELECT set_config('transaction_read_only', 'off', false)",
    "SELECT set_config('role', 'postgres', false)",
    "SELECT nextval('victim_seq')",
]
MARIADB_ONLY = [
    "SELECT 1) AS q INTO OUTFILE 'MARK' #",
    "SELECT 1 INTO DUMPFILE 'MARK'",
    "SELECT 1 /*! ) AS q; DROP TABLE victim */",
    "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE victim",
    "SELECT * FROM mysql.user",
]


def test_hostile_queries_change_nothing(server: Server, tmp_path: Path) -> None:
    """A40 and the winners of m21: refused before, or by the server; the table is as it was."""
    use = [f"USE {server.params['database']}"] if server.kind == "mariadb" else []
    server.run(*use, "DROP TABLE IF EXISTS victim", "CREATE TABLE victim (a int)", "INSERT INTO victim VALUES (1)")
    if server.kind == "postgresql":
        # As mighty as a role may be without being refused: it may write.
        server.run("CREATE SEQUENCE IF NOT EXISTS victim_seq", f"GRANT ALL ON victim, victim_seq TO {READER}")
    else:
        server.run(f"GRANT ALL ON {server.params['database']}.* TO '{READER}'@'%'")
    mark = tmp_path / "mark"
    for number, query in enumerate(HOSTILE + (POSTGRES_ONLY if server.kind == "postgresql" else MARIADB_ONLY)):
        with pytest.raises(Problem) as refused:
            server.pull(tmp_path / str(number), read="query", query=query.replace("MARK", str(mark)), seconds=10)
        assert PASSWORD not in str(refused.value)
    assert server.run(*use, "SELECT a FROM victim")[0][0] == 1
    assert not mark.exists()
    if server.kind == "postgresql":  # before 16 it makes large objects also in a transaction that may only read
        with contextlib.suppress(Problem):
            server.pull(tmp_path / "lo", read="query", query="SELECT lo_create(0)")
        assert server.run("SELECT count(*) FROM pg_largeobject_metadata")[0][0] == 0
    steps = server.test(table="victim")
    assert [one["ok"] for one in steps] == [True, True, True]
    assert "can also write" in steps[1]["text"]
    if server.kind == "mariadb":
        server.run(f"REVOKE ALL ON {server.params['database']}.* FROM '{READER}'@'%'")
        server.run(f"GRANT SELECT ON {server.params['database']}.* TO '{READER}'@'%'")


def test_one_statement_is_all_that_the_server_takes(server: Server) -> None:
    """The wall behind the early answer: without it, the server still refuses a second statement."""
    spec = server.spec(read="query", query="SELECT 1")
    outside = engine._outside(spec)
    member: Any = connector_for(server.kind)
    params = {**spec["params"], **spec["private"]}
    for text in ("SELECT * FROM (\nSELECT 1) q; DROP TABLE IF EXISTS nothing; --\n) AS q", "SELECT 1; SELECT 2"):
        session = member.dial(params, ["127.0.0.1"], outside)
        try:
            with pytest.raises(Problem):
                list(session.rows(text, ()))
        finally:
            session.close()


def test_a_slow_query_is_stopped_here_and_there(server: Server, tmp_path: Path) -> None:
    slow = {
        "postgresql": "SELECT set_config('statement_timeout', '0', false), pg_sleep(600)",
        "mariadb": "SELECT sleep(600)",
    }[server.kind]
    start = time.monotonic()
    with pytest.raises(Problem, match="longer than 1 seconds"):
        server.pull(tmp_path, read="query", query=slow, seconds=1.0)
    assert time.monotonic() - start < 8
    assert server.is_quiet()


def test_a_load_that_is_killed_leaves_nothing_running(postgresql: Server, tmp_path: Path) -> None:
    """A job that is stopped kills its child; the server sees the line end and stops too."""
    spec = postgresql.spec(read="query", query="SELECT pg_sleep(600)")
    code = (
        "import json, sys, pathlib\n"
        "from datasets.connectors import engine\n"
        "from jobs.report import Silent\n"
        "engine.pull(json.load(sys.stdin), pathlib.Path(), Silent())\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, text=True, env={"PYTHONPATH": PATH}, cwd=tmp_path
    )
    assert child.stdin is not None
    child.stdin.write(json.dumps(spec))
    child.stdin.close()
    until = time.monotonic() + 20
    while not postgresql.busy() and time.monotonic() < until:
        time.sleep(0.1)
    assert postgresql.busy() == 1
    child.kill()
    child.wait()
    assert postgresql.is_quiet()


def test_an_endless_answer_is_cut_by_rows_and_by_bytes(server: Server, tmp_path: Path) -> None:
    endless = {
        "postgresql": "SELECT generate_series(1, 1000000000) AS a",
        "mariadb": "SELECT seq FROM seq_1_to_1000000000",
    }[server.kind]
    with pytest.raises(Problem, match="more than 20,000 rows"):
        server.pull(tmp_path / "rows", read="query", query=endless, most_rows=20_000)
    with pytest.raises(Problem, match="MB that may be fetched"):
        server.pull(tmp_path / "bytes", read="query", query=endless, most_bytes=2 * 1024**2)
    assert server.is_quiet()


def test_mighty_users_are_refused_and_wrong_ones_told(server: Server, tmp_path: Path) -> None:
    mighty = {"postgresql": "postgres", "mariadb": f"{READER}_filer"}[server.kind]
    if server.kind == "mariadb":
        server.run(
            f"CREATE OR REPLACE USER '{mighty}'@'%' IDENTIFIED BY '{PASSWORD}'",
            f"GRANT SELECT, FILE ON *.* TO '{mighty}'@'%'",
        )
    else:
        server.run(f"GRANT pg_read_server_files TO {READER}")
        assert "pg_read_server_files" in server.test(table="x")[1]["text"]
        server.run(f"REVOKE pg_read_server_files FROM {READER}")
    steps = server.test(table="x", user=mighty)
    assert [one["ok"] for one in steps] == [True, False]
    with pytest.raises(Problem, match="Sign in as"):
        server.pull(tmp_path, table="x", user=mighty)
    if server.kind == "mariadb":
        server.run(f"DROP USER '{mighty}'@'%'")
    for wrong, at, words in (
        ({"user": "nobody_at_all"}, 1, "does not let us in"),
        ({"port": 1}, 0, "not be reached"),
        ({"table": "no_such"}, 2, "The database says"),
        ({"tls": "verify"}, 0, "no encryption"),
        ({"database": "host=evil.example.org options=-csearch_path=x"}, 1, "does not let us in"),
    ):
        steps = server.test(**{"table": "x", **wrong})
        assert (len(steps), steps[-1]["ok"]) == (at + 1, False), steps
        assert words in steps[-1]["text"], steps
        assert PASSWORD not in json.dumps(steps)


@pytest.mark.parametrize("kind", KINDS)
def test_tricks_of_addresses_are_refused_before_anything_is_dialled(kind: str) -> None:
    member = connector_for(kind)
    least = {"host": "db.example.org", "database": "d", "user": "u", "table": "t"}
    for host in (
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f000001",
        "127.1",
        "::1",
        "::ffff:127.0.0.1",
        "169.254.169.254",
        "10.0.0.5",
        "a.example.org,b.example.org",
        "/var/run/postgresql",
        "@abstract",
        "db.example.org hostaddr=127.0.0.1",
        "user@db.example.org",
        "db.example.org:5433",
        "file:///etc/passwd",
        "db.example.org/x?sslrootcert=/etc/passwd",
    ):
        with pytest.raises(Problem) as refused:
            member.watch(member.read({**least, "host": host}), allow=frozenset())
        assert list(refused.value.fields) == ["host"], host
    for name in (
        "service",
        "passfile",
        "sslrootcert",
        "options",
        "hostaddr",
        "unix_socket",
        "dsn",
        "read_default_file",
    ):
        with pytest.raises(Invalid, match="no parameter"):
            member.read({**least, name: "x"})
    with pytest.raises(Invalid, match="no certificate"):
        member.read({**least, "ca": "/etc/passwd"})
    with pytest.raises(Invalid, match="Column that grows"):
        member.accepts(member.read(least), "incremental")
    assert [one.name for one in member.lacking(member.read(least))] == ["password"]


def test_rebinding_does_not_reach_another_address(server: Server) -> None:
    """A50: the name is asked once, and a mixed answer is refused."""
    spec = server.spec(table="x", host="db.example.org")
    outside = engine.Outside(frozenset(), 10**6, 5.0, lambda host, port: ["93.184.216.34", "127.0.0.1"])
    member = connector_for(server.kind)
    with pytest.raises(Problem, match="may not be reached"):
        list(member.steps({**spec["params"], **spec["private"]}, outside))


def test_a_server_that_asks_for_a_file_of_ours_gets_none(tmp_path: Path) -> None:
    """LOAD LOCAL INFILE by the server's own wish, and a password that it wants in clear."""
    for want, words in (("file", "a file of ours"), ("password", "in clear")):
        with rogue(want) as (port, got):
            params = {"host": "127.0.0.1", "port": port, "database": "d", "user": "u", "tls": "off", "table": "t"}
            member: Any = connector_for("mariadb")
            outside = engine.Outside(frozenset({"127.0.0.1"}), 10**6, 5.0)
            with pytest.raises(Problem, match=words):
                member.fetch({**member.read(params), "password": PASSWORD}, Since(), tmp_path, outside, Silent())
        sent = b"".join(got)
        assert b"root:" not in sent
        assert PASSWORD.encode() not in sent
