"""PostgreSQL and MariaDB written to for real: three modes, all or nothing, once for each version, hostile names."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from datasets.writing import engine, session
from jobs.report import Silent
from problems.problem import Problem
from tests.datasets.connectors.servers import NAME, READER
from tests.datasets.writing.conftest import ORDERS, Warehouse, parquet

ROOT = Path(__file__).resolve().parents[3]
TWO = [(1, "chair", 10.5), (2, "table", None)]


def test_append_adds_the_rows_once_for_each_version(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.create(
        "added", "id bigint NOT NULL, name varchar(20), price double precision, note varchar(9) DEFAULT 'x'"
    )
    version = str(uuid.uuid4())
    first = warehouse.write(tmp_path, "added", TWO, version=version)
    assert (first["added"], first["changed"], first["removed"], first["known"]) == (2, 0, 0, "")
    assert warehouse.rows("added") == [(1, "chair", 10.5, "x"), (2, "table", None, "x")]
    again = warehouse.write(tmp_path, "added", TWO, version=version)
    assert again["added"] == 0
    assert again["known"].startswith("The rows of orders v1 stand there since 20")
    other = warehouse.write(tmp_path, "added", [(3, "lamp", 1.0)])
    assert (other["added"], len(warehouse.rows("added"))) == (1, 3)


def test_a_load_that_is_tried_again_after_it_was_done_answers_what_it_did(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.create("tried", "id bigint, name varchar(20), price double precision")
    same = {"writing": str(uuid.uuid4()), "version": str(uuid.uuid4())}
    for mode, keys in (("append", []), ("replace", []), ("merge", ["id"])):
        same["writing"], same["version"] = str(uuid.uuid4()), str(uuid.uuid4())
        rows = [(one, mode, 1.0) for one in range({"append": 1, "replace": 5, "merge": 20}[mode])]
        first = warehouse.write(tmp_path, "tried", rows, mode, keys=keys, **same)
        before = warehouse.rows("tried")
        assert warehouse.write(tmp_path, "tried", rows, mode, keys=keys, **same) == first
        assert warehouse.rows("tried") == before
    replaced = {"writing": str(uuid.uuid4())}
    warehouse.write(tmp_path, "tried", TWO, "replace", **replaced)
    warehouse.write(tmp_path, "tried", TWO[:1], "replace")
    warehouse.write(tmp_path, "tried", TWO, "replace", **replaced)
    assert len(warehouse.rows("tried")) == 1, "what came late did not take the place of what came after it"


def test_replace_puts_the_rows_in_the_place_of_all(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.create("placed", "id integer, name text, price numeric(8,2)")
    version = str(uuid.uuid4())
    warehouse.write(tmp_path, "placed", [(9, "old", 1.25)])
    done = warehouse.write(tmp_path, "placed", TWO, "replace", version=version)
    assert (done["added"], done["removed"]) == (2, 1)
    assert warehouse.rows("placed") == [(1, "chair", Decimal("10.50")), (2, "table", None)]
    assert warehouse.write(tmp_path, "placed", TWO, "append", version=version)["known"], "its rows stand there"
    newer = warehouse.write(tmp_path, "placed", TWO[:1], "replace", number=5)
    assert (newer["added"], newer["removed"]) == (1, 2)
    older = warehouse.write(tmp_path, "placed", TWO, "replace", number=4, newest_only=True)
    assert older["known"] == "v5, which is newer than orders v1, stands there."
    assert len(warehouse.rows("placed")) == 1
    assert warehouse.write(tmp_path, "placed", TWO, "replace", number=4)["added"] == 2, "by hand an older one goes in"


def test_merge_changes_what_differs_and_adds_the_rest(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.create("merged", "id bigint, name varchar(20), price double precision, kept integer")
    warehouse.sql("INSERT INTO merged VALUES (1, 'chair', 10.5, 7), (2, 'tble', NULL, 8), (5, NULL, 1, 9)")
    done = warehouse.write(tmp_path, "merged", [*TWO, (3, "", 0.1), (5, "bed", 1.0)], "merge", keys=["id"])
    assert (done["added"], done["changed"]) == (1, 2)
    assert warehouse.rows("merged") == [
        (1, "chair", 10.5, 7),
        (2, "table", None, 8),
        (3, "", 0.1, None),
        (5, "bed", 1.0, 9),
    ]
    two = [("id", "integer"), ("name", "text")]
    keys = warehouse.write(tmp_path, "merged", [(1, "chair"), (1, "sofa")], "merge", keys=["id", "name"], columns=two)
    assert (keys["added"], keys["changed"]) == (1, 0)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([(1, "a", 1.0), (None, "b", 1.0)], "1 row has no value in the key “id”"),
        ([(1, "a", 1.0), (1, "b", 1.0), (2, "c", 1.0)], "1 key stands in more than one row; “id” must tell"),
    ],
)
def test_merge_refuses_keys_that_name_no_row_or_several(
    warehouse: Warehouse, tmp_path: Path, rows: Any, said: str
) -> None:
    warehouse.create("keyed", "id bigint NOT NULL, name varchar(20), price double precision")
    warehouse.sql("INSERT INTO keyed VALUES (8, 'x', 1), (8, 'y', 2)")
    with pytest.raises(Problem, match=said):
        warehouse.write(tmp_path, "keyed", rows, "merge", keys=["id"])
    with pytest.raises(Problem, match="holds 1 of these keys more than once"):
        warehouse.write(tmp_path, "keyed", [(8, "z", 1.0)], "merge", keys=["id"])
    assert len(warehouse.rows("keyed")) == 2


def test_keys_are_the_same_as_the_table_compares_them(mariadb: Warehouse, tmp_path: Path) -> None:
    columns = [("name", "text"), ("n", "integer")]
    mariadb.create("folded", '"name" varchar(20) COLLATE utf8mb4_general_ci, n bigint')
    with pytest.raises(Problem, match="1 key stands in more than one row"):
        mariadb.write(tmp_path, "folded", [("Ada", 1), ("ada", 2)], "merge", keys=["name"], columns=columns)
    mariadb.sql("INSERT INTO folded VALUES ('Ada', 1)")
    done = mariadb.write(tmp_path, "folded", [("ada", 1)], "merge", keys=["name"], columns=columns)
    assert (done["changed"], done["added"]) == (0, 0)


def test_a_table_that_is_made_holds_every_type_and_hostile_names(warehouse: Warehouse, tmp_path: Path) -> None:
    hostile = ['id"; DROP TABLE x; --', "`b` %s %(a)s ?", "select", "Ünï'x\\", "when", "day", "yes"]
    kinds = ["integer", "text", "number", "text", "datetime", "date", "boolean"]
    columns = list(zip(hostile, kinds, strict=True))
    moment = datetime(2024, 2, 29, 23, 59, 59, 123456)
    rows = [
        (9007199254740993, "a\n\\.\nb", 0.1, '"; DROP--', moment, date(1200, 1, 1), True),
        (-(2**63), "", 1e300, "'\\'%s", datetime(1999, 1, 1), date(9999, 12, 31), False),
        (0, "NULL", -0.0, "ä😀\t,", None, None, None),
        (1, None, None, "\\N", None, None, None),
    ]
    table = 'we"ird ` %s ? t'
    with pytest.raises(Problem, match="There is no table"):
        warehouse.write(tmp_path, table, rows, columns=columns)
    done = warehouse.write(tmp_path, table, rows, columns=columns, create=True)
    assert (done["added"], done["made"]) == (4, True)
    quoted = table.replace('"', '""')
    found = [tuple(row) for row in warehouse.sql(f'SELECT * FROM "{quoted}"')]
    assert sorted(found, key=str) == sorted(rows, key=str)
    warehouse.sql(f'DROP TABLE "{quoted}"')
    again = warehouse.write(tmp_path, table, rows, columns=columns, create=True)
    assert again["added"] == 4, "notes of a table that is gone do not count"
    warehouse.sql(f'DROP TABLE "{quoted}"')


def test_what_does_not_fit_is_named_before_anything_is_written(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.create(
        "narrow", "id smallint NOT NULL, name varchar(3), price numeric(5,1), due date, must integer NOT NULL"
    )
    warehouse.sql("INSERT INTO narrow (id, must) VALUES (1, 1)")
    columns = [*ORDERS, ("due", "text"), ("other", "text")]
    with pytest.raises(Problem) as caught:
        warehouse.write(tmp_path, "narrow", [(1, "a", 1.0, "x", "y")], "replace", columns=columns)
    for said in (
        "“due” holds text; the table keeps it as date",
        "no column “other”",
        "needs “must”, which is not written",
    ):
        assert said in caught.value.text
    columns = [*ORDERS, ("must", "integer")]
    rows = [(1, "abc", 1.5, 1), (40_000, "abcd", 1.55, 1), (None, "äöü", 99999.0, None)]
    with pytest.raises(Problem) as caught:
        warehouse.write(tmp_path, "narrow", rows, "replace", columns=columns)
    for said in (
        *("1 values of “id” are missing", "1 values of “id” do not go into smallint", "1 values of “name” do not go"),
        *("2 values of “price” do not go", "1 values of “must” are missing"),
    ):
        assert said in caught.value.text, caught.value.text
    assert len(warehouse.rows("narrow")) == 1
    with pytest.raises(Problem, match="key “nothing” is not among"):
        warehouse.write(tmp_path, "narrow", rows, "merge", keys=["nothing"], columns=columns)


def test_a_load_that_fails_in_the_transaction_leaves_the_table_as_it_was(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.create("checked", "id bigint CHECK (id < 5), name varchar(20), price double precision")
    warehouse.sql("INSERT INTO checked VALUES (1, 'old', 1)")
    with pytest.raises(Problem, match="The database says"):
        warehouse.write(tmp_path, "checked", [(2, "new", 1.0), (7, "bad", 1.0)], "replace")
    assert warehouse.rows("checked") == [(1, "old", 1.0)]
    assert warehouse.sql("SELECT count(*) FROM baton_loads WHERE table_name LIKE '%checked'")[0][0] == 0


def test_views_and_tables_without_transactions_are_refused(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.create("seen", "id bigint, name varchar(20), price double precision")
    warehouse.sql("CREATE VIEW looking AS SELECT * FROM seen")
    with pytest.raises(Problem, match="is a view"):
        warehouse.write(tmp_path, "looking", TWO)
    if warehouse.kind == "mariadb":
        warehouse.sql("CREATE TABLE loose (id bigint) ENGINE=MyISAM")
        with pytest.raises(Problem, match="knows no transactions"):
            warehouse.write(tmp_path, "loose", [(1,)], columns=[("id", "integer")])


def test_the_test_says_what_is_missing_and_writes_nothing(warehouse: Warehouse) -> None:
    warehouse.create("tested", "id bigint, name varchar(20), price double precision")
    steps = warehouse.test("tested", "merge", keys=["id"])
    assert [(one["step"], one["ok"]) for one in steps] == [("reach", True), ("sign_in", True), ("write", True)], steps
    assert "is there, with all 3 columns" in steps[2]["text"]
    assert "the first load makes it" in warehouse.test("absent", create=True)[2]["text"]
    assert "no column “odd”" in warehouse.test("tested", columns=[("odd", "text")])[2]["text"]
    if warehouse.kind == "postgresql":
        warehouse.sql(f"REVOKE DELETE ON tested FROM {READER}")
        assert "DELETE on" in warehouse.test("tested", "replace")[2]["text"]
        assert warehouse.test("tested", "append")[2]["ok"]
        assert "There is no schema “none”" in warehouse.test("tested", schema="none")[2]["text"]
        mighty = warehouse.test("tested", user="postgres")
        assert "is a superuser" in mighty[-1]["text"]
    else:
        warehouse.server.run(f"REVOKE DELETE ON {NAME}.* FROM '{READER}'@'%'")
        assert "DELETE command denied" in warehouse.test("tested", "replace")[2]["text"]
        assert warehouse.test("tested", "append")[2]["ok"]
        warehouse.server.run(f"GRANT DELETE ON {NAME}.* TO '{READER}'@'%'")
    assert warehouse.rows("tested") == []


@pytest.mark.parametrize("mode", ["append", "replace", "merge"])
def test_a_child_that_is_killed_in_the_middle_leaves_the_table_as_it_was(
    warehouse: Warehouse, tmp_path: Path, mode: str
) -> None:
    warehouse.create("struck", "id bigint, name varchar(20), price double precision")
    warehouse.sql("INSERT INTO struck VALUES (1, 'old', 1)")
    path = parquet(tmp_path, ORDERS, [(one, "new", 2.0) for one in range(1, 40)])
    spec = warehouse.spec("struck", ORDERS, mode, path=str(path), rows=39, keys=["id"] if mode == "merge" else [])
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    # It stops, as if struck, when the rows are in the table and the transaction is about to end.
    code = (
        "import json, sys, time\n"
        "from datasets.writing import engine, session\n"
        "from jobs.report import Silent\n"
        "from pathlib import Path\n"
        "noted = session.WriteSession.note\n"
        "def note(self, *args, **more):\n"
        "    noted(self, *args, **more); print('there', flush=True); time.sleep(60)\n"
        "session.WriteSession.note = note\n"
        "engine.write(json.loads(Path(sys.argv[1]).read_text()), Path('.'), Silent())\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "spec.json")],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}"},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"there\n"
    assert warehouse.rows("struck") == [(1, "old", 1.0)], "readers see the rows from before"
    child.send_signal(signal.SIGKILL)
    child.wait()
    for _ in range(100):
        if not warehouse.server.run(_sessions(warehouse))[0][0]:
            break
        time.sleep(0.05)
    assert warehouse.rows("struck") == [(1, "old", 1.0)]
    load = spec["load"]
    done = warehouse.write(
        tmp_path, "struck", [(one, "new", 2.0) for one in range(1, 40)], mode, keys=load["keys"],
        writing=load["writing"], version=load["version"],
    )  # fmt: skip
    assert done["added"] == {"append": 39, "replace": 39, "merge": 38}[mode], "the next attempt does it once"
    assert len(warehouse.rows("struck")) == {"append": 40, "replace": 39, "merge": 39}[mode]


def _sessions(warehouse: Warehouse) -> str:
    return {
        "postgresql": f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{READER}'",
        "mariadb": f"SELECT count(*) FROM information_schema.processlist WHERE user = '{READER}'",
    }[warehouse.kind]


def test_a_closed_address_is_not_dialled(warehouse: Warehouse, tmp_path: Path) -> None:
    spec = warehouse.spec("x", ORDERS, "append", path=str(parquet(tmp_path, ORDERS, TWO)), rows=2) | {"allow": []}
    steps = engine.test(spec, tmp_path, Silent())["steps"]
    assert [one["ok"] for one in steps] == [False], steps
    with pytest.raises(Problem):
        engine.write(spec, tmp_path, Silent())


def test_a_version_that_two_workers_add_at_the_same_time_is_there_once(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = session.WriteSession.note

    def late(*args: Any, **more: Any) -> None:
        time.sleep(0.2)  # time enough for the others, if they did not wait
        noted(*args, **more)

    monkeypatch.setattr(session.WriteSession, "note", late)
    warehouse.create("raced", "id bigint, name varchar(20), price double precision")
    version = str(uuid.uuid4())
    with ThreadPoolExecutor() as pool:
        loads = [pool.submit(warehouse.write, tmp_path, "raced", TWO, version=version) for _ in range(4)]
        done = [one.result() for one in loads]
    assert sorted(one["added"] for one in done) == [0, 0, 0, 2]
    assert len(warehouse.rows("raced")) == 2
