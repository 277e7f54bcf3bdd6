"""The kinds of targets: what each must say, how it reads, and what the judge makes of all of them."""

import math
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects.contract import (
    Goal,
    Measurement,
    TargetKind,
    Verdict,
    as_row,
    goal_of,
    judge,
    judge_all,
    judged_from,
)
from projects.findings import result_finding
from projects.kinds import pieces
from projects.measures import MEASURES, short_number
from projects.scorecard import line
from projects.targets import changes, fingerprint, make, sentence, short, with_added, without, wrong_list

WHO = "customers who leave"
GIVEN: dict[str, dict[str, Any]] = {
    "metric": {"metric": "recall", "threshold": 0.7},
    "slice": {"kind": "slice", "metric": "recall", "threshold": 0.6, "column": "contract", "equals": "flex"},
    "range": {"kind": "slice", "metric": "precision", "threshold": 0.5, "column": "age", "floor": 60.0},
    "fairness": {"kind": "fairness", "metric": "recall", "threshold": 0.05, "column": "age_group"},
    "latency": {"kind": "latency", "threshold": 120.0},
    "kpi": {
        "kind": "kpi",
        "name": "Customers lost per month",
        "threshold": 2.5,
        "direction": "at_most",
        "unit": "%",
        "baseline": 3.1,
        "by_date": "2027-06-01",
    },
    "money": {"kind": "kpi", "name": "Saved", "threshold": 50_000.0, "source": "money", "unit": "EUR"},
}


def made(name: str, **more: Any) -> Goal:
    goal, wrong = make("binary", **(GIVEN[name] | more))
    assert goal, wrong
    return goal


GOALS = {name: made(name) for name in GIVEN}
NUMBERS = st.floats(-1e6, 1e6, allow_nan=False, allow_infinity=False)
ORDER = [Verdict.NOT_MET, Verdict.CLOSE, Verdict.MET]
ANY = st.sampled_from(sorted(GOALS)).map(lambda name: GOALS[name])


@st.composite
def measured(draw: st.DrawFn) -> Measurement:
    low, value, high = sorted([draw(NUMBERS), draw(NUMBERS), draw(NUMBERS)])
    return Measurement(value, low, high, draw(st.integers(1, 10**6)))


@pytest.mark.parametrize(
    ("name", "said", "bound"),
    [
        ("metric", "Of 100 customers who leave, find at least 70", "at least 70"),
        ("slice", "Where contract is flex: of 100 customers who leave, find at least 60", "at least 60"),
        (
            "range",
            "Where age is 60 or more: of 100 that the model flags, at least 50 are really customers who leave",
            "at least 50",
        ),
        (
            "fairness",
            "Between groups of age_group, customers who leave found differ by at most 5 points of 100",
            "at most 5 points",
        ),
        ("latency", "95 of 100 answers come within 120 milliseconds", "at most 120 ms"),
        (
            "kpi",
            "Customers lost per month goes from 3.1 % to at most 2.5 %, by 1 June 2027",
            "at most 2.5 % by 1 June 2027",
        ),
        ("money", "Saved is at least 50\u2009000 EUR", "at least 50\u2009000 EUR"),
    ],
)
def test_every_kind_reads_as_a_sentence(name: str, said: str, bound: str) -> None:
    assert sentence(GOALS[name], WHO) == said
    assert short(GOALS[name]) == bound
    assert any(piece.slot == "value" for piece in pieces(GOALS[name], WHO))


@given(ANY, measured(), NUMBERS)
def test_exactly_one_verdict_holds_and_says_its_numbers(goal: Goal, found: Measurement, threshold: float) -> None:
    goal = replace(goal, threshold=threshold)
    judged = judge(goal, found)
    at_least = goal.direction == "at_least"
    good = found.low >= threshold if at_least else found.high <= threshold
    bad = found.high < threshold if at_least else found.low > threshold
    assert not (good and bad)
    assert judged.verdict == (Verdict.MET if good else Verdict.NOT_MET if bad else Verdict.CLOSE)
    assert judged.sentence.startswith(judged.words)
    for number in (found.value, threshold):
        assert short_number(number * goal.scale) in judged.sentence


@given(ANY, measured(), NUMBERS, NUMBERS)
def test_a_harder_target_of_any_kind_never_gets_a_better_verdict(
    goal: Goal, found: Measurement, one: float, other: float
) -> None:
    easy, hard = sorted([one, other], reverse=goal.direction == "at_most")
    ranks = [ORDER.index(judge(replace(goal, threshold=at), found).verdict) for at in (easy, hard)]
    assert ranks[0] >= ranks[1]


@given(st.lists(ANY, unique_by=lambda goal: goal.key), st.sets(st.sampled_from(sorted(GOALS))), measured())
def test_each_target_takes_its_own_measurement_and_no_other(
    goals: list[Goal], known: set[str], found: Measurement
) -> None:
    by_key = {GOALS[name].key: found for name in known}
    for goal, judged in zip(goals, judge_all(goals, by_key), strict=True):
        assert (judged.verdict == Verdict.UNMEASURED) == (goal.key not in by_key)


@given(ANY, st.none() | measured())
def test_a_kept_row_gives_the_target_back(goal: Goal, found: Measurement | None) -> None:
    row = as_row(judge(goal, found))
    assert goal_of(row) == goal
    assert line(row, WHO)["target"] == short(goal)
    assert result_finding("Run 1", [row], WHO)


def test_the_recall_of_all_is_not_the_recall_of_some() -> None:
    keys = [GOALS[name].key for name in GOALS]
    assert len(set(keys)) == len(keys)
    assert GOALS["metric"].key == "recall"
    assert made("slice", equals="yearly").key != GOALS["slice"].key


def test_why_something_is_not_measured_is_said() -> None:
    found = {GOALS["slice"].key: {"value": None, "n": 0, "reason": "the rows have no column “contract”"}}
    judged = judged_from([GOALS["slice"], GOALS["kpi"], GOALS["latency"]], found)
    assert judged[0].sentence == "Not measured yet: the rows have no column “contract”."
    assert (judged[1].words, judged[1].sentence) == ("After launch", "It is known only after launch.")
    assert judged[2].words == "Not measured yet"
    assert not GOALS["money"].after_launch


def test_a_value_without_an_interval_is_taken_at_its_word() -> None:
    judged = judge(GOALS["kpi"], Measurement(2.4, 2.4, 2.4, 1))
    assert judged.sentence == "Met: 2.4 %; target at most 2.5 % by 1 June 2027."


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("metric", {"column": "age"}, "column"),
    ("metric", {"cadence": "weekly"}, "cadence"),
    ("slice", {"deciding": True}, "deciding"),
    ("slice", {"column": ""}, "column"),
    ("slice", {"equals": ""}, "equals"),
    ("slice", {"floor": 3.0}, "equals"),
    ("range", {"ceiling": 60.0}, "ceiling"),
    ("range", {"floor": math.nan}, "floor"),
    ("slice", {"metric": "mae"}, "metric"),
    ("fairness", {"column": None}, "column"),
    ("fairness", {"direction": "at_least"}, "direction"),
    ("fairness", {"threshold": 5.0}, "threshold"),
    ("fairness", {"least_group": 2}, "least_group"),
    ("fairness", {"least_group": "many"}, "least_group"),
    ("latency", {"threshold": 0.0}, "threshold"),
    ("latency", {"metric": "recall"}, "metric"),
    ("latency", {"unit": "s"}, "unit"),
    ("kpi", {"name": " "}, "name"),
    ("kpi", {"direction": ""}, "direction"),
    ("kpi", {"metric": "No Key"}, "metric"),
    ("kpi", {"cadence": "yearly"}, "cadence"),
    ("kpi", {"source": "guess"}, "source"),
    ("kpi", {"owner": "king"}, "owner"),
    ("kpi", {"by_date": "1 June"}, "by_date"),
    ("kpi", {"baseline": math.inf}, "baseline"),
    ("kpi", {"unit": "x" * 31}, "unit"),
    ("kpi", {"threshold": math.nan}, "threshold"),
    ("kpi", {"name": "a\x00b"}, "name"),
    ("metric", {"kind": "wish"}, "kind"),
]


@pytest.mark.parametrize(("name", "change", "field"), WRONG)
def test_what_a_kind_cannot_be_is_refused_by_field(name: str, change: dict[str, Any], field: str) -> None:
    goal, wrong = make("binary", **(GIVEN[name] | change))
    assert goal is None
    assert list(wrong) == [field]


def test_a_made_target_can_be_made_again_from_itself() -> None:
    for goal in GOALS.values():
        assert make("binary", **asdict(goal)) == (goal, {})


def test_only_a_metric_decides_and_a_list_of_others_has_none_deciding() -> None:
    goals = with_added(with_added([], GOALS["kpi"]), GOALS["latency"])
    assert [goal.deciding for goal in goals] == [False, False]
    assert wrong_list(goals) == ""
    goals = with_added(goals, GOALS["metric"])
    assert [goal.deciding for goal in goals] == [False, False, True]
    assert not any(goal.deciding for goal in without(goals, 2))
    assert "none would" in wrong_list([GOALS["metric"], GOALS["kpi"]])
    assert "twice" in wrong_list([GOALS["kpi"], GOALS["kpi"]])


def test_a_change_of_any_field_is_told_and_changes_the_fingerprint() -> None:
    later = replace(GOALS["kpi"], baseline=3.0)
    assert changes([GOALS["kpi"]], [later], WHO)[0].startswith("Customers lost per month: what it starts from")
    assert fingerprint([GOALS["kpi"]]) != fingerprint([later])
    assert fingerprint([replace(later, baseline=3)]) == fingerprint([later])


@pytest.mark.parametrize("metric", [key for key, measure in MEASURES.items() if "regression" in measure.kinds])
def test_numbers_have_slices_and_gaps_too(metric: str) -> None:
    for kind, rows in ((TargetKind.SLICE, {"equals": "x"}), (TargetKind.FAIRNESS, {})):
        goal, wrong = make("regression", kind=kind.value, metric=metric, threshold=0.5, column="c", unit="min", **rows)
        assert goal is not None, wrong
        assert "0.5" in sentence(goal, "") or "50" in sentence(goal, "")
