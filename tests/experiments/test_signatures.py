"""Rows are checked against a signature: types, gaps, unseen words, extra fields."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.moments import days
from experiments.signatures import check_rows, extra_fields, unknown_count, word


def _field(name: str, kind: str, nullable: bool = False, categories: list[str] | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "type": kind,
        "nullable": nullable,
        "categories": categories,
        "min": None,
        "max": None,
        "example": None,
    }


SIGNATURE = {
    "inputs": [
        _field("age", "integer"),
        _field("price", "number", nullable=True),
        _field("plan", "text", categories=["a", "b"]),
        _field("senior", "boolean", categories=["false", "true"]),
        _field("since", "date", nullable=True),
        _field("seen", "datetime", nullable=True),
    ]
}
GOOD = {"age": 3, "price": 1.5, "plan": "a", "senior": True, "since": "2026-11-18", "seen": "2026-11-18T09:30:00Z"}


def test_a_good_row_passes_in_the_models_order_without_extras() -> None:
    clean, errors = check_rows(SIGNATURE, [{"extra": 1} | GOOD])
    assert errors == []
    assert clean == [GOOD]
    assert list(clean[0]) == [field["name"] for field in SIGNATURE["inputs"]]
    assert extra_fields(SIGNATURE, {"extra": 1} | GOOD) == ["extra"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("age", "3"),
        ("age", True),
        ("age", 3.5),
        ("age", math.nan),
        ("age", 10**400),
        ("age", [3]),
        ("age", None),
        ("price", "1.5"),
        ("price", math.inf),
        ("price", 1e31),
        ("price", False),
        ("plan", 3),
        ("plan", None),
        ("plan", "x" * 10_001),
        ("plan", "a\x00b"),
        ("senior", 1),
        ("senior", "true"),
        ("since", "18.11.2026"),
        ("since", "2026-13-01"),
        ("since", 20261118),
        ("since", "2026-11-18T09:30:00"),
        ("seen", "yesterday"),
        ("seen", {"at": 1}),
    ],
)
def test_a_wrong_value_names_its_row_and_field(field: str, value: Any) -> None:
    clean, errors = check_rows(SIGNATURE, [GOOD, GOOD | {field: value}])
    assert clean == [GOOD]
    [error] = errors
    assert (error["row"], error["field"]) == (1, field)
    assert error["message"]


def test_a_missing_field_is_an_error_unless_it_may_be_null() -> None:
    clean, errors = check_rows(SIGNATURE, [{"age": 1, "senior": False}])
    assert clean == []
    assert [(error["field"], error["message"]) for error in errors] == [("plan", "is missing")]
    [row], _ = check_rows(SIGNATURE, [{"age": 1, "senior": False, "plan": "b"}])
    assert row["price"] is None


def test_unseen_words_are_allowed_and_counted() -> None:
    [row], errors = check_rows(SIGNATURE, [GOOD | {"plan": "never seen"}])
    assert errors == []
    assert unknown_count(SIGNATURE, row) == 1
    assert unknown_count(SIGNATURE, GOOD) == 0


def test_text_none_is_a_word_and_not_a_gap() -> None:
    [row], _ = check_rows(SIGNATURE, [GOOD | {"plan": "None"}])
    assert unknown_count(SIGNATURE, row) == 1


@given(st.lists(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists)))
def test_no_json_breaks_the_check(rows: list[Any]) -> None:
    clean, errors = check_rows(SIGNATURE, rows)
    assert clean == []
    assert len(errors) == len(rows)


@given(
    st.dictionaries(
        st.sampled_from([*GOOD, "other"]), st.none() | st.booleans() | st.floats() | st.integers() | st.text()
    )
)
def test_no_row_breaks_the_check(row: dict[str, Any]) -> None:
    clean, errors = check_rows(SIGNATURE, [row])
    assert len(clean) == (0 if errors else 1)


def test_words_are_the_same_from_every_source() -> None:
    assert [word(value) for value in (True, 1, 1.0, 1.5, "1", "Yes")] == ["true", "1", "1", "1.5", "1", "Yes"]


def test_times_with_a_zone_are_read_as_utc() -> None:
    assert days("2026-11-18T02:00:00+02:00") == days("2026-11-18T00:00:00Z") == days("2026-11-18")
    assert days("0001-01-01T00:00:00+14:00") is None
