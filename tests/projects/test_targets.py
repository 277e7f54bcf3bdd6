"""Targets as people write them, findings, names and cells: the pure thinking of the room."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects.activity import WORDS, details, safe_cell, told
from projects.contract import Goal
from projects.findings import FOUND, counted, home_finding, last_result, result_finding
from projects.measures import MEASURES, for_kind
from projects.naming import key_from, keys_to_try, wrong_key
from projects.readiness import missing, readiness
from projects.targets import (
    changes,
    fingerprint,
    make,
    sentence,
    short,
    shown,
    stored,
    with_added,
    with_changed,
    with_deciding,
    without,
    wrong_list,
)

RECALL = Goal("Find the leavers", "recall", "at_least", 0.7, "", True)
PRECISION = Goal("Do not waste calls", "precision", "at_least", 0.45)
AUC = Goal("Rank", "roc_auc", "at_least", 0.8)


def test_seventy_of_a_hundred_is_kept_as_0_7() -> None:
    assert stored(MEASURES["recall"], 70) == 0.7
    assert stored(MEASURES["mae"], 30) == 30
    assert sentence(RECALL, "customers who leave") == "Of 100 customers who leave, find at least 70"


@given(st.floats(0.01, 100), st.sampled_from(sorted(MEASURES)))
def test_a_number_typed_is_shown_again_as_it_was_typed(entered: float, metric: str) -> None:
    entered = round(entered, 2)
    assert shown(MEASURES[metric], stored(MEASURES[metric], entered)) == pytest.approx(entered, abs=1e-9)


def test_the_unit_of_the_answer_stands_behind_the_number() -> None:
    goal = Goal("Off by", "mae", "at_most", 30, "bikes")
    assert short(goal) == "at most 30 bikes"
    assert sentence(goal, "") == "Be off by at most 30 bikes on average"


@pytest.mark.parametrize(
    ("kind", "given_", "field"),
    [
        ("binary", {"metric": "mae", "threshold": 3}, "metric"),
        ("regression", {"metric": "recall", "threshold": 0.7}, "metric"),
        ("binary", {"metric": "nothing", "threshold": 0.7}, "metric"),
        ("binary", {"metric": "recall", "threshold": 70}, "threshold"),
        ("binary", {"metric": "recall", "threshold": 0}, "threshold"),
        ("binary", {"metric": "recall", "threshold": math.nan}, "threshold"),
        ("regression", {"metric": "mae", "threshold": -1}, "threshold"),
        ("regression", {"metric": "mae", "threshold": math.inf}, "threshold"),
        ("binary", {"metric": "recall", "threshold": 0.7, "direction": "at_most"}, "direction"),
    ],
)
def test_a_target_that_makes_no_sense_is_refused_by_field(kind: str, given_: dict[str, object], field: str) -> None:
    goal, wrong = make(kind, **given_)  # type: ignore[arg-type]
    assert goal is None
    assert list(wrong) == [field]


@pytest.mark.parametrize("metric", sorted(MEASURES))
def test_the_default_of_every_metric_is_a_good_target(metric: str) -> None:
    measure = MEASURES[metric]
    assert metric in FOUND
    for kind in measure.kinds:
        goal, wrong = make(kind, metric=metric, threshold=measure.default)
        assert goal is not None
        assert not wrong
        assert measure in for_kind(kind)


def test_exactly_one_target_decides() -> None:
    assert wrong_list([]) == ""
    assert wrong_list([RECALL, PRECISION]) == ""
    assert "none would" in wrong_list([PRECISION])
    assert "2 would" in wrong_list([RECALL, Goal("x", "roc_auc", "at_least", 0.8, "", True)])
    assert "twice" in wrong_list([RECALL, Goal("again", "recall", "at_least", 0.8)])


def test_adding_changing_preferring_and_removing_keep_one_deciding() -> None:
    goals = with_added(with_added([], PRECISION), AUC)
    assert [goal.deciding for goal in goals] == [True, False]
    goals = with_added(goals, RECALL)
    assert [goal.deciding for goal in goals] == [False, False, True]
    goals = with_changed(goals, 2, Goal("Find", "recall", "at_least", 0.8))
    assert goals[2].deciding
    assert goals[2].threshold == 0.8
    goals = without(with_deciding(goals, 1), 1)
    assert [goal.deciding for goal in goals] == [True, False]
    assert without([RECALL], 0) == []


def test_changes_are_told_one_by_one() -> None:
    new = [Goal("Find them", "recall", "at_least", 0.7), Goal("Do not waste calls", "precision", "at_least", 0.5), AUC]
    said = changes([RECALL, PRECISION], with_deciding(new, 2), "leavers")
    assert said == [
        "Added: Of 100 pairs, rank the right one higher at least 80 times",
        "“Find the leavers” is now called “Find them”",
        "Do not waste calls: at least 45 became at least 50",
    ]
    assert changes([RECALL, PRECISION], [RECALL, PRECISION], "") == []
    assert changes([RECALL, PRECISION], with_deciding([RECALL, PRECISION], 1), "")[-1].endswith(
        "now decides between models"
    )


def test_the_fingerprint_tells_any_change() -> None:
    assert fingerprint([RECALL, PRECISION]) == fingerprint([RECALL, PRECISION])
    assert len({fingerprint(goals) for goals in ([], [RECALL], [PRECISION, RECALL], [RECALL, PRECISION])}) == 4


def test_readiness_names_what_is_missing() -> None:
    assert len(missing(readiness("binary", {}, []))) == 6
    texts = dict.fromkeys(("problem", "decision", "prediction", "harmed"), "x")
    assert not missing(readiness("binary", texts, [RECALL]))
    assert [point.key for point in missing(readiness("regression", texts, [RECALL]))] == ["measurable"]


ROW = {"metric": "recall", "deciding": True, "value": 0.74, "unit": "", "verdict": "met"}


def test_a_result_is_told_by_the_deciding_target_first() -> None:
    rows = [{**ROW, "metric": "precision", "deciding": False, "verdict": "close"}, ROW]
    said = result_finding("Run 48", rows, "customers who leave")
    assert "".join(part.text for part in said).startswith("Run 48 finds 74 of every 100 customers who leave. ")
    assert [part.mark for part in said if part.mark] == ["accent", "warn"]
    assert last_result(rows, "customers who leave") == "Finds 74 of 100 customers who leave"


@pytest.mark.parametrize("metric", sorted(FOUND))
def test_every_metric_makes_a_finding(metric: str) -> None:
    said = "".join(part.text for part in result_finding("Run 1", [{**ROW, "metric": metric}], ""))
    assert "{" not in said
    assert said.endswith("The target is met.")


def test_counted_forms_agree_with_their_number() -> None:
    assert counted(1, "thing waits", "things wait") == "One thing waits"
    assert counted(12, "thing waits", "things wait") == "12 things wait"
    assert home_finding(0, 3)[0].text == "Nothing needs you. Three projects are moving without you."


@pytest.mark.parametrize(
    ("name", "key"), [("Customer churn", "customer-churn"), ("Ärger & Co. (2026)", "arger-co-2026"), ("客户", "")]
)
def test_a_key_is_made_from_the_name(name: str, key: str) -> None:
    assert key_from(name) == key


@given(st.text(max_size=60))
def test_a_made_key_is_always_a_good_key_or_none(name: str) -> None:
    key = key_from(name)
    assert key == "" or wrong_key(key) == ""
    assert all(wrong_key(each) == "" for each in keys_to_try(key, ())) or not key


def test_cells_never_become_formulas() -> None:
    for text in ("=1+1", "+1", "-1", "@x", "\tx", "\r=x"):
        assert safe_cell(text).startswith("'")
    assert safe_cell("plain") == "plain"


@given(
    st.dictionaries(st.sampled_from(["email", "version", "name", "what"]), st.text(max_size=20)), st.text(max_size=20)
)
def test_every_event_can_be_told(data: dict[str, str], name: str) -> None:
    for event in (*WORDS, name):
        assert isinstance(told(event, data), str)
    assert isinstance(details(data), str)


def test_an_event_of_another_room_is_told_by_its_name() -> None:
    assert told("run.started", {"number": 48}) == "started run 48"
