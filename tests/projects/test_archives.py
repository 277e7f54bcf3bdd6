"""The archive of a project as a file: written, taken apart, and refused whole when anything about it is strange."""

import hashlib
import io
import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.report import Silent
from problems.problem import Corrupted, Problem
from projects import archives

CONTENT = b"the bytes of a table " * 50
SHA = hashlib.sha256(CONTENT).hexdigest()
ROW = {"model": "projects.task", "pk": "1", "fields": {"title": "Ask"}}


def good(folder: Path) -> bytes:
    (folder / "content").write_bytes(CONTENT)
    (folder / "rows").write_text(json.dumps(ROW) + "\n")
    contents = [("rows/projects.task.jsonl", folder / "rows"), (f"blobs/{SHA}", folder / "content")]
    archives.write(folder / "made.zip", contents, {"project": {"key": "churn"}}, lambda: None)
    return (folder / "made.zip").read_bytes()


def take(folder: Path, content: bytes) -> dict[str, Any]:
    """What the child does; it starts from an empty folder each time."""
    import shutil

    shutil.rmtree(folder / "taken", ignore_errors=True)
    (folder / "given.zip").write_bytes(content)
    spec = {"archive": str(folder / "given.zip"), "kinds": ["projects.task"]}
    return archives.run(spec, folder, Silent())


def zipped(members: list[tuple[zipfile.ZipInfo | str, bytes]], manifest: dict[str, Any] | None = None) -> bytes:
    """A zip file with any members, under a manifest that fits them unless another is given."""
    said = {
        str(getattr(name, "filename", name)): {"sha256": hashlib.sha256(content).hexdigest()}
        for name, content in members
    }
    whole = {"format": "baton-project", "format_version": 1, "project": {}, "members": said} | (manifest or {})
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members:
            archive.writestr(name, content)
        archive.writestr("manifest.json", json.dumps(whole))
    return made.getvalue()


def kind(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (mode | 0o777) << 16
    return info


def deflated(name: str, content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return made.getvalue()


def test_what_was_written_is_taken_apart(tmp_path: Path) -> None:
    manifest = take(tmp_path, good(tmp_path))["manifest"]
    assert manifest["project"] == {"key": "churn"}
    assert (tmp_path / "taken" / SHA).read_bytes() == CONTENT
    assert list(archives.lines_of(tmp_path, "rows/projects.task.jsonl")) == [ROW]
    assert sorted(path.name for path in (tmp_path / "taken").iterdir()) == [SHA, "rows.projects.task.jsonl"]


def test_damaged_stored_bytes_are_not_packed(tmp_path: Path) -> None:
    (tmp_path / "content").write_bytes(b"others")
    with pytest.raises(Corrupted):
        archives.write(tmp_path / "made.zip", [(f"blobs/{SHA}", tmp_path / "content")], {}, lambda: None)


BLOB = f"blobs/{SHA}"
ROWS = "rows/projects.task.jsonl"
LINE = json.dumps(ROW).encode() + b"\n"
STRANGE: dict[str, Callable[[bytes], bytes]] = {
    **{
        f"called {name!r}": (lambda _, name=name: zipped([(name, b"x")]))
        for name in [
            "../../x", "..\\..\\x", "/etc/passwd", "rows/../x.jsonl", "C:/x", "rows/projects.task.jsonl\n", "CON",
            "blobs/" + "A" * 64, "rows/Projects.task.jsonl", "x" * 4096, "blobs/", "‮jsonl",
        ]
    },
    "a link": lambda _: zipped([(kind(BLOB, stat.S_IFLNK), CONTENT)]),
    "a device": lambda _: zipped([(kind(BLOB, stat.S_IFCHR), CONTENT)]),
    "a pipe": lambda _: zipped([(kind(BLOB, stat.S_IFIFO), CONTENT)]),
    "a folder": lambda _: zipped([(kind(BLOB, stat.S_IFDIR), CONTENT)]),
    "the same name twice": lambda _: zipped([(ROWS, LINE), (ROWS, LINE)]),
    "two archives": lambda good: good + good,
    "something before": lambda good: b"#!/bin/sh\n" + good,
    "something behind": lambda good: good + b"more",
    "a comment": lambda good: good[:-2] + b"\x04\x00PK\x05\x06",
    "cut short": lambda good: good[: len(good) // 2],
    "empty": lambda _: b"",
    "no zip": lambda _: b"PK\x03\x04 and nothing",
    "a compressed content": lambda _: deflated(BLOB, CONTENT),
    "no manifest": lambda _: deflated(ROWS, LINE),
    "another format": lambda _: zipped([(ROWS, LINE)], {"format": "zip"}),
    "a later format": lambda _: zipped([(ROWS, LINE)], {"format_version": 2}),
    "more than is listed": lambda _: zipped([(ROWS, LINE)], {"members": {}}),
    "less than is listed": lambda _: zipped([(ROWS, LINE)], {"members": {ROWS: {}, BLOB: {}}}),
    "an unknown kind": lambda _: zipped([("rows/projects.secret.jsonl", LINE)]),
    "another kind": lambda _: zipped([(ROWS, LINE.replace(b"task", b"gate"))]),
    "no JSON": lambda _: zipped([(ROWS, b"{")]),
    "no object": lambda _: zipped([(ROWS, b"[]\n")]),
    "no number": lambda _: zipped([(ROWS, LINE.replace(b'"Ask"', b"NaN"))]),
    "an endless number": lambda _: zipped([(ROWS, LINE.replace(b'"Ask"', b"1e999"))]),
    "nested": lambda _: zipped([(ROWS, LINE.replace(b'"Ask"', b"[" * 100_000 + b"]" * 100_000))]),
    "another hash": lambda _: zipped([(ROWS, LINE)], {"members": {ROWS: {"sha256": SHA}}}),
    "a content of another name": lambda _: zipped([(f"blobs/{'0' * 64}", CONTENT)]),
    "a bomb": lambda _: deflated(ROWS, b"0" * (archives.MOST_TEXT + 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_archive_is_refused_whole(name: str, tmp_path: Path) -> None:
    with pytest.raises(Problem) as caught:
        take(tmp_path, STRANGE[name](good(tmp_path)))
    assert caught.value.status == 422
    assert caught.value.code == "bad_archive"
    outside = {path.name for path in tmp_path.iterdir()}
    assert outside <= {"content", "rows", "made.zip", "given.zip", "taken"}


def test_a_flipped_byte_in_a_content_is_found(tmp_path: Path) -> None:
    content = bytearray(good(tmp_path))
    content[content.index(CONTENT[:21]) + 5] ^= 1
    with pytest.raises(Problem, match="refused"):
        take(tmp_path, bytes(content))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10_000), value=st.integers(1, 255))
def test_any_flipped_byte_is_harmless(tmp_path: Path, place: int, value: int) -> None:
    content = bytearray(good(tmp_path))
    content[place % len(content)] ^= value
    try:
        take(tmp_path, bytes(content))
    except Problem:
        return
    assert (tmp_path / "taken" / SHA).read_bytes() == CONTENT
    assert list(archives.lines_of(tmp_path, ROWS)) == [ROW]
