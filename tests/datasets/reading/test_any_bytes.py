"""What holds for any bytes in any format: a table or a Problem in words, never an error, and no row is lost."""

import io
import json
import sqlite3
import zipfile
from collections.abc import Callable
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.sax.saxutils import escape as xml_escape
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datasets.reading import formats
from datasets.reading.catalog import READERS
from datasets.reading.engine import look
from datasets.reading.findings import Findings
from datasets.reading.options import Options
from jobs.report import Silent
from problems.problem import Problem
from storage import tables

WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp", "Cn", "Co")), min_size=1, max_size=8)
PLAIN = st.one_of(WORDS, st.sampled_from(["007", "NA", "None", "null", "1.5", "12", "true", "2026-01-02", "1,5"]))
ROWS = st.lists(st.tuples(PLAIN, PLAIN), min_size=1, max_size=10)


def read(content: bytes, **options: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    with TemporaryDirectory() as folder:
        place = Path(folder) / "upload"
        place.write_bytes(content)
        answer = look({"source": str(place), "options": options}, Path(folder), Silent())
        rows = tables.read(Path(folder) / answer["table"]).to_pylist() if "table" in answer else []
    return rows, answer


def same(value: Any, written: str) -> bool:
    """Whether a stored cell is what was written, exactly."""
    if isinstance(value, bool):
        return str(value).lower() == written.lower()
    if isinstance(value, float):
        return value == float(written.replace(",", "."))
    if value is None:
        return not written.strip()
    return str(value) == written


HEADS = {
    "json": [b"[", b'[{"a":', b"{"],
    "json_lines": [b'{"a": 1}\n', b'{"a":'],
    "xlsx": [b"PK\x03\x04"],
    "xls": [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b""],
    "parquet": [b"PAR1", b""],
    "xml": [b"<a>", b"<?xml version='1.0'?>", b"<a><b>1</b>"],
    "html": [b"<table><tr><td>", b"<html>", b"<table><td colspan="],
    "sqlite": [b"SQLite format 3\0", b"SQLite format 3\0\x10\x00\x01\x01\x00\x40\x20\x20"],
    "log": [b"", b"10.0.0.1 - - ["],
    "delimited": [b"", b"a,b\n"],
}


@pytest.mark.parametrize("kind", sorted(READERS))
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_bytes_are_a_table_or_a_problem(kind: str, data: st.DataObject) -> None:
    content = data.draw(st.sampled_from(HEADS[kind])) + data.draw(st.binary(min_size=1, max_size=300))
    with TemporaryDirectory() as folder:
        place = Path(folder) / "upload"
        place.write_bytes(content)
        options = Options(pattern="combined") if kind == "log" else Options()
        try:
            rows = READERS[kind][1](place, options, Path(folder), Findings(), Silent()).rows
        except Problem as problem:
            rows = len(problem.text)
        assert rows > 0


@settings(max_examples=60, deadline=None)
@given(content=st.binary(min_size=1, max_size=400))
def test_any_upload_is_a_table_or_a_refusal(content: bytes) -> None:
    _, answer = read(content)
    assert answer.get("rows") or answer["refusal"]["text"]


@settings(max_examples=30, deadline=None)
@given(content=st.binary(max_size=300), at=st.integers(0, 10_000), value=st.integers(0, 255))
@example(content=b"\x00\x00\x00\x00", at=1251, value=0)  # a file without a name
def test_archives_with_flipped_bytes_are_a_table_or_a_refusal(content: bytes, at: int, value: int) -> None:
    place = io.BytesIO()
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"a,b\n1,2\n" * 5)
        archive.writestr("b.csv", content)
    packed = bytearray(place.getvalue())
    packed[at % len(packed)] = value
    for member in ("", "a.csv", "*"):
        _, answer = read(bytes(packed), member=member)
        assert answer.get("rows") or answer["refusal"]["text"]


def as_json(rows: list[tuple[str, str]]) -> bytes:
    return json.dumps([{"x": a, "y": b} for a, b in rows]).encode()


def as_lines(rows: list[tuple[str, str]]) -> bytes:
    return b"".join(json.dumps({"x": a, "y": b}).encode() + b"\n" for a, b in rows)


def as_xml(rows: list[tuple[str, str]]) -> bytes:
    return f"<r>{''.join(f'<i x={quoteattr(a)}><y>{xml_escape(b)}</y></i>' for a, b in rows)}</r>".encode()


def as_html(rows: list[tuple[str, str]]) -> bytes:
    cells = "".join(f"<tr><td>{escape(a)}</td><td>{escape(b)}</td></tr>" for a, b in rows)
    return f"<table><thead><tr><th>x</th><th>y</th></tr></thead>{cells}</table>".encode()


def as_sqlite(rows: list[tuple[str, str]]) -> bytes:
    with TemporaryDirectory() as folder:
        place = Path(folder) / "some.db"
        connection = sqlite3.connect(place)
        connection.execute("CREATE TABLE t (x TEXT, y TEXT)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", rows)
        connection.commit()
        connection.close()
        return place.read_bytes()


def as_zip(rows: list[tuple[str, str]]) -> bytes:
    place = io.BytesIO()
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr("rows.jsonl", as_lines(rows))
    return place.getvalue()


@pytest.mark.parametrize("write", [as_json, as_lines, as_xml, as_html, as_sqlite, as_zip])
@settings(max_examples=30, deadline=None)
@given(rows=ROWS)
def test_no_row_is_lost_and_every_value_is_what_was_written(
    write: Callable[[list[tuple[str, str]]], bytes], rows: list[tuple[str, str]]
) -> None:
    found, answer = read(write(rows), header="yes" if write is as_html else "")
    assert "refusal" not in answer, answer["refusal"]
    assert answer["rows"] + answer["refused_rows"] == len(rows)
    for row, (a, b) in zip(found, rows, strict=True):
        assert same(row["x"], a)
        assert same(row["y"], b)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 999), WORDS.filter(str.isalnum)), min_size=1, max_size=20),
    above=st.integers(0, 3),
    below=st.integers(0, 3),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_rows_between_stated_lines_are_all_there(rows: list[tuple[int, str]], above: int, below: int, end: str) -> None:
    lines = [f"Report, part {i}, of, many" for i in range(above)] + ["n,word"]
    lines += [f"{n},w{word}" for n, word in rows] + [f"Total {i}" for i in range(below)]
    found, answer = read(
        (end.join(lines) + end).encode(), preamble=above, summary_rows=below, header="yes", delimiter="comma"
    )
    assert [(row["n"], row["word"]) for row in found] == [(n, f"w{word}") for n, word in rows]
    assert answer["refused_rows"] == 0


def test_formats_of_the_catalog_are_those_that_are_recognised() -> None:
    assert {kind for _, kind in formats.PROVEN} - {"zip", "gzip"} <= set(READERS)
