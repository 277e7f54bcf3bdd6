"""Object storage against an emulator that checks signatures, and SQLite files below a folder that was opened."""

import io
import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from config.addresses import opened
from datasets.connectors import engine
from datasets.connectors.catalog import connector_for
from datasets.connectors.partitions import is_wanted, kinds_of, read_filters, values_of
from jobs.report import Silent
from problems.problem import Invalid, Problem
from tests.datasets.connectors.servers import Shelf


def spec(key: str, params: dict[str, Any], allow: list[str], **more: Any) -> dict[str, Any]:
    whole = engine.connector_for(key).read(params)
    private = {name: whole.pop(name) for name in ("secret",) if whole.get(name)}
    told = {"mode": "full", "mark": {}, "keys": [], "options": {}, "base": None, "known": None}
    common = {"connector": key, "params": whole, "private": private, "allow": allow}
    return {**common, "most_bytes": 10**8, "seconds": 20.0, **told, **more}


def on_shelf(shelf: Shelf, **given: Any) -> dict[str, Any]:
    more = {name: given.pop(name) for name in ("mode", "mark", "base") if name in given}
    params = {"endpoint": shelf.endpoint, "bucket": "shelf", "access_key": shelf.key, "secret": shelf.secret, **given}
    return spec("s3", params, ["127.0.0.1"], **more)


def pull(folder: Path, given: dict[str, Any]) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    return engine.pull(json.loads(json.dumps(given)), folder, Silent())


def rows(folder: Path, answer: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(folder / answer["table"]).to_pylist()
    return found


def parquet(values: dict[str, Any]) -> bytes:
    whole = io.BytesIO()
    pq.write_table(pa.table(values), whole)
    return whole.getvalue()


def test_objects_of_any_kind_and_only_new_ones(shelf: Shelf, tmp_path: Path) -> None:
    put = shelf.client.put_object
    put(Bucket="shelf", Key="in/ä b+c/one.csv", Body=b"a,b\n1,x\n2,y\n")
    put(Bucket="shelf", Key="in/two.csv", Body=b"a,b\n3,z\n")
    put(Bucket="shelf", Key="in/readme.txt", Body=b"no table")
    given = {"prefix": "in/", "pattern": "*.csv"}
    steps = engine.test(on_shelf(shelf, **given), tmp_path, Silent())
    assert steps["ok"], steps
    first = pull(tmp_path / "1", on_shelf(shelf, **given))
    assert sorted(one["a"] for one in rows(tmp_path / "1", first)) == [1, 2, 3]
    assert not pull(tmp_path / "2", on_shelf(shelf, **given, mark=first["mark"]))["new"]
    put(Bucket="shelf", Key="in/three.csv", Body=b"a,b\n4,w\n")
    put(Bucket="shelf", Key="in/two.csv", Body=b"a,b\n5,v\n")
    base = {"path": str(tmp_path / "1" / first["table"]), "schema": first["schema"], "empty": []}
    more = pull(tmp_path / "3", on_shelf(shelf, **given, mode="incremental", mark=first["mark"], base=base))
    assert more["rows_fetched"] == 2
    assert any("have changed" in note for note in more["notes"])
    assert shelf.secret not in json.dumps(first) + json.dumps(more)


def test_partitioned_parquet_with_a_filter(shelf: Shelf, tmp_path: Path) -> None:
    for year in (2024, 2025):
        for month in ("01", "12"):
            for region in ("EU", "US"):
                key = f"sales/year={year}/month={month}/region={region}/part-0.parquet"
                shelf.client.put_object(Bucket="shelf", Key=key, Body=parquet({"amount": [year + 0.5, None]}))
    shelf.client.put_object(Bucket="shelf", Key="sales/_SUCCESS", Body=b"1")
    given = {"prefix": "sales/", "layout": "partitioned", "filters": ["year>=2025", "region=EU|XX"]}
    answer = pull(tmp_path / "1", on_shelf(shelf, **given))
    assert {one["name"]: one["type"] for one in answer["schema"]} == {
        "amount": "number",
        "year": "integer",
        "month": "text",
        "region": "text",
    }
    found = rows(tmp_path / "1", answer)
    assert [(one["year"], one["region"]) for one in found] == [(2025, "EU")] * 4
    assert {one["month"] for one in found} == {"01", "12"}
    assert len(answer["files"]) == 2
    with pytest.raises(Invalid, match="no folder"):
        pull(tmp_path / "2", on_shelf(shelf, **{**given, "filters": ["day=1"]}))


def test_wrong_keys_and_places_are_told(shelf: Shelf, tmp_path: Path) -> None:
    shelf.client.put_object(Bucket="shelf", Key="told/a.csv", Body=b"a\n1\n")
    for wrong, at, words in (
        ({"secret": "wrong-secret-key-0123456789"}, 1, "secret key is not"),
        ({"access_key": "AKNOBODY"}, 1, "access key"),
        ({"bucket": "no-such-bucket"}, 1, "no such bucket"),
        ({"prefix": "nothing/"}, 2, "no such object"),
        ({"endpoint": "http://127.0.0.1:1"}, 0, "not be reached"),
    ):
        given: dict[str, Any] = {"prefix": "told/", **wrong}
        steps = engine.test(on_shelf(shelf, **given), tmp_path, Silent())["steps"]
        assert (len(steps), steps[-1]["ok"]) == (at + 1, False), steps
        assert words in steps[-1]["text"], steps
        assert shelf.secret not in json.dumps(steps)
    member = connector_for("s3")
    least = {"endpoint": "https://s3.example.org", "bucket": "shelf", "access_key": "AK"}
    for name, value in (
        ("bucket", "b/../../x"),
        ("bucket", "A"),
        ("prefix", "../x"),
        ("endpoint", "s3://b/../../x"),
        ("endpoint", "file:///etc/passwd"),
        ("endpoint", "http://169.254.169.254"),
        ("endpoint", "http://127.0.0.1:9000"),
        ("filters", ["year~2"]),
    ):
        given = {**least, **({"layout": "partitioned"} if name == "filters" else {}), name: value}
        with pytest.raises(Problem) as refused:
            member.watch(member.read(given), allow=frozenset())
        assert list(refused.value.fields) == [name], (name, value)


def test_folders_state_values() -> None:
    found = values_of("a/year=2024/city=K%C3%B6ln/x=__HIVE_DEFAULT_PARTITION__/p.parquet", "a/year=2024/")
    assert found == {"year": "2024", "city": "Köln", "x": None}
    assert is_wanted(found, read_filters(["year>2023", "city!=Bonn", "year=02024"]))
    assert not is_wanted(found, read_filters(["x=1"]))
    assert kinds_of([{"y": "1", "d": "2024-01-01", "z": "01"}, {"y": "-2", "d": "2024-12-31", "z": "2"}]) == {
        "y": "integer",
        "d": "date",
        "z": "text",
    }
    with pytest.raises(Invalid, match="several values"):
        read_filters(["a>1|2"])


def test_sqlite_files_below_an_opened_folder(tmp_path: Path) -> None:
    """A27: neither dots nor links lead out of it; endpoints and buckets of storage are tried above."""
    folder, outside = tmp_path / "exports", tmp_path / "private.sqlite"
    (folder / "shop").mkdir(parents=True)
    for path in (folder / "shop" / "a.sqlite", outside):
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE orders (id INTEGER, name TEXT)")
            connection.execute("INSERT INTO orders VALUES (1, 'x'), (2, '007')")
        connection.close()
    os.symlink(outside, folder / "link.sqlite")
    os.symlink(tmp_path, folder / "up")
    os.mkfifo(folder / "pipe.sqlite")
    (folder / "text.sqlite").write_text("no database")
    allow = sorted(opened(f"db.internal:5432, file:{folder}", tmp_path / "data"))
    assert engine.test(spec("sqlite_file", {"path": "shop/a.sqlite"}, allow), tmp_path, Silent())["ok"]
    answer = pull(tmp_path / "1", spec("sqlite_file", {"path": "shop/a.sqlite", "table": "orders"}, allow))
    assert rows(tmp_path / "1", answer) == [{"id": 1, "name": "x"}, {"id": 2, "name": "007"}]
    assert not pull(tmp_path / "2", spec("sqlite_file", {"path": "shop/a.sqlite"}, allow, mark=answer["mark"]))["new"]
    texts = set()
    for path in ("link.sqlite", "up/private.sqlite", "pipe.sqlite", "text.sqlite", "nothing.sqlite", "shop"):
        with pytest.raises(Problem) as refused:
            pull(tmp_path / "3", spec("sqlite_file", {"path": path}, allow))
        texts.add(str(refused.value))
    assert len(texts) == 1, "whatever stands there sounds the same"
    for path in ("../private.sqlite", "/etc/passwd", "a/../../b", "file:///x", "..%2fx", "a\\b", "x?mode=rw", "%252e"):
        with pytest.raises(Problem):
            pull(tmp_path / "4", spec("sqlite_file", {"path": path}, allow))
    with pytest.raises(Invalid, match="opened no folder"):
        connector_for("sqlite_file").watch({"path": "a.sqlite"}, allow=frozenset({"127.0.0.1"}))


def test_no_folder_with_our_own_data_is_opened(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for text in (
        f"file:{data}",
        f"file:{tmp_path}",
        f"file:{data}/blobs",
        "file:relative",
        f"file:{tmp_path}/x/../data",
    ):
        with pytest.raises(ValueError, match="no folder beside the data"):
            opened(text, data)
    assert opened("DB.Internal:5432, ,10.0.0.5", data) == {"db.internal:5432", "10.0.0.5"}
