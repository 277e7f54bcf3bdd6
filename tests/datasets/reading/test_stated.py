"""What a person states about a file: quotes, lines around the table, types of columns; a cell that does not fit is named."""

from datetime import date

import openpyxl
import pytest

from tests.datasets.reading.conftest import Read
from tests.datasets.reading.test_other_formats import sheet

CSV = b"id,code,day,n\n1,7,2026-01-02,1.5\n2,8,2026-01-03,2\n"


def test_a_stated_type_holds_for_the_whole_column(read_bytes: Read) -> None:
    found = read_bytes(CSV, types={"id": "number", "code": "text", "day": "text"})
    assert found.types == {"id": "number", "code": "text", "day": "text", "n": "number"}
    assert found.rows[0] == {"id": 1.0, "code": "7", "day": "2026-01-02", "n": 1.5}


@pytest.mark.parametrize(
    ("content", "kind"),
    [(CSV, "integer"), (b'[{"n": 1}, {"n": 1.5}]', "integer"), (b"<a><b n='1'/><b n='1.5'/></a>", "date")],
)
def test_a_cell_that_does_not_fit_its_stated_type_is_named(read_bytes: Read, content: bytes, kind: str) -> None:
    refusal = read_bytes(content, types={"n": kind}).refusal
    assert refusal is not None
    assert (refusal.code, set(refusal.fields)) == ("type_misfit", {"types"})
    assert "Column “n”" in refusal.text
    assert "row" in refusal.text


def test_a_misfit_deep_in_a_column_is_found_by_its_row(read_bytes: Read) -> None:
    content = b"a\n" + b"1\n" * 70_000 + b"x\n" + b"1\n" * 100
    refusal = read_bytes(content, types={"a": "integer"}, header="yes").refusal
    assert refusal is not None
    assert refusal.facts["row"] == 70_001
    assert "“x”" in refusal.text


def test_typed_formats_take_stated_types_too(read_bytes: Read) -> None:
    book = sheet(["id", "code", "day"], [1, 7, date(2026, 1, 2)], [2, 8, date(2026, 1, 3)])
    found = read_bytes(book, types={"code": "text", "id": "number", "day": "text"})
    assert found.rows[0] == {"id": 1.0, "code": "7", "day": "2026-01-02"}


def test_a_type_for_a_column_that_is_not_there_is_refused(read_bytes: Read) -> None:
    for content in (CSV, b'[{"a": 1}]'):
        refusal = read_bytes(content, types={"nope": "text"}).refusal
        assert refusal is not None
        assert refusal.code == "unknown_column"


def test_quotes_can_be_text(read_bytes: Read) -> None:
    content = b'size,name\n3" pipe,a\n"5",b\n'
    assert read_bytes(content, quote="none").rows == [{"size": '3" pipe', "name": "a"}, {"size": '"5"', "name": "b"}]
    found = read_bytes(b"a,b\n'x,y',1\n'z',2\n", quote="single")
    assert found.rows[0] == {"a": "x,y", "b": 1}


def test_lines_around_the_table_are_left_out_and_told(read_bytes: Read) -> None:
    content = b"Report of May\nmade by hand\n\nid,n\n1,2\n3,4\n4,\n\nTotal,6\n\n"
    found = read_bytes(content, preamble="3", summary_rows="1")
    assert found.rows == [{"id": 1, "n": 2}, {"id": 3, "n": 4}, {"id": 4, "n": None}]
    told = {guess["what"]: guess["text"] for guess in found.report["guesses"]}
    assert "“Report of May made by hand" in told["preamble"]
    assert "“Total,6" in told["summary_rows"]
    refused = read_bytes(content.replace(b"3,4\n", b"3,4,5\n" + b"3,4\n" * 9), preamble="3", summary_rows="1")
    assert refused.refused[0][0] == 6


def test_more_lines_than_there_are_is_refused(read_bytes: Read) -> None:
    refusal = read_bytes(CSV, preamble="40").refusal
    assert refusal is not None
    assert "preamble" in refusal.fields


def test_a_sheet_is_chosen_and_its_edges_cut(read_bytes: Read) -> None:
    import io

    book = openpyxl.Workbook()
    first = book.active
    assert first is not None
    first.append(["only", "this"])
    second = book.create_sheet("Numbers")
    for row in (["Report"], ["id", "n"], [1, 2], [3, 4], ["Total", 6]):
        second.append(row)
    place = io.BytesIO()
    book.save(place)
    found = read_bytes(place.getvalue(), sheet="Numbers", preamble=1, summary_rows=1)
    assert found.rows == [{"id": 1, "n": 2}, {"id": 3, "n": 4}]
    refusal = read_bytes(place.getvalue(), sheet="Other").refusal
    assert refusal is not None
    assert "It has: Sheet, Numbers" in refusal.text


def test_nested_json_follows_the_stated_rule(read_bytes: Read) -> None:
    content = b'{"page": 1, "data": {"items": [{"a": {"b": [1, 2]}}, {"a": {"b": []}}]}}'
    found = read_bytes(content, format="json")
    assert found.guess("records") == "data.items"
    assert found.rows == [{"a.b": "[1, 2]"}, {"a.b": "[]"}]
    assert read_bytes(content, format="json", nested="all").rows[0] == {"a.b.0": 1, "a.b.1": 2, "a.b": None}
    assert read_bytes(content, format="json", nested="text").rows[1] == {"a": '{"b": []}'}
    refusal = read_bytes(content, format="json", records="nowhere").refusal
    assert refusal is not None
    assert "data.items" in refusal.text


def test_what_was_stated_in_vain_is_told(read_bytes: Read) -> None:
    found = read_bytes(b'[{"a": 1}]', delimiter="comma", preamble="0")
    assert found.report["notes"][0].startswith("Stated, but without meaning for this format: delimiter")


@pytest.mark.parametrize(
    "wrong",
    [
        {"preamble": "x"},
        {"preamble": "99999"},
        {"types": ["a"]},
        {"types": {"a": "complex"}},
        {"sheet": "x" * 2000},
        {"pattern": "custom"},
        {"quote": []},
    ],
)
def test_wrong_options_are_refused_beside_their_field(read_bytes: Read, wrong: dict[str, object]) -> None:
    refusal = read_bytes(CSV, **wrong).refusal
    assert refusal is not None
    assert set(refusal.fields) <= {*wrong, "regex"}
