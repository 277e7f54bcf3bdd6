"""The durable log: grouped, durable, sealed, recovered."""

import fcntl
import shutil
import threading
import time
from concurrent.futures import wait

import orjson
import pytest

from deployments import log_reading, sealing
from deployments.prediction_ids import new_id
from deployments.serving.journal import Journal, folders, seal_leftovers
from jobs.report import Silent
from problems.problem import Unavailable
from storage import tables


def line(number, at, deployment="d"):
    """One answered row as a server writes it."""
    row = {
        "id": new_id(b"k", deployment, at),
        "deployment": deployment,
        "at": at,
        "release": "r",
        "version": 1,
        "latency_ms": 1.5,
        "answer": "yes",
        "number": None,
        "probability": 0.5,
        "row": {"number": number},
        "unknown": 0,
    }
    return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)


def lines_in(folder):
    return [orjson.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_bytes().splitlines()]


def test_many_threads_share_a_commit_and_every_line_is_there_once(tmp_path, monkeypatch):
    import os

    real = os.fdatasync
    monkeypatch.setattr("os.fdatasync", lambda descriptor: (time.sleep(0.005), real(descriptor)))
    journal = Journal(tmp_path, segment_seconds=60)

    def client(start):
        for number in range(start, start + 25):
            journal.append(line(number, time.time())).result(timeout=10)

    threads = [threading.Thread(target=client, args=(start,)) for start in range(0, 200, 25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert journal.commits < 150
    journal.close()
    _, sealed = folders(tmp_path)
    assert sorted(row["row"]["number"] for row in lines_in(sealed)) == list(range(200))


def test_a_piece_is_sealed_when_its_time_is_over_and_when_it_is_full(tmp_path):
    opened, sealed = folders(tmp_path)
    journal = Journal(tmp_path, segment_seconds=0.2)
    journal.append(line(1, time.time())).result(timeout=5)
    deadline = time.monotonic() + 5
    while not list(sealed.glob("*.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(lines_in(sealed)) == 1
    assert not list(opened.glob("*.jsonl"))
    journal.close()
    small = Journal(tmp_path, segment_seconds=60, segment_bytes=100)
    wait([small.append(line(number, time.time())) for number in range(3)])
    small.close()
    assert len(lines_in(sealed)) == 4


def test_nothing_is_acknowledged_when_the_folder_is_gone_and_it_heals(tmp_path):
    opened, _ = folders(tmp_path)
    journal = Journal(tmp_path, segment_seconds=60)
    journal.append(line(1, time.time())).result(timeout=5)
    shutil.rmtree(opened)
    with pytest.raises(Unavailable, match="Nothing was answered"):
        journal.append(line(2, time.time())).result(timeout=5)
    assert journal.trouble
    folders(tmp_path)
    journal.append(line(3, time.time())).result(timeout=5)
    assert not journal.trouble
    journal.close()


def test_a_full_disk_refuses_and_leaves_no_half_line(tmp_path, monkeypatch):
    import os

    journal = Journal(tmp_path, segment_seconds=60)
    journal.append(line(1, time.time())).result(timeout=5)
    real, full = os.write, [True]

    def write(descriptor, content):
        if full[0] and len(content) > 20:
            real(descriptor, bytes(content)[:20])
            raise OSError(28, "No space left on device")
        return real(descriptor, content)

    monkeypatch.setattr("os.write", write)
    with pytest.raises(Unavailable, match="No space left"):
        journal.append(line(2, time.time())).result(timeout=5)
    full[0] = False
    journal.append(line(3, time.time())).result(timeout=5)
    journal.close()
    assert sorted(row["row"]["number"] for row in lines_in(folders(tmp_path)[1])) == [1, 3]


def test_leftovers_of_dead_servers_are_sealed_without_their_torn_line_and_living_ones_are_left(tmp_path):
    opened, sealed = folders(tmp_path)
    dead, torn, empty = opened / "dead-000001.jsonl", opened / "torn-000001.jsonl", opened / "empty-000001.jsonl"
    dead.write_bytes(line(1, 1.7e9) + line(2, 1.7e9)[:-30])
    torn.write_bytes(line(3, 1.7e9)[:-5])
    empty.write_bytes(b"")
    with (opened / "alive-000001.jsonl").open("wb") as alive:
        fcntl.flock(alive, fcntl.LOCK_EX)
        alive.write(line(4, 1.7e9))
        alive.flush()
        assert seal_leftovers(tmp_path) == 1
        assert [path.name for path in opened.glob("*.jsonl")] == ["alive-000001.jsonl"]
    assert [row["row"]["number"] for row in lines_in(sealed)] == [1]


def test_sealing_splits_by_deployment_counts_damage_and_writes_the_agreed_columns(tmp_path):
    _, sealed = folders(tmp_path)
    piece = sealed / "s-000001.jsonl"
    piece.write_bytes(
        b"".join(line(i, 1.7e9 + i, "a" if i % 2 else "b") for i in (3, 1, 2))
        + b'{"id": 1}\n\x00\x00\n'
        + line(3, 1.7e9 + 9, "a")
    )
    answer = sealing.run({"files": [str(piece), str(sealed / "gone.jsonl")]}, tmp_path, Silent())
    assert answer["damaged"] == {str(piece): 2}
    assert [(found["deployment"], found["rows"]) for found in answer["segments"]] == [("a", 3), ("b", 1)]
    table = tables.read(tmp_path / answer["segments"][0]["table"])
    assert table.schema == sealing.SCHEMA
    assert [orjson.loads(row)["number"] for row in table["row"].to_pylist()] == [1, 3, 3]
    assert table["answer"][0].as_py() == '"yes"'


def test_reading_goes_back_over_open_and_stored_pieces_each_row_once(tmp_path):
    opened, sealed = folders(tmp_path)
    old = sealed / "s-000001.jsonl"
    old.write_bytes(b"".join(line(i, 1.7e9 + i) for i in range(300)))
    answer = sealing.run({"files": [str(old)]}, tmp_path, Silent())
    (opened / "o-000001.jsonl").write_bytes(b"".join(line(i, 1.7e9 + i) for i in range(300, 500)) + b'{"torn')
    stored = tmp_path / answer["segments"][0]["table"]
    last = log_reading.datetime.fromisoformat(answer["segments"][0]["last_at"])

    def read(before=""):
        files = log_reading.open_files(tmp_path)
        streams = [log_reading.from_file(file, "d", before) for file in files]
        rows = list(
            log_reading.newest(streams, [log_reading.Source(last, lambda: log_reading.from_table(stored, before))])
        )
        for file in files:
            file.close()
        return rows

    everything = read()
    assert [row.row["number"] for row in everything] == list(range(499, -1, -1))
    middle = everything[250]
    assert [row.row["number"] for row in read(middle.id)] == list(range(248, -1, -1))
    assert log_reading.find_in_table(stored, everything[400].id) == everything[400]
