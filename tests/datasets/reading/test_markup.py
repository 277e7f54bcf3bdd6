"""XML and tables of web pages: what repeats is a row, nothing is resolved, hostile files end in a named refusal."""

import time
from datetime import date

import pytest

from tests.datasets.reading.conftest import Read

BILLION = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;">]>'
    b"<r><a>&lol2;</a><a>1</a></r>"
)
OUTSIDE = b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r><a>&x;</a><a>1</a></r>'
OUTSIDE_DTD = b'<?xml version="1.0"?><!DOCTYPE r SYSTEM "http://127.0.0.1:1/x.dtd"><r><a>1</a><a>2</a></r>'


def test_the_element_that_repeats_is_a_row(read_bytes: Read) -> None:
    found = read_bytes(
        b'<?xml version="1.0"?><shop at="x"><made>2026</made><items>'
        b'<item code="007"><name>None</name><price cur="EUR">1.5</price><day>2026-01-02</day><tag>a</tag><tag>b</tag></item>'
        b'<item code="008"><name>NA</name><price cur="EUR">2</price><day>2026-01-03</day></item></items></shop>'
    )
    assert found.guess("records") == "shop/items/item"
    assert found.types == {
        "code": "text",
        "name": "text",
        "price.cur": "text",
        "price.text": "number",
        "day": "date",
        "tag": "text",
    }
    assert found.rows[0]["tag"] == '["a", "b"]'
    assert found.rows[1] == {
        "code": "008",
        "name": "NA",
        "price.cur": "EUR",
        "price.text": 2.0,
        "day": date(2026, 1, 3),
        "tag": None,
    }
    assert "1 elements that are no part" in found.report["notes"][0]


def test_the_row_element_can_be_stated_and_refused(read_bytes: Read) -> None:
    content = b"<a><b><c>1</c><c>2</c></b><b><c>3</c></b></a>"
    assert read_bytes(content).answer["rows"] == 2
    assert read_bytes(content, records="c").rows == [{"text": 1}, {"text": 2}, {"text": 3}]
    refusal = read_bytes(content, records="nothing").refusal
    assert refusal is not None
    assert "records" in refusal.fields


def test_lists_become_columns_when_that_is_stated(read_bytes: Read) -> None:
    found = read_bytes(b"<a><b><c>1</c><c>2</c></b><b><c>3</c></b></a>", nested="all")
    assert found.rows == [{"c.0": 1, "c.1": 2, "c": None}, {"c.0": None, "c.1": None, "c": 3}]


@pytest.mark.parametrize("content", [BILLION, OUTSIDE, OUTSIDE_DTD], ids=["billion laughs", "file", "dtd"])
def test_xml_that_declares_entities_is_not_read(read_bytes: Read, content: bytes) -> None:
    """A33."""
    refusal = read_bytes(content).refusal
    assert refusal is not None
    assert refusal.code == "unsafe_xml"


def test_broken_and_deep_xml_is_refused_with_its_line(read_bytes: Read) -> None:
    broken = read_bytes(b"<a>\n<b>1</b>\n<b>2</c>\n</a>").refusal
    assert broken is not None
    assert "breaks in line 3" in broken.text
    deep = read_bytes(b"<a>" * 200_000).refusal
    assert deep is not None
    assert deep.code == "nested"
    cut = read_bytes(b"<a><b>1</b><b>2").refusal
    assert cut is not None
    assert cut.code == "xml"
    odd = read_bytes(b'<?xml version="1.0" encoding="klingon"?><a><b/></a>').refusal
    assert odd is not None


def test_the_largest_table_of_a_page_is_read_and_another_can_be_chosen(read_bytes: Read) -> None:
    page = (
        b"<!DOCTYPE html><html><body><table><tr><td>menu</td></tr></table>"
        b"<table><thead><tr><th>id</th><th>name</th></tr></thead><tbody>"
        b"<tr><td>007</td><td>A&amp;B<br>C</td></tr><tr><td>8</td><td></td></tr></tbody></table></body></html>"
    )
    found = read_bytes(page)
    assert found.guess("table") == "2"
    assert found.rows == [{"id": "007", "name": "A&B C"}, {"id": "8", "name": None}]
    assert found.report["choices"]["table"] == ["1", "2"]
    assert read_bytes(page, table="1", header="no").rows == [{"column_1": "menu"}]
    refusal = read_bytes(page, table="3").refusal
    assert refusal is not None
    assert "table" in refusal.fields


def test_cells_that_span_stand_in_each_row_and_column(read_bytes: Read) -> None:
    found = read_bytes(
        b"<table><tr><th>a<th>b<th>c</tr><tr><td rowspan=2>1<td colspan=2>x</tr><tr><td>y<td>z</tr></table>"
    )
    assert found.rows == [{"a": 1, "b": "x", "c": "x"}, {"a": 1, "b": "y", "c": "z"}]


def test_a_row_of_another_width_is_refused_by_its_line(read_bytes: Read) -> None:
    rows = b"".join(b"<tr><td>%d</td><td>x</td></tr>\n" % i for i in range(9))
    found = read_bytes(b"<table><tr><th>n</th><th>t</th></tr>\n" + rows + b"<tr><td>alone</td></tr></table>")
    assert found.refused == [(11, "it has 1 cell where 2 are expected")]


def test_spans_that_explode_are_refused(read_bytes: Read) -> None:
    wide = read_bytes(b"<table><tr>" + b"<td colspan=2000>x" * 3 + b"</tr></table>").refusal
    assert wide is not None
    assert wide.code == "too_many_columns"
    nothing = read_bytes(b"<html><body><p>no table</p></body></html>").refusal
    assert nothing is not None
    assert nothing.code == "unknown_format"


@pytest.mark.parametrize(
    "piece", [b"<", b"<!--", b"<a ", b'<a b="', b"<![CDATA[", b"<!a ", b"</", b"<?", b"<script>", b"&#x", b"<table>"]
)
def test_pages_that_never_end_what_they_begin_are_refused_in_straight_time(read_bytes: Read, piece: bytes) -> None:
    begun = time.process_time()
    refusal = read_bytes(b"<html>" + piece * (400_000 // len(piece))).refusal
    assert refusal is not None
    assert refusal.code in ("html", "unknown_format", "too_many_tables")
    assert time.process_time() - begun < 20
