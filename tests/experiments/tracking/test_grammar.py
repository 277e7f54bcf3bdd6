"""The protocol's filters, orders, keys, places and page tokens, without a database."""

import base64
import contextlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.tracking import grammar, wire
from experiments.tracking.grammar import RUNS, Clause, order_of, parse
from experiments.tracking.matching import Facts, holds, like, sorted_by
from experiments.tracking.wire import Asked, Refused


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("", []),
        ("metrics.acc > 0.9", [Clause("metrics", "acc", ">", 0.9)]),
        ("metric.`a b` <= -1e-3", [Clause("metrics", "a b", "<=", -1e-3)]),
        ("""params."x.y" = 'it''s' AND tag.team ILIKE "a%" """, [Clause("params", "x.y", "=", "it's"), Clause("tags", "team", "ILIKE", "a%")]),
        ("tags.mlflow.source.name != 'x'", [Clause("tags", "mlflow.source.name", "!=", "x")]),
        ("parameter.p is  not null and attr.status = 'FAILED'", [Clause("params", "p", "IS NOT NULL"), Clause("", "status", "=", "FAILED")]),
        ("run_id not in ('a','b')", [Clause("", "run_id", "NOT IN", ("a", "b"))]),
        ("dataset.name IN ('a') AND Created > 5", [Clause("datasets", "name", "IN", ("a",)), Clause("", "start_time", ">", 5.0)]),
    ],
)  # fmt: skip
def test_a_filter_is_read(text: str, clauses: list[Clause]) -> None:
    assert parse(text, RUNS) == clauses


@pytest.mark.parametrize(
    "text",
    [
        "metrics.a > 'x'", "params.p = 5", "params.p > 'a'", "params.p IN ('a')", "metrics.a LIKE 'x'", "a = 1",
        "metrics.a > 1 OR metrics.b > 2", "(metrics.a > 1)", "nope.a = 1", "metrics.a >", "metrics.a", "AND",
        "metrics.a > 1 AND", "status = 'x", "run_id IN ()", "run_id IN 'a'", "metrics. > 1", "duration > 1",
        "datasets.size = 'a'", "start_time = '5'", "metrics.a > 1 metrics.b > 2", "status IN ('FINISHED')",
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_as_a_bad_value(text: str) -> None:
    with pytest.raises(Refused) as refused:
        parse(text, RUNS)
    assert (refused.value.code, refused.value.status) == (wire.INVALID, 400)


PIECES = st.sampled_from(
    ["metrics.a", "params.`x y`", "tags.t", "status", "run_id", "dataset.name", " AND ", " or ", "(", ")", "=", "!=", "<",
     " LIKE ", " IN ", " IS NULL", "'a'", '"b"', "0.5", "-1e9", "`", "'", "\\", "%", ",", " ", "\x00", "NaN", "ü"]
)  # fmt: skip


ALL = [RUNS, grammar.EXPERIMENTS, grammar.MODELS, grammar.NAMES, grammar.VERSIONS]


@given(st.one_of(st.text(max_size=40), st.lists(PIECES, max_size=10).map("".join)), st.sampled_from(ALL))
def test_no_text_breaks_the_reader(text: str, one: grammar.Grammar) -> None:
    for read in (lambda: parse(text, one), lambda: order_of([text], one)):
        with contextlib.suppress(Refused):
            read()


def test_an_order_is_read() -> None:
    found = order_of(["metrics.a DESC", "attributes.start_time", "tags.`x y` asc", "Created desc"], RUNS)
    expected = [("metrics", "a", True), ("", "start_time", False), ("tags", "x y", False), ("", "start_time", True)]
    assert found == expected
    for bad in ("duration", "metrics.a DOWN", "", "datasets.name", "x.y"):
        with pytest.raises(Refused):
            order_of([bad], RUNS)


@given(st.text(max_size=8), st.text("ab%_*?[].", max_size=8))
def test_like_is_what_sql_means(text: str, pattern: str) -> None:
    def slow(left: str, right: str) -> bool:
        if not right:
            return not left
        if right[0] == "%":
            return any(slow(left[place:], right[1:]) for place in range(len(left) + 1))
        return bool(left) and (right[0] in ("_", left[0])) and slow(left[1:], right[1:])

    assert (like(pattern, exact=True).fullmatch(text) is not None) == slow(text, pattern)


def test_what_is_absent_is_not_other_unless_the_registry_asks() -> None:
    clause, facts = Clause("tags", "t", "!=", "x"), Facts({}, {"tags": {}})
    assert not holds(clause, facts)
    assert holds(clause, facts, absent_differs=True)
    assert not holds(Clause("metrics", "m", "!=", 1.0), Facts({}, {"metrics": {"m": math.nan}}))


def test_nothing_and_not_a_number_come_last_either_way() -> None:
    rows = [(Facts({"n": value}), value) for value in (2, None, math.nan, 1)]
    for falling, first in ((False, [1, 2]), (True, [2, 1])):
        assert [value for _, value in sorted_by(rows, [("", "n", falling)])][:2] == first


@pytest.mark.parametrize("key", ["", "a" * 251, "a//b", "./a", "/a", "../a", "a/./b", "a\nb", "a$b", "a/.."])
def test_a_key_that_could_be_a_path_is_refused(key: str) -> None:
    with pytest.raises(Refused):
        wire.checked_key(key, "key")


@pytest.mark.parametrize("key", ["a", "a.b-c_d e/f:g", "val/loss", "ü", "a" * 250, "...a"])
def test_keys_that_clients_use_are_taken(key: str) -> None:
    assert wire.checked_key(key, "key") == key


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "a/../b",
        "/x",
        "C:/x",
        "a\\b",
        "a#b",
        "%2e%2e/x",
        "%252e%252e/x",
        "a/%2e%2e%2fb",
        "%2fx",
        "a//b",
        "a/./b",
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(Refused, match="Invalid path"):
        wire.artifact_path(path)


def test_ordinary_paths_are_kept() -> None:
    for path in ("0/a/artifacts/ü file (1).txt", "a..b", "50%", "x/..y"):
        assert wire.artifact_path(path) == path


def test_a_page_token_belongs_to_its_question() -> None:
    token = wire.token_of(7, ["runs", "a"])
    assert wire.offset_of(token, ["runs", "a"]) == 7
    foreign = base64.b64encode(json.dumps({"offset": 5}).encode()).decode()
    for bad in (token, foreign, "5", "ü", "!!", base64.b64encode(b"[-1, 2]").decode(), "[" * 50):
        with pytest.raises(Refused):
            wire.offset_of(bad, ["runs", "b"])


@given(st.text(max_size=40))
def test_no_text_breaks_a_page_token(text: str) -> None:
    try:
        assert wire.offset_of(text, "x") == 0
    except Refused:
        pass


def test_numbers_are_taken_as_the_protocol_writes_them() -> None:
    assert wire.number("0.5", "v") == 0.5
    assert math.isnan(wire.number("NaN", "v"))
    assert wire.number("-Infinity", "v") == -math.inf
    assert wire.whole("-9223372036854775807", "s") == -(2**63) + 1
    for bad in (True, None, "x", [], 10**400):
        with pytest.raises(Refused):
            wire.number(bad, "v")
    for bad in (True, 1.5, "1.5", 2**63, "x"):
        with pytest.raises(Refused):
            wire.whole(bad, "s")


def test_what_one_request_may_log() -> None:
    wire.check_batch(800, 100, 100)
    for counts, word in (
        ((1001, 0, 0), "metrics"),
        ((0, 101, 0), "params"),
        ((0, 0, 101), "tags"),
        ((900, 51, 50), "total"),
    ):
        with pytest.raises(Refused, match=word):
            wire.check_batch(*counts)
    row = Asked({"key": "a", "value": "1"})
    assert wire.params_of([row, row]) == {"a": "1"}
    with pytest.raises(Refused, match="Changing param values is not allowed"):
        wire.params_of([row, Asked({"key": "a", "value": "2"})])
    assert len(wire.params_of([Asked({"key": "a", "value": "x" * 6001})])["a"]) == 6000
