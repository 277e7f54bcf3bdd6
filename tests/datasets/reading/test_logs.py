"""Logs: named patterns and own ones; lines that do not match are counted and listed; no pattern can explode."""

import time
from datetime import datetime

import pytest

from tests.datasets.reading.conftest import Read

COMMON = b'10.0.0.1 - anna [17/May/2015:10:05:03 +0200] "GET /a%20b?x=1 HTTP/1.1" 200 203\n'
COMBINED = COMMON[:-1] + b' "http://x.example/" "Mozilla/5.0 (\\"quoted\\")"\n'


def test_the_common_format_is_recognised_and_typed(read_bytes: Read) -> None:
    found = read_bytes(COMMON * 3 + b'::1 - - [18/May/2015:10:05:03 +0000] "-" 408 -\n')
    assert found.guess("pattern") == "common"
    assert found.types["status"] == "integer"
    assert found.types["time"] == "datetime"
    first, last = found.rows[0], found.rows[3]
    assert (first["user"], first["method"], first["path"], first["bytes"]) == ("anna", "GET", "/a%20b?x=1", 203)
    assert first["time"] == datetime(2015, 5, 17, 8, 5, 3)
    assert (last["method"], last["bytes"], last["status"]) == (None, None, 408)


def test_the_combined_format_has_referrer_and_browser(read_bytes: Read) -> None:
    found = read_bytes(COMBINED * 2)
    assert found.guess("pattern") == "combined"
    assert found.rows[0]["referrer"] == "http://x.example/"
    assert "Mozilla" in found.rows[0]["agent"]


def test_lines_that_do_not_match_are_listed_with_their_number(read_bytes: Read) -> None:
    found = read_bytes(
        COMMON * 19 + COMMON.replace(b"a%20b", "äöü".encode()) + b"\nsome noise\n" + b"\xff\xfe\n" + COMMON
    )
    assert found.answer["rows"] == 21
    assert found.report["blank_lines"] == 1
    assert found.refused == [(22, "it does not match the pattern"), (23, "it holds bytes that are not UTF-8")]


def test_a_pattern_of_ones_own(read_bytes: Read) -> None:
    found = read_bytes(
        b"a=1 id=007\na=22 id=008\n", pattern="custom", regex=r"^a=(?P<a>\d+) id=(?P<id>\d+)$", preamble="0"
    )
    assert found.rows == [{"a": 1, "id": "007"}, {"a": 22, "id": "008"}]


@pytest.mark.parametrize(
    "regex", [r"(", r"a(b)c", r"abc", r"(?P<a>x)(?=y)", r"(?P<a>(?:x{1000}){1000})", r"(?P<a>(.)\1)"]
)
def test_patterns_that_cannot_be_used_are_refused_beside_their_field(read_bytes: Read, regex: str) -> None:
    refusal = read_bytes(b"abc\n", pattern="custom", regex=regex).refusal
    assert refusal is not None
    assert "regex" in refusal.fields


def test_a_pattern_that_explodes_elsewhere_runs_in_straight_time(read_bytes: Read) -> None:
    begun = time.process_time()
    refusal = read_bytes((b"a" * 50_000 + b"!\n") * 20, pattern="custom", regex=r"^(?P<x>(?:a+)+)$").refusal
    assert refusal is not None
    assert refusal.code == "too_many_refused"
    assert time.process_time() - begun < 20


def test_a_log_without_a_known_pattern_says_what_to_state(read_bytes: Read) -> None:
    refusal = read_bytes(b"x\ny\n", format="log").refusal
    assert refusal is not None
    assert "pattern" in refusal.fields
