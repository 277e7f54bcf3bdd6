"""JSON, Excel and Parquet by the same rules: exact values, refused rows with their place, bounded work."""

import io
import json
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

from tests.datasets.reading.conftest import Read


def lines(*items: object) -> bytes:
    return b"".join(json.dumps(item).encode() + b"\n" for item in items)


def sheet(*rows: list[object]) -> bytes:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    for row in rows:
        page.append(row)
    place = io.BytesIO()
    book.save(place)
    return place.getvalue()


def parquet(table: pa.Table) -> bytes:
    place = io.BytesIO()
    pq.write_table(table, place)
    return place.getvalue()


def test_json_lines_refuse_broken_lines_by_number(read_bytes: Read) -> None:
    good = lines(*({"a": i, "b": "x"} for i in range(40)))
    bad = b'{"a": 1,\n{"a": NaN}\n{"a": 1e999}\n{"a": 1, "a": 2}\n[1]\n{"b": "\\ud800"}\n{"b": "\\u0000"}\n'
    found = read_bytes(good + bad)
    assert found.answer["rows"] == 40
    assert [line for line, _ in found.refused] == list(range(41, 48))
    reasons = [reason for _, reason in found.refused]
    assert "NaN is not JSON" in reasons[1]
    assert reasons[2:] == [
        "a number is too large",
        "it is not JSON: a name is repeated in one object",
        "it is not an object {…}",
        "a text holds half of a character (a lone surrogate)",
        "a text holds a NUL character",
    ]


def test_json_keeps_whole_numbers_exact_and_mixes_as_text(read_bytes: Read) -> None:
    found = read_bytes(lines({"a": 2**60, "b": 1, "c": 2**70, "d": True}, {"a": 1, "b": "x", "c": 1, "d": 1}))
    assert found.types == {"a": "integer", "b": "text", "c": "text", "d": "text"}
    assert found.rows == [
        {"a": 2**60, "b": "1", "c": str(2**70), "d": "true"},
        {"a": 1, "b": "x", "c": "1", "d": "1"},
    ]


def test_json_columns_that_come_late_are_missing_before(read_bytes: Read) -> None:
    found = read_bytes(lines({"a": 1}, {"b": {"c": [1, 2]}}, {"a": None, "b": {"c": " "}}))
    assert found.rows == [{"a": 1, "b.c": None}, {"a": None, "b.c": "[1, 2]"}, {"a": None, "b.c": None}]
    assert found.report["columns"]["b.c"] == {"empty": 1, "blank": 1}


def test_a_json_document_breaks_with_its_line(read_bytes: Read) -> None:
    refusal = read_bytes(b'[\n{"a": 1},\n{"a": }\n]').refusal
    assert refusal is not None
    assert "line 3" in refusal.text


def test_deep_json_is_refused_and_nothing_falls_over(read_bytes: Read) -> None:
    refusal = read_bytes(b'[{"a":' * 200_000 + b"1" + b"}]" * 200_000).refusal
    assert refusal is not None
    assert "nested too deeply" in refusal.text
    nested = b'{"a":' * 40 + b"1" + b"}" * 40
    refusal = read_bytes(nested + b"\n" + nested + b"\n").refusal
    assert refusal is not None
    assert "nested more than 32 levels" in refusal.text


def test_json_in_utf_16_is_understood(read_bytes: Read) -> None:
    found = read_bytes('[{"a": "Köln"}]'.encode("utf-16"))
    assert found.rows == [{"a": "Köln"}]


def test_one_object_alone_is_one_row(read_bytes: Read) -> None:
    assert read_bytes(b'{"a": 1}').rows == [{"a": 1}]


def test_a_workbook_keeps_its_types(read_bytes: Read) -> None:
    found = read_bytes(
        sheet(["id", "code", "day", "n"], [1, "007", date(2026, 1, 2), 1.5], [2, "008", date(2026, 1, 3), None])
    )
    assert found.types == {"id": "integer", "code": "text", "day": "date", "n": "number"}
    assert found.rows[0] == {"id": 1, "code": "007", "day": date(2026, 1, 2), "n": 1.5}


def test_a_workbook_that_swells_is_not_opened(read_bytes: Read) -> None:
    place = io.BytesIO()
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 300_000_000)
    refusal = read_bytes(place.getvalue()).refusal
    assert refusal is not None
    assert refusal.code == "unpacks_too_large"


def test_a_workbook_that_declares_entities_is_not_opened(read_bytes: Read) -> None:
    """A33."""
    place = io.BytesIO()
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr("xl/workbook.xml", '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><workbook/>')
    refusal = read_bytes(place.getvalue()).refusal
    assert refusal is not None
    assert refusal.code == "unsafe_xml"


def test_an_archive_of_tables_is_refused_and_says_how_many(read_bytes: Read) -> None:
    place = io.BytesIO()
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr("a.csv", "a,b\n1,2\n")
        archive.writestr("b.csv", "a,b\n1,2\n")
    refusal = read_bytes(place.getvalue()).refusal
    assert refusal is not None
    assert "is an archive with 2 files" in refusal.text


def test_parquet_types_become_ours_and_what_is_not_finite_is_counted(read_bytes: Read) -> None:
    """F46 of reading; of training, see `test_training`."""
    table = pa.table(
        {
            "i": pa.array([1, 2, None], pa.int16()),
            "f": pa.array([1.5, np.nan, np.inf]),
            "s": pa.array(["a", "", " "]).dictionary_encode(),
            "t": pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * 3, pa.timestamp("ns", "Europe/Berlin")),
            "l": pa.array([[1, 2], None, []]),
            "x": pa.array([{"y": 1, "z": "q"}] * 3),
            "u": pa.array([2**64 - 1, 1, 2], pa.uint64()),
        }
    )
    found = read_bytes(parquet(table))
    assert found.types == {
        "i": "integer",
        "f": "number",
        "s": "text",
        "t": "datetime",
        "l": "text",
        "x.y": "integer",
        "x.z": "text",
        "u": "text",
    }
    assert [row["f"] for row in found.rows] == [1.5, None, None]
    assert found.report["columns"]["f"]["notes"] == ["2 cells are not finite (NaN or infinite) and count as missing."]
    assert found.report["columns"]["s"] == {"empty": 1, "blank": 1}
    assert found.rows[0]["u"] == "18446744073709551615"
    assert found.rows[0]["l"] == "[1, 2]"


def test_the_stored_table_carries_page_checksums(read_bytes: Read, tmp_path: Path) -> None:
    read_bytes(b"a,b\n1,x\n2,y\n")
    place = next(tmp_path.glob("job*/table.parquet"))
    metadata = pq.read_metadata(place)
    assert metadata.num_rows == 2
    data = bytearray(place.read_bytes())
    start = metadata.row_group(0).column(1).dictionary_page_offset or 4
    data[start + 30] ^= 0xFF
    place.write_bytes(bytes(data))
    try:
        pq.read_table(place, page_checksum_verification=True)
    except OSError:
        return
    raise AssertionError("a flipped byte was not noticed")
