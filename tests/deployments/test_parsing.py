"""The body of a prediction request."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.serving.parsing import json_of, rows_of
from problems.problem import Problem

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=10), inner, max_size=5),
    max_leaves=30,
)


def read(body):
    """The rows, or the refusal's status and sentence."""
    try:
        return rows_of(body), 0, ""
    except Problem as refusal:
        return None, refusal.status, refusal.text


@settings(deadline=None)
@given(st.binary(max_size=400) | JSON.map(lambda data: json.dumps(data).encode()))
def test_any_body_is_read_or_refused_with_a_sentence(body):
    rows, status, text = read(body)
    if rows is None:
        assert 400 <= status < 500
        assert text
    else:
        assert rows
        assert all(isinstance(row, dict) for row in rows)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[" * 200_000, 400),
        (b'{"row":' + b'{"a":' * 200_000 + b"1" + b"}" * 200_000 + b"}", 400),
        (b'{"row": {"extra": ' + b"[" * 100 + b"]" * 100 + b"}}", 400),
        (b'{"row": {"a": 1e999}}', 400),
        (b'{"row": {"a": ' + b"9" * 5000 + b"}}", 400),
        (b'{"row": {"a": NaN}}', 400),
        (b'{"row": {"a": Infinity}}', 400),
        (b'{"row": {"a": "\\ud800"}}', 400),
        (b'{"row": {"a": "\\u0000"}}', 400),
        (b'{"row": {"\\u0000": 1}}', 400),
        (b'\xef\xbb\xbf{"row": {}}', 400),
        ('{"row": {}}'.encode("utf-16"), 400),
        (b'{"row": {"a": "' + b"x" * 6_000_000 + b'"}}', 413),
        (json.dumps({"rows": [{}] * 10_001}).encode(), 413),
        (b'{"rows": []}', 422),
        (b'{"rows": {}}', 422),
        (b'{"rows": [{}, 3]}', 422),
        (b'{"row": {}, "rows": [{}]}', 422),
        (b'{"row": {}, "mode": "fast"}', 422),
        (b'"row"', 422),
        (b"[]", 422),
        (b"{}", 422),
    ],
)
def test_what_is_refused_and_how(body, status):
    """A54, F50."""
    with pytest.raises(Problem) as refusal:
        rows_of(body)
    assert refusal.value.status == status


def test_text_that_only_looks_like_the_nul_escape_is_text():
    assert rows_of(b'{"row": {"a": "\\\\u0000"}}') == [{"a": "\\u0000"}]


def test_the_last_of_repeated_names_wins():
    assert rows_of(b'{"row": {"a": 1, "a": 2}}') == [{"a": 2}]


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b'{"a": [NaN, 1]}', {"a": [None, 1]}),
        (b'{"NaN": "is \\" NaN", "b": NaN}', {"NaN": 'is " NaN', "b": None}),
        (b'{"a": -NaN}', None),
        (b'{"a": NaNs}', None),
        (b'{"a": NaN, "b": Infinity}', None),
        (b'{"a": NaN, "b": "', None),
        (b'{"a": NaN, "b": "\\', None),
        (b'{"a": NaN, "b": "\\ud800"}', None),
        (b"NaN" + b'"\\' * 2_000_000, None),
    ],
)
def test_nan_is_a_gap_where_a_protocol_has_it_so_and_only_outside_of_texts(body, wanted):
    began = time.monotonic()
    if wanted is None:
        with pytest.raises(Problem) as refusal:
            json_of(body, nan_is_gap=True)
        assert refusal.value.status == 400
    else:
        assert json_of(body, nan_is_gap=True) == wanted
    assert time.monotonic() - began < 5  # one look, however the quotes stand
    with pytest.raises(Problem):
        json_of(body)
