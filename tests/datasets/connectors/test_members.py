"""The members at work against a town of servers: pages, a 429 and a 500, ETags, tables, selectors, robots.txt."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from datasets.connectors import engine
from datasets.connectors.json_answers import later, parsed, rows_at
from jobs.report import Silent
from problems.problem import Problem
from tests.datasets.connectors.town import SECRET, Town


def spec(town: Town, connector: str, params: dict[str, Any], **more: Any) -> dict[str, Any]:
    whole = engine.connector_for(connector).read(params)
    private = {"secret": SECRET} if params.get("auth", "none") != "none" else {}
    return {
        "connector": connector,
        "params": whole,
        "private": private,
        "allow": sorted(town.allow),
        "most_bytes": 10_000_000,
        "seconds": 20.0,
        "mode": "full",
        "mark": {},
        "keys": [],
        "options": {},
        "base": None,
        "known": None,
    } | more


def pull(folder: Path, given: dict[str, Any]) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    return engine.pull(given, folder, Silent())


def rows(folder: Path, answer: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(folder / answer["table"]).to_pylist()
    return found


def api(town: Town, **params: Any) -> dict[str, Any]:
    return {"address": f"{town.base}/api", "auth": "bearer", "rows_path": "data.items", "per_second": 100.0} | params


PAGINGS: list[dict[str, Any]] = [
    {"paging": "page", "page_param": "page", "size_param": "size", "page_size": 4},
    {"paging": "offset", "page_param": "offset", "size_param": "size", "page_size": 5},
    {"paging": "cursor", "page_param": "cursor", "next_path": "next"},
    {"paging": "link"},
    {"paging": "page", "page_param": "page", "method": "POST", "body": '{"size": 5}', "page_size": 5},
]


@pytest.mark.parametrize("paging", PAGINGS, ids=lambda one: one["paging"] + one.get("method", ""))
def test_an_api_is_read_page_by_page_through_a_429_and_a_500(town: Town, tmp_path: Path, paging: Any) -> None:
    town.moods = [(429, {"Retry-After": "0"}), (500, {"Retry-After": "0"})]
    answer = pull(tmp_path, spec(town, "rest_api", api(town, **paging)))
    assert [row["id"] for row in rows(tmp_path, answer)] == list(range(1, 13))
    assert answer["rows_fetched"] == 12
    assert any("2 times" in note for note in answer["notes"])
    assert not any(SECRET in path for path in town.asked)


def test_only_what_is_new_is_asked_for_and_put_in_place_of_the_old(town: Town, tmp_path: Path) -> None:
    params = api(town, paging="link", watermark="changed", since_param="since")
    first = pull(tmp_path / "a", spec(town, "rest_api", params, mode="incremental", keys=["id"]))
    assert first["mark"] == {"watermark": "2026-01-12T00:00:00"}
    again = {"mode": "incremental", "keys": ["id"], "mark": first["mark"]}
    nothing = pull(tmp_path / "b", spec(town, "rest_api", params, **again))
    assert not nothing["new"]
    assert nothing["mark"] == first["mark"]
    town.rows += [
        {"id": 3, "city": "Ulm", "changed": "2026-02-01T00:00:00"},
        {"id": 13, "city": "Bonn", "changed": "2026-02-02T00:00:00", "size": 7},
    ]
    base = {"path": str(tmp_path / "a" / first["table"]), "schema": first["schema"], "empty": []}
    second = pull(tmp_path / "c", spec(town, "rest_api", params, **again, base=base))
    found = {row["id"]: row for row in rows(tmp_path / "c", second)}
    assert second["rows_fetched"] == 2
    assert len(found) == 13
    assert second["rows"] == 13
    assert found[3]["city"] == "Ulm"
    assert found[13]["size"] == 7
    assert found[1]["size"] is None
    assert second["mark"] == {"watermark": "2026-02-02T00:00:00"}
    assert any("1 older ones" in note for note in second["report"]["notes"])


def test_an_api_that_misbehaves_is_named(town: Town, tmp_path: Path) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"rows_path": "data.rows"}, "no “rows”"),
        ({"rows_path": ""}, "one object"),
        ({"paging": "page", "page_param": "nothing", "page_size": 5}, "same page twice"),
        ({"paging": "link", "most_pages": 2}, "more than 2 pages"),
        ({"address": f"{town.base}/nowhere"}, "nothing at this address"),
        ({"address": f"{town.base}/page"}, "no JSON"),
        ({"address": f"{town.base}/away"}, "may not be reached"),
    ]
    for params, words in cases:
        with pytest.raises(Problem, match=words):
            pull(tmp_path, spec(town, "rest_api", api(town, **params)))
    wrong = spec(town, "rest_api", api(town)) | {"private": {"secret": "not the key"}}
    with pytest.raises(Problem, match="does not let us in"):
        pull(tmp_path, wrong)


def test_the_test_says_which_step_fails(town: Town, tmp_path: Path) -> None:
    good = engine.test(spec(town, "rest_api", api(town)), tmp_path, Silent())
    assert good["ok"]
    assert [one["step"] for one in good["steps"]] == ["reach", "sign_in", "read"]
    wrong = spec(town, "rest_api", api(town)) | {"private": {"secret": "not the key"}}
    steps = engine.test(wrong, tmp_path, Silent())["steps"]
    assert [one["ok"] for one in steps] == [True, False]
    unread = engine.test(spec(town, "rest_api", api(town, rows_path="x")), tmp_path, Silent())
    assert [one["ok"] for one in unread["steps"]] == [True, True, False]
    closed = spec(town, "url", {"address": f"{town.base}/file.csv"}) | {"allow": []}
    assert [one["ok"] for one in engine.test(closed, tmp_path, Silent())["steps"]] == [False]
    file = engine.test(spec(town, "url", {"address": f"{town.base}/file.csv"}), tmp_path, Silent())
    page = engine.test(spec(town, "website", {"addresses": [f"{town.base}/page"]}), tmp_path, Silent())
    assert file["ok"]
    assert page["ok"]


def test_a_file_that_did_not_change_is_not_fetched_again(town: Town, tmp_path: Path) -> None:
    params = {"address": f"{town.base}/file.csv"}
    first = pull(tmp_path / "a", spec(town, "url", params))
    assert rows(tmp_path / "a", first) == [{"id": 1, "plan": "month"}, {"id": 2, "plan": "year"}]
    second = pull(tmp_path / "b", spec(town, "url", params, mark=first["mark"]))
    assert not second["new"]
    assert second["mark"] == first["mark"]
    town.etag = '"two"'
    known = {"path": str(tmp_path / "a" / first["table"]), "rows": 2, "schema": first["schema"]}
    same = pull(tmp_path / "c", spec(town, "url", params, mark=first["mark"], known=known))
    assert not same["new"]
    assert same["mark"] == {"etag": '"two"'}
    assert "same table" in same["notes"][-1]
    town.etag, town.file = '"three"', b"id;plan\n3;week\n"
    changed = pull(tmp_path / "d", spec(town, "url", params, mark=same["mark"], options={"header": "no"}))
    assert len(rows(tmp_path / "d", changed)) == 2, "what the source states is read so"


def test_tables_and_selections_of_a_page(town: Town, tmp_path: Path) -> None:
    pages = [f"{town.base}/page"]
    table = pull(tmp_path / "a", spec(town, "website", {"addresses": pages, "table": 2, "per_second": 10.0}))
    assert rows(tmp_path / "a", table)[0] == {"city": "Ulm", "people": 126000}
    two = spec(town, "website", {"addresses": pages * 2, "table": 2, "per_second": 10.0})
    assert pull(tmp_path / "b", two)["rows"] == 4
    columns = ["what = a", "link = a @href", "price = .price"]
    chosen = {"addresses": pages, "rows": "selectors", "row_selector": "div.item", "columns": columns}
    picked = pull(tmp_path / "c", spec(town, "website", chosen))
    assert rows(tmp_path / "c", picked)[1] == {"what": "Chair", "link": "/i/2", "price": 40.0}
    assert [one["name"] for one in picked["files"]] == ["rows.csv", "page-1.html"]
    assert "Baton" in town.headers[-1]["user-agent"]
    with pytest.raises(Problem, match="does not allow"):
        pull(tmp_path / "d", spec(town, "website", {"addresses": [f"{town.base}/closed"]}))
    assert not any(path == "/closed" for path in town.asked)
    with pytest.raises(Problem, match="no CSS selector"):
        engine.connector_for("website").read(chosen | {"row_selector": "div[["})


def test_hostile_json_is_refused(town: Town, tmp_path: Path) -> None:
    for content in (b"[{]", b'[{"a": NaN}]', b"[" * 100_000, b"\xff\xfe"):
        with pytest.raises(Problem, match="no JSON"):
            parsed(content)
    for document in ([[1]], {"a": 1}, "x"):
        with pytest.raises(Problem):
            rows_at(document, "")
    with pytest.raises(Problem, match="cannot mark"):
        later([{"a": 1}, {"a": "b"}], "a", None)
    assert json.loads('{"a": 1}') == parsed(b'{"a": 1}')
