"""The practice without a model: row by row it equals a plain reference and never raises; whole columns answer the same."""

import math
from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments import baselines, uplift
from projects.baselines import OPS, make

odd = (
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats()
    | st.text(max_size=6)
    | st.dates()
    | st.datetimes()
    | st.lists(st.integers(), max_size=2)
    | st.dictionaries(st.text(max_size=2), st.integers(), max_size=1)
)
typed = st.text(max_size=8) | st.sampled_from(["12", "12.0", "-3", "1e400", "nan", "true", "YES", "2026-01-31", ""])


@settings(deadline=None)
@given(odd, st.sampled_from([*OPS]), typed)
def test_a_condition_never_raises_whatever_a_row_holds(value: Any, op: str, wanted: str) -> None:
    assert baselines.compare(value, op, wanted) in (True, False)


@settings(deadline=None)
@given(st.sampled_from(["constant", "rule", "last_value", "column"]), st.dictionaries(st.sampled_from("abc"), odd))
def test_a_row_gets_an_answer_or_none(kind: str, row: dict[str, Any]) -> None:
    sent = {"answer": "yes", "column": "a", "conditions": [{"column": "b", "op": "<", "value": "3"}]}
    for question, answers in (("binary", ("yes", "no")), ("regression", None)):
        given_ = sent | ({"answer": "3", "otherwise": "4"} if question == "regression" else {})
        spec, _ = make(kind, question, given_)
        assert spec is not None
        found = baselines.answer(spec, row, question, "ja")
        assert found is None or (found in answers if answers else math.isfinite(found))


@settings(deadline=None)
@given(
    st.integers(-100, 100) | st.floats(-100, 100),
    st.integers(-100, 100),
    st.sampled_from(["<", "<=", ">", ">=", "=", "!="]),
)
def test_numbers_compare_as_in_plain_python(value: float, wanted: int, op: str) -> None:
    plain = {
        "<": value < wanted,
        "<=": value <= wanted,
        ">": value > wanted,
        ">=": value >= wanted,
        "=": value == wanted,
        "!=": value != wanted,
    }[op]
    assert baselines.compare(value, op, str(wanted)) == plain
    assert baselines.compare(value, op, f"{wanted}.0") == plain


@settings(deadline=None)
@given(st.dates(), st.dates(), st.sampled_from(["<", ">="]))
def test_dates_compare_by_day_and_as_text_alike(value: date, wanted: date, op: str) -> None:
    plain = value < wanted if op == "<" else value >= wanted
    assert baselines.compare(value, op, wanted.isoformat()) == plain
    assert baselines.compare(value.isoformat(), op, wanted.isoformat()) == plain
    assert baselines.compare(datetime(value.year, value.month, value.day), op, wanted.isoformat()) == plain


@pytest.mark.parametrize(
    ("value", "op", "wanted", "holds"),
    [
        ("flex", "=", "flex", True),
        ("flex", "!=", "year", True),
        ("flex", "<", "year", False),
        ("flex", "<", "3", False),
        (None, "=", "flex", False),
        (None, "!=", "flex", False),
        (float("nan"), ">", "0", False),
        (None, "empty", "", True),
        ("", "empty", "", True),
        ("x", "filled", "", True),
        (True, "=", "TRUE", True),
        (False, "=", "true", False),
        (3, ">", "2", True),
    ],
)
def test_conditions_say_what_people_mean(value: Any, op: str, wanted: str, holds: bool) -> None:
    assert baselines.compare(value, op, wanted) is holds


conditions = st.lists(
    st.fixed_dictionaries(
        {
            "column": st.sampled_from(["months", "plan", "since", "paper"]),
            "op": st.sampled_from([*OPS]),
            "value": st.sampled_from(["12", "flex", "2026-01-31", "true", "0.5"]),
        }
    ),
    min_size=1,
    max_size=4,
)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "months": st.none() | st.floats(-50, 50),
            "plan": st.none() | st.sampled_from(["flex", "year", "12", ""]),
            "since": st.none() | st.dates(date(2025, 1, 1), date(2027, 1, 1)),
            "paper": st.none() | st.booleans(),
        }
    ),
    min_size=1,
    max_size=40,
)
SCHEMA = pa.schema([("months", pa.float64()), ("plan", pa.string()), ("since", pa.date32()), ("paper", pa.bool_())])


@settings(deadline=None)
@given(conditions, st.sampled_from(["and", "or"]), rows)
def test_whole_columns_answer_as_single_rows_do(lines: Any, join: str, held: Any) -> None:
    spec, wrong = make("rule", "binary", {"conditions": lines, "join": join})
    assert spec is not None, wrong
    table = pa.Table.from_pylist(held, SCHEMA)
    batched = pa.Table.from_batches(
        [piece for batch in table.to_batches() for piece in (batch[:3], batch[3:]) if piece.num_rows]
    )
    by_column = uplift.by_batch(spec, batched, "binary", "yes")
    one_by_one = [uplift.as_value(baselines.answer(spec, row, "binary", "yes")) for row in held]
    assert by_column.tolist() == one_by_one


@settings(deadline=None)
@given(st.lists(st.none() | st.sampled_from(["ja", "nein", "yes", "no", "1", ""]), min_size=1, max_size=30))
def test_an_answer_column_is_read_the_same_way_in_both(held: Any) -> None:
    spec, _ = make("column", "binary", {"column": "plan"})
    assert spec is not None
    found = uplift.by_batch(spec, pa.table({"plan": pa.array(held, pa.string())}), "binary", "ja")
    single = [uplift.as_value(baselines.answer(spec, {"plan": value}, "binary", "ja")) for value in held]
    np.testing.assert_array_equal(found, np.array(single))
