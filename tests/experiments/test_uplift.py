"""Uplift over the practice without a model: kept by every run, honest in its interval, exact at every threshold."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.evaluation import thresholds
from experiments.evaluation.metrics import Binary
from experiments.uplift import gaps
from experiments.value import under, value_of
from projects.money import Money
from projects.policies import STEPS, Rule
from tests.deployments import stage

RULE = {
    "kind": "rule",
    "version": 3,
    "join": "and",
    "conditions": [{"column": "months", "op": "<", "value": "12"}],
    "answer": "yes",
    "otherwise": "no",
}
MONEY = Money("EUR", right_yes=40.0, wrong_yes=-6.5, cases_a_month=1000.0)
held = st.lists(st.tuples(st.booleans(), st.floats(0, 1), st.booleans()), min_size=1, max_size=80)
steps = st.integers(0, STEPS)
prices = st.floats(-100, 100)


def arrays(rows: Any) -> tuple[Any, Any, Any]:
    truth, chance, practice = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))
    return truth, chance, practice


@settings(deadline=None)
@given(held, steps, steps, steps, prices, prices, prices, prices)
def test_the_money_of_a_policy_is_the_sum_over_its_rows(
    rows: Any, a: int, b: int, c: int, ry: float, wy: float, rn: float, wn: float
) -> None:
    truth, chance, _ = arrays(rows)
    low, at, high = sorted(step / STEPS for step in (a, b, c))
    rule, money = Rule(at, low, high, person_cost=2.0), Money("EUR", ry, wy, rn, wn)
    found = thresholds.cells(thresholds.bins_of(truth, chance), rule)
    plain = 0.0
    for is_yes, said in zip(truth, chance, strict=True):
        decision = rule.decide(said)
        if decision == "person":
            plain -= 2.0
        else:
            plain += {"yes": (wy, ry), "no": (rn, wn)}[decision][int(is_yes)]
    assert found.rows == len(rows)
    assert found.as_array() @ thresholds.prices(money, 2.0) == pytest.approx(plain, abs=1e-6)


@settings(deadline=None)
@given(held, steps, steps, steps)
def test_every_point_of_the_curve_is_what_its_threshold_does(rows: Any, a: int, b: int, place: int) -> None:
    truth, chance, _ = arrays(rows)
    bins = thresholds.bins_of(truth, chance)
    low, high = sorted(step / STEPS for step in (a, b))
    for rule in (Rule(0.5), Rule(0.5, low, high, person_cost=1.0)):
        point = thresholds.curve(bins, rule, MONEY)[place]
        at = Rule(place / STEPS, rule.low, rule.high)
        one = thresholds.point_at(bins, at, thresholds.prices(MONEY, rule.person_cost))
        assert point.worth == pytest.approx(one.worth, abs=1e-9)
        assert (point.flagged, point.person) == (pytest.approx(one.flagged), pytest.approx(one.person))
        assert (point.recall, point.precision) == (one.recall, one.precision)


@settings(deadline=None)
@given(held, steps)
def test_metrics_at_a_threshold_equal_those_of_the_rows_themselves(rows: Any, step: int) -> None:
    truth, chance, _ = arrays(rows)
    found = thresholds.metrics_at(thresholds.bins_of(truth, chance), step / STEPS)
    plain = Binary(truth, chance, step / STEPS)
    for key in thresholds.COUNTED:
        value = plain.value(key)
        assert found[key]["value"] == (None if value is None else pytest.approx(value))
        assert value is None or found[key]["low"] <= found[key]["value"] <= found[key]["high"]


@settings(deadline=None)
@given(held, steps, steps)
def test_the_gap_between_two_policies_is_the_difference_of_their_worth(rows: Any, a: int, b: int) -> None:
    truth, chance, _ = arrays(rows)
    bins = thresholds.bins_of(truth, chance)
    new, now = Rule(a / STEPS), Rule(b / STEPS, b / STEPS, 1.0) if b < STEPS else Rule(b / STEPS)
    gap = thresholds.gap_between(bins, new, now, MONEY)
    each = [
        thresholds.per_case(thresholds.cells(bins, rule), thresholds.prices(MONEY, 0.0)).value for rule in (new, now)
    ]
    assert gap.value == pytest.approx(each[0] - each[1], abs=1e-9)
    assert gap.low <= gap.value <= gap.high


def world(chance: Any, rows: int) -> tuple[Any, Any, Any]:
    """Rows whose truth follows what a model says, and a practice that is right seven times of ten."""
    said = chance.random(rows)
    truth = (chance.random(rows) < said).astype(float)
    practice = np.where(chance.random(rows) < 0.7, truth, 1 - truth)
    return truth, said, practice


def test_the_interval_of_uplift_covers_the_true_difference() -> None:
    truth, said, practice = world(np.random.default_rng(1), 400_000)
    real = Binary(truth, said).value("accuracy") - Binary(truth, practice).value("accuracy")  # type: ignore[operator]
    ours, theirs = (np.where(one >= 0.5, 1, 0) for one in (said, practice))
    worth = np.where(ours == 1, np.where(truth == 1, 40, -6.5), 0) - np.where(
        theirs == 1, np.where(truth == 1, 40, -6.5), 0
    )
    covered = in_money = by_rows = 0
    for seed in range(100):
        truth, said, practice = world(np.random.default_rng(seed + 10), 300)
        sides = {
            name: thresholds.bins_of(truth[practice == value], said[practice == value])
            for name, value in (("yes", 1), ("no", 0))
        }
        gap = thresholds.metric_gap(sides, 0.5, "accuracy")
        money = thresholds.money_gap(sides, Rule(0.5), MONEY)
        assert gap is not None
        covered += gap.low <= real <= gap.high
        in_money += money.low <= worth.mean() <= money.high
        if seed < 40:
            kept = dict(gaps(Binary(truth, said), Binary(truth, practice), ["accuracy"], seed))["accuracy"]
            assert kept is not None
            by_rows += kept["low"] <= real <= kept["high"]
    assert covered >= 88
    assert in_money >= 88
    assert by_rows >= 33


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    trained = stage.train(tmp_path_factory.mktemp("beside"), baseline=RULE)
    return {"evaluation": trained.answer["evaluation"], "metrics": trained.answer["metrics"]}


def test_a_run_measures_the_practice_on_the_same_held_back_rows(found: dict[str, Any]) -> None:
    evaluation = found["evaluation"]
    practice = evaluation["baseline"]
    assert (practice["version"], practice["rows"], practice["silent"]) == (3, evaluation["counts"]["test"], 0)
    recall = practice["uplift"]["recall"]
    assert recall["low"] <= recall["value"] <= recall["high"]
    assert recall["value"] == pytest.approx(
        found["metrics"]["recall"]["value"] - practice["metrics"]["recall"]["value"]
    )
    counted = thresholds.metric_gap(practice["sides"], 0.5, "recall")
    assert counted is not None
    assert counted.value == pytest.approx(recall["value"])
    assert practice["metrics"]["log_loss"]["value"] is None


def test_value_tells_uplift_and_money_with_interval_and_assumptions(found: dict[str, Any]) -> None:
    value = value_of(**found, rule=Rule(0.3, 0.25, 0.35, 2), money=MONEY, key="recall", who="leavers")
    assert value.judged_at == "policy v2, 30%"
    assert value.uplift is not None
    assert "more of 100" in value.uplift.said
    assert value.gain is not None
    assert "a month" in value.gain.said
    assert " to " in value.gain.between
    assert any("held-back rows" in line for line in value.assumptions)
    without = value_of(**found, rule=None, money=None, key="roc_auc")
    assert without.uplift is not None
    assert (without.money, without.gain, without.assumptions) == (None, None, [])


def test_a_policy_changes_what_a_threshold_changes_and_nothing_else(found: dict[str, Any]) -> None:
    evaluation, metrics = found["evaluation"], found["metrics"]
    moved = under(evaluation, metrics, Rule(0.2, version=1))
    assert moved["recall"]["value"] > metrics["recall"]["value"]
    assert moved["roc_auc"] == metrics["roc_auc"]
    assert under(evaluation, metrics, None) == under(evaluation, metrics, Rule(0.2)) == metrics


@pytest.mark.parametrize(
    ("spec", "trouble"),
    [
        (RULE | {"conditions": [{"column": "tenure", "op": "<", "value": "1"}]}, "no column “tenure”"),
        ({"kind": "last_value", "version": 1, "column": "", "order_by": "plan"}, "no order"),
    ],
)
def test_what_a_practice_cannot_do_is_said_and_the_run_goes_on(tmp_path: Path, spec: Any, trouble: str) -> None:
    practice = stage.train(tmp_path, baseline=spec).answer["evaluation"]["baseline"]
    assert trouble in practice["trouble"]
    assert "metrics" not in practice


def test_last_time_is_the_truth_of_the_row_before(tmp_path: Path) -> None:
    spec = {"kind": "last_value", "version": 1, "column": "", "order_by": "months"}
    practice = stage.train(tmp_path, baseline=spec).answer["evaluation"]["baseline"]
    assert practice["silent"] <= 1
    assert practice["metrics"]["accuracy"]["value"] > 0.4
