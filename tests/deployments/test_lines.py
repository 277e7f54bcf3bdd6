"""Lines of the prediction log: one for a request, however many rows it has, and the same rows for whoever reads."""

import tempfile
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments import log_reading, sealing
from deployments.prediction_ids import belongs, new_ids
from deployments.serving import lines
from deployments.serving.inference import Facts, answer, answer_all, load
from jobs.report import Silent
from storage import tables
from tests.deployments import stage
from tests.deployments.stage import ROW

FACTS = Facts("r", "churn", "churn", 7, "b")
VALUES = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5)


def old_lines(content: bytes) -> bytes:
    """The same log as it was written before: a line for each row."""
    rows = [row for line in content.splitlines() for row in lines.rows_in(orjson.loads(line))]
    return b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)


@given(st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=6))
def test_what_is_written_as_columns_is_read_as_rows(values) -> None:
    predictions = [{"id": f"id{place}", "answer": one} for place, (one, _, _) in enumerate(values)]
    columns, more = {"a": [one for _, one, _ in values]}, {"unknown": [one for _, _, one in values]}
    content = lines.written({"deployment": "churn"}, predictions, more, columns, 1_800_000_000_000_000)
    assert content.count(b"\n") == 1
    rows = lines.rows_in(orjson.loads(content))
    assert rows == [
        {
            "id": f"id{place}", "answer": answered, "deployment": "churn", "unknown": unknown, "row": {"a": given_},
            "at": (1_800_000_000_000_000 + place) / 1e6,
        }
        for place, (answered, given_, unknown) in enumerate(values)
    ]  # fmt: skip


@pytest.mark.parametrize(
    "changed",
    [{"each": {"id": ["a"], "answer": []}}, {"each": 5}, {"columns": {"a": [1]}}, {"first": "x"}, {"each": {}}],
)
def test_a_damaged_line_of_many_is_counted_and_left_out_whole(changed, tmp_path) -> None:
    line = {"deployment": "churn", "release": "r", "version": 1, "role": "champion", "policy": None, "latency_ms": 1.0}
    line |= {"each": {"id": ["a", "b"], "answer": ["yes", "no"]}, "columns": {"a": [1, 2]}, "first": 1}
    path = tmp_path / "x.jsonl"
    path.write_bytes(orjson.dumps(line | changed) + b"\n")
    found = sealing.run({"files": [str(path)]}, tmp_path, Silent())
    assert (found["segments"], found["damaged"]) == ([], {str(path): 1})
    with path.open("rb") as file:
        assert list(log_reading.from_file(file, "churn", "")) == []


@pytest.fixture(scope="module")
def logged(trained: stage.Trained) -> bytes:
    """Requests of one row, of many, and of several at once, in one log; and a shadow's."""
    model = load(trained.bundle, "b")
    many = [ROW | {"months": place, "plan": "flex" if place % 3 else "never seen"} for place in range(1, 40)]
    single = answer(model, FACTS, [ROW], b"key", 0.0)
    both = answer_all(model, FACTS, [(many, 0.0), ([ROW | {"charge": None}], 0.0)], b"key")
    (shadow,) = answer_all(
        model, Facts("s", "churn", "churn", 8, "b", role="shadow"), [(many, 0.0)], b"key",
        [one["id"] for one in both[0].predictions],
    )  # fmt: skip
    return b"".join(one.lines for one in (single, *both, shadow))


def test_a_request_of_many_rows_is_one_line(logged: bytes) -> None:
    assert logged.count(b"\n") == 4
    assert len(logged) < len(old_lines(logged)) / 2


def test_the_open_log_shows_the_same_rows_as_lines_of_single_rows_did(logged: bytes) -> None:
    shown = [list(log_reading.from_file(_file(one), "churn", "")) for one in (logged, old_lines(logged))]
    assert len(shown[0]) == 41
    assert shown[0] == shown[1]
    some = shown[0][20]
    assert [row.id for row in log_reading.from_file(_file(logged), "churn", some.id)] == [
        row.id for row in shown[0][21:]
    ]
    assert log_reading.find_in_file(_file(logged), some.id) == some
    assert log_reading.find_in_file(_file(logged), "0" * 39) is None
    assert list(log_reading.from_file(_file(logged), "another", "")) == []


def test_sealed_pieces_are_the_same_tables(logged: bytes, tmp_path: Path) -> None:
    kept = []
    for name, content in (("new", logged), ("old", old_lines(logged))):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "piece.jsonl").write_bytes(content)
        found = sealing.run({"files": [str(folder / "piece.jsonl")]}, folder, Silent())
        assert found["damaged"] == {}
        kept.append([(one["is_shadow"], one["rows"], tables.read(folder / one["table"])) for one in found["segments"]])
    assert [(shadow, rows) for shadow, rows, _ in kept[0]] == [(False, 41), (True, 39)]
    assert kept[0] == kept[1]


def test_seals_are_those_of_the_standard_library() -> None:
    for key in (b"k", b"k" * 64, b"k" * 200):
        (one,) = new_ids(key, "churn", [1_800_000_000.0])
        assert belongs(key, "churn", one)
        assert not belongs(key, "other", one)


def _file(content: bytes):
    file = tempfile.TemporaryFile()  # noqa: SIM115  gone with its last reader
    file.write(content)
    file.flush()
    return file
