"""Every kind of rule on small tables: its sentence, its verdict, the rows that break it; one scan for all of them."""

import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.profiling import summary
from datasets.quality import engine
from datasets.quality.catalog import RULES, stated
from datasets.quality.promises import broken_columns, fingerprint
from datasets.quality.suggestions import suggested
from datasets.recipes.database import Database
from jobs.report import Silent
from problems.problem import Invalid
from storage import tables
from tests.datasets.recipes.kitchen import EVERYTHING, ROWS, stored

NOW = "2026-02-03T12:00:00+00:00"
Rules = Sequence[tuple[str, Mapping[str, Any]]]
OTHER = ([{"k": 1}, {"k": None}], [{"name": "k", "type": "integer"}])
GOOD: dict[str, dict[str, Any]] = {
    "not_missing": {"columns": ["n", "t"]},
    "unique": {"columns": ["n", "d"]},
    "in_set": {"column": "t", "values": ["a"]},
    "in_range": {"column": "x", "low": 0, "high": "50"},
    "pattern": {"column": "t", "pattern": "[a-z]|bb"},
    "reference": {"column": "n", "dataset": "other", "other": "k"},
    "row_count": {"low": 1, "high": 10},
    "freshness": {"column": "m", "days": 2},
    "distribution": {"column": "n"},
    "formula": {"formula": "n < 2 or b"},
}


def judge(
    rules: Rules,
    rows: Sequence[Mapping[str, Any]] = ROWS,
    schema: list[dict[str, str]] = EVERYTHING,
    entry: Any = engine.check,
    **more: Any,
) -> dict[str, Any]:
    """The engine's answer, with the tables that `split` wrote in place of their names."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        spec = {
            "main": stored(rows, schema, folder),
            "others": {"other": stored(*OTHER, folder, "other0")},
            "now": NOW,
            "rules": [
                {"number": i + 1, "kind": kind, "params": dict(params)} for i, (kind, params) in enumerate(rules)
            ],
        }
        answer: dict[str, Any] = entry(spec | more, folder, Silent())
        for name in ("bad", "table"):
            if name in answer:
                answer[name] = tables.read(folder / answer[name]).to_pylist()
    json.dumps(answer, default=str, allow_nan=False)
    return answer


def one(kind: str, rows: Sequence[Mapping[str, Any]] = ROWS, schema: Any = EVERYTHING, **params: Any) -> dict[str, Any]:
    found: dict[str, Any] = judge([(kind, params)], rows, schema)["results"][0]
    return found


def column(kind: str, cells: Sequence[Any], type_of: str, /, **params: Any) -> Any:
    """How many cells of one column break the rule, or the verdict where rows are not counted."""
    named = {"columns": ["v"]} if kind in ("not_missing", "unique") else {"column": "v"}
    found = one(kind, [{"v": value} for value in cells], [{"name": "v", "type": type_of}], **named, **params)
    return found["failed"] if found["verdict"] != "unchecked" else found["measured"]


def test_every_kind_reads_its_own_words_says_a_sentence_and_is_judged_on_an_empty_table_too() -> None:
    assert set(GOOD) == set(RULES)
    for kind, params in GOOD.items():
        said = stated(kind, params)
        assert said.sentence.endswith(".")
        assert len(said.sentence) > 10
        assert stated(kind, json.loads(json.dumps(dict(said.params)))).params == said.params
        for field in said.rule.fields:
            assert field.label
    empty = judge(list(GOOD.items()), rows=[])
    verdicts = {kind: found["verdict"] for kind, found in zip(GOOD, empty["results"], strict=True)}
    assert {kind for kind, verdict in verdicts.items() if verdict == "passed"} == set(GOOD) - {"row_count", "freshness"}
    assert (verdicts["row_count"], verdicts["freshness"]) == ("failed", "unchecked")


def test_all_rules_of_a_version_are_one_query_and_only_two_kinds_need_their_own(monkeypatch: Any) -> None:
    asked: list[str] = []
    real = Database.ask
    monkeypatch.setattr(Database, "ask", lambda self, table: asked.append(str(table)) or real(self, table))  # type: ignore[func-returns-value]
    passing: Rules = [
        ("not_missing", {"columns": ["n"], "allowed": 50}),
        ("in_range", {"column": "x", "low": -5}),
        ("in_set", {"column": "t", "values": ["a", "B"]}),
        ("pattern", {"column": "t", "pattern": "[aB]"}),
        ("row_count", {"low": 1}),
        ("freshness", {"column": "m", "days": 90}),
        ("formula", {"formula": "n > 0"}),
        ("distribution", {"column": "n"}),
    ]
    assert {found["verdict"] for found in judge(passing)["results"]} == {"passed"}
    assert len(asked) == 1
    judge([*passing, ("unique", {"columns": ["n", "t", "x"]}), ("reference", {**GOOD["reference"], "allowed": 100})])
    assert len(asked) == 1 + 3


def test_what_counts_as_missing_and_what_infinities_and_huge_numbers_do() -> None:
    nan, inf = math.nan, math.inf
    assert column("not_missing", [1.0, None, nan, inf], "number") == 2
    assert column("not_missing", ["", None, "NA"], "text") == 1
    assert column("in_range", [1.0, None, nan, inf, -inf], "number", low="0") == 3
    assert column("in_range", [1.0, None, nan, inf, -inf], "number", high="0") == 4
    assert column("in_range", [1.0, None, nan, inf, -inf], "number", low="0", high="1") == 3
    assert column("in_range", [2**53, 2**53 + 1, None], "integer", high=str(2**53)) == 1
    assert column("in_range", [2**53, 2**53 + 1, None], "integer", low="0.5", high=str(2**53)) == 1
    assert column("in_range", [1, 2, 3], "integer", low="1.5", high=3) == 1
    assert column("in_range", [date(2026, 1, 1), date(2025, 12, 31)], "date", low="2026-01-01") == 1
    assert column("in_set", [2**60, 2**60 + 1, None], "integer", values=[str(2**60)]) == 1
    assert column("in_set", ["it's", 'a"b', "a", None, "A"], "text", values=["it's", 'a"b', "a"]) == 1
    assert column("unique", [1, 1, 2, None, None], "integer") == 2
    assert column("unique", [nan, nan, 1.0], "number") == 2
    assert column("pattern", ["ab", "abc", "", None, "ab\n"], "text", pattern="ab|b") == 3
    assert column("pattern", ["a'; DROP TABLE main; --"], "text", pattern="x'y") == 1


def test_freshness_forgets_the_future_and_says_when_there_is_nothing() -> None:
    moments = [datetime(2026, 2, 2, 12, 0), datetime(2999, 1, 1), None]
    found = one("freshness", [{"v": at} for at in moments], [{"name": "v", "type": "datetime"}], column="v", days=1)
    assert (found["verdict"], found["measured"]) == ("passed", "the newest is 2026-02-02 12:00")
    assert one("freshness", column="d", days=2)["verdict"] == "failed"
    assert "holds no moment" in column("freshness", [datetime(2999, 1, 1)], "datetime", days=1)


def test_a_reference_finds_what_is_not_there() -> None:
    found = one("reference", **GOOD["reference"])
    assert (found["failed"], found["examples"]) == (2, {"columns": ["n"], "rows": [[2, 2], [4, 2]]})
    assert "a text, k of other a whole number" in one("reference", column="t", dataset="other", other="k")["measured"]
    assert "no published version" in one("reference", column="n", dataset="gone", other="k")["measured"]


def test_distribution_and_row_count_look_back() -> None:
    schema = [{"name": "v", "type": "text"}]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        profiles = []
        for i, share in enumerate((50, 10)):
            rows = [{"v": "a" if n < share else "b"} for n in range(100)]
            kept = stored(rows, schema, folder, f"t{i}")
            profiles.append(summary.profile(Path(kept["path"]), schema, folder, Silent()))
    more = {"profile": profiles[1], "before": profiles[0] | {"rows": 50}, "before_name": "t v1"}
    rules: Rules = [("distribution", {"column": "v"}), ("row_count", {"moves": 20}), ("row_count", {"moves": 2000})]
    moved, fewer, fine = judge(rules, [{"v": "a"}], schema, **more)["results"]
    assert (moved["verdict"], fewer["verdict"], fine["verdict"]) == ("failed", "failed", "passed")
    assert moved["measured"].startswith("moved by 0.")
    assert "50 in t v1" in fewer["measured"]


def test_a_column_that_went_or_a_value_that_no_type_holds_spoils_one_rule_only() -> None:
    rules: Rules = [
        ("not_missing", {"columns": ["gone"]}),
        ("formula", {"formula": 'day < date("2026-01-01")'}),
        ("in_range", {"column": "t", "low": 1}),
        ("row_count", {"low": 1}),
    ]
    found = judge(rules)["results"]
    assert [one["verdict"] for one in found] == ["unchecked", "unchecked", "unchecked", "passed"]
    assert "There is no column “gone”" in found[0]["measured"]


HOSTILE = [
    "1; DROP TABLE main",
    "read_csv('/etc/passwd') = 1",
    "__import__('os').system('id')",
    "n.__class__",
    "(select 1)",
    "'" * 3,
    "[" * 5000,
    "not " * 700,
    "(" * 100 + "n" + ")" * 100,
    "",
    "n",
    "n + 1",
    "unknown(n)",
    "missing_column = 1",
    "getenv('SECRET_KEY') = ''",
    "n = 1 union select 2",
    "pragma_version() = 1",
    "{{ 7*7 }}",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_formula_is_refused_or_could_not_be_checked(text: str) -> None:
    try:
        said = stated("formula", {"formula": text})
    except Invalid:
        return
    assert judge([("formula", dict(said.params))])["results"][0]["verdict"] == "unchecked"


def test_rows_that_break_a_rule_are_split_from_the_others_whole() -> None:
    rules: Rules = [
        ("unique", {"columns": ["n", "t"]}),
        ("formula", {"formula": "b"}),
        ("in_range", {"column": "x", "high": 50}),
    ]
    answer = judge(rules, entry=engine.split)
    assert (answer["rows"], answer["bad_rows"]) == (2, 2)
    assert answer["table"] == [ROWS[0], ROWS[2]]
    assert answer["bad"] == [ROWS[1], ROWS[3]]
    assert answer["profile"]["rows"] == 2


NUMBERS = st.lists(st.one_of(st.none(), st.integers(-5, 5), st.sampled_from([2**62, -(2**62)])), max_size=30)


@settings(max_examples=20, deadline=None)
@given(values=NUMBERS, low=st.integers(-4, 4), chosen=st.lists(st.integers(-5, 5), min_size=1, max_size=4))
def test_counts_agree_with_pandas(values: list[int | None], low: int, chosen: list[int]) -> None:
    series = pd.Series(values, dtype="Int64")
    there = series.dropna()
    expected = [
        int(series.isna().sum()),
        int(there.duplicated(keep=False).sum()),
        int((there < low).sum()),
        int((~there.isin(chosen)).sum()),
    ]
    rules: Rules = [
        ("not_missing", {"columns": ["v"]}),
        ("unique", {"columns": ["v"]}),
        ("in_range", {"column": "v", "low": low}),
        ("in_set", {"column": "v", "values": chosen}),
    ]
    answer = judge(rules, [{"v": value} for value in values], [{"name": "v", "type": "integer"}])
    assert [found["failed"] for found in answer["results"]] == expected
    assert [len(found["examples"].get("rows", [])) for found in answer["results"]] == [min(n, 20) for n in expected]


def test_suggestions_hold_where_they_come_from_and_are_not_offered_twice() -> None:
    schema = [
        {"name": name, "type": kind} for name, kind in (("id", "integer"), ("plan", "text"), ("charge", "number"))
    ]
    rows = [{"id": n, "plan": "my"[n % 2], "charge": float(n) if n else None} for n in range(30)]
    with tempfile.TemporaryDirectory() as place:
        kept = stored(rows, schema, Path(place))
        profile = summary.profile(Path(kept["path"]), schema, Path(place), Silent())
    found = suggested(profile, [])
    assert [one.rule.kind for one in found] == ["row_count", "not_missing", "unique", "in_range", "in_set", "in_range"]
    answer = judge([(one.rule.kind, one.params) for one in found], rows, schema)
    assert {one["verdict"] for one in answer["results"]} == {"passed"}
    assert suggested(profile, [{"kind": one.rule.kind, "params": one.params} for one in found]) == []


def test_a_promise_is_broken_by_a_column_that_went_or_changed_and_its_fingerprint_by_anything() -> None:
    promised = [{"name": "a", "type": "text"}, {"name": "b", "type": "date"}]
    assert broken_columns(promised, [{"name": "b", "type": "text"}, {"name": "new", "type": "text"}]) == [
        "a is promised and is gone.",
        "b is promised as date and is text.",
    ]
    base: dict[str, Any] = {"columns": promised, "rules": [], "fresh_days": None, "promise": "", "owner": "x"}
    changes = [{"columns": promised[:1]}, {"rules": [1]}, {"fresh_days": 1}, {"promise": "p"}, {"owner": "y"}]
    assert len({fingerprint(**base | change) for change in [{}, *changes]}) == 6


def test_real_files_say_what_is_wrong_with_them(sample_data: Path) -> None:
    """The blanks of telco's TotalCharges, and the typing mistakes of the hospital table."""
    from datasets.reading import engine as reading

    def check_file(name: str, rules: Rules) -> list[dict[str, Any]]:
        path = next(sample_data.rglob(name))
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            read = reading.run({"source": str(path), "options": {}}, folder, Silent())
            spec = {
                "main": {"path": str(folder / read["table"]), "schema": read["schema"]},
                "others": {},
                "now": NOW,
                "rules": [{"number": i, "kind": kind, "params": params} for i, (kind, params) in enumerate(rules)],
            }
            found: list[dict[str, Any]] = engine.check(spec, folder, Silent())["results"]
        return found

    telco = check_file(
        "telco_churn.csv", [("not_missing", {"columns": ["TotalCharges"]}), ("unique", {"columns": ["customerID"]})]
    )
    assert [(one["verdict"], one["failed"]) for one in telco] == [("failed", 11), ("passed", 0)]
    (state,) = check_file("hospital_dirty.csv", [("pattern", {"column": "state", "pattern": "[A-Z]{2}"})])
    assert state["verdict"] == "failed"
    assert 0 < state["failed"] < 1000
