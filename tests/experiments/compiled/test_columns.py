"""Plain rows are read column by column, with the same result as the slow way; anything else is left to it."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from experiments.compiled.columns import Reader, of_matrix
from experiments.matrices import from_rows, layout_of
from experiments.signatures import check_rows

FIELDS = [
    {"name": "count", "type": "integer", "nullable": False},
    {"name": "price", "type": "number", "nullable": True},
    {"name": "plan", "type": "text", "nullable": True},
    {"name": "senior", "type": "boolean", "nullable": True},
    {"name": "since", "type": "date", "nullable": True},
    {"name": "seen", "type": "datetime", "nullable": False},
]
SIGNATURE = {"inputs": FIELDS}
LAYOUT = layout_of(FIELDS)
READER = Reader(SIGNATURE)
GOOD = {
    "count": st.integers(-(10**6), 10**6),
    "price": st.none() | st.floats(-1e30, 1e30) | st.integers(-5, 5),
    "plan": st.none() | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=5),
    "senior": st.none() | st.booleans(),
    "since": st.none() | st.dates().map(str),
    "seen": st.datetimes().map(lambda moment: moment.isoformat()),
}
ODD = st.sampled_from(
    [None, True, 1, 1.5, 1e31, float("inf"), float("nan"), 10**400, "1", "\x00", "x" * 10_001, [], {}]
)


@given(st.lists(st.fixed_dictionaries(GOOD), min_size=1, max_size=6))
def test_rows_that_fit_are_read_as_the_slow_way_reads_them(rows: list[dict[str, Any]]) -> None:
    taken = READER.read(rows)
    clean, errors = check_rows(SIGNATURE, rows)
    assert not errors
    assert taken is not None
    assert READER.read([{key: part for key, part in row.items() if part is not None} for row in rows]) is not None
    assert [dict(zip(READER.names, values, strict=True)) for values in zip(*taken.values, strict=True)] == clean
    wanted = of_matrix(from_rows(clean, LAYOUT), LAYOUT)
    np.testing.assert_array_equal(taken.columns.numbers, wanted.numbers)
    assert taken.columns.words == wanted.words


@given(st.lists(st.fixed_dictionaries(GOOD), min_size=1, max_size=3), st.sampled_from(sorted(GOOD)), ODD)
def test_nothing_that_the_slow_way_refuses_is_read(rows: list[dict[str, Any]], name: str, value: Any) -> None:
    wrong = [*rows, rows[0] | {name: value}, {key: part for key, part in rows[0].items() if key != name}]
    for asked in (wrong[:-1], [*rows, wrong[-1]]):
        if check_rows(SIGNATURE, asked)[1]:
            assert READER.read(asked) is None
