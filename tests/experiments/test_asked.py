"""What targets ask of some of the rows: equal to scikit-learn and numpy, and true as often as it says."""

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, precision_score, recall_score, roc_auc_score

from experiments.evaluation.asked import gap, groups_of, in_slice, measured_goals, of_groups, of_slice
from experiments.evaluation.intervals import measured_binary, measured_numbers, measured_one, wilson
from experiments.evaluation.metrics import Binary, Numbers
from experiments.evaluation.quantiles import measured_quantile, ranks
from experiments.evaluation.worth import a_month, money_goals
from projects.contract import Goal
from projects.money import Money

ROWS = 4000


def world(rows: int = ROWS, seed: int = 1, gaps: float = 0.1) -> tuple[Binary, list[str], list[float]]:
    """Held-back answers where one group is found less often, by about `gaps`."""
    chance = np.random.default_rng(seed)
    group = chance.choice(["young", "middle", "old"], rows, p=[0.3, 0.4, 0.3])
    truth = (chance.random(rows) < 0.4).astype(float)
    found = np.where(group == "old", 0.75 - gaps, 0.75)
    said = np.where(truth == 1, chance.random(rows) < found, chance.random(rows) < 0.2)
    score = np.where(said, 0.5 + chance.random(rows) / 2, chance.random(rows) / 2.001)
    return Binary(truth, score), group.tolist(), chance.integers(18, 90, rows).astype(float).tolist()


def slice_of(metric: str, **rows: Any) -> Goal:
    return Goal("s", metric, "at_least", 0.5, kind="slice", column="c", **rows)


def fair(metric: str = "recall", least: int = 30) -> Goal:
    return Goal("f", metric, "at_most", 0.05, kind="fairness", column="c", least_group=least)


def test_a_slice_is_measured_as_scikit_learn_does_on_its_rows() -> None:
    held, group, age = world()
    rows = np.array(group) == "old"
    flagged = held.chance[rows] >= 0.5
    found = of_slice(slice_of("recall", equals="old"), held, group, 7)
    assert found["value"] == pytest.approx(recall_score(held.truth[rows], flagged))
    assert found["n"] == held.truth[rows].sum()
    assert (found["low"], found["high"]) == pytest.approx(wilson(found["value"] * found["n"], found["n"]))
    found = of_slice(slice_of("precision", floor=60.0, ceiling=70.0), held, age, 7)
    rows = (np.array(age) >= 60) & (np.array(age) < 70)
    assert found["value"] == pytest.approx(precision_score(held.truth[rows], held.chance[rows] >= 0.5))
    found = of_slice(slice_of("roc_auc", equals="old"), held, group, 7)
    rows = np.array(group) == "old"
    assert found["value"] == pytest.approx(roc_auc_score(held.truth[rows], held.chance[rows]))


def test_a_slice_of_a_number_is_measured_on_its_rows() -> None:
    chance = np.random.default_rng(2)
    truth = chance.normal(50, 10, 600)
    held, column = Numbers(truth, truth + chance.normal(0, 3, 600)), ["a", "b", None] * 200
    found = of_slice(slice_of("mae", equals="b"), held, column, 7)
    rows = np.array([value == "b" for value in column])
    assert found["value"] == pytest.approx(mean_absolute_error(held.truth[rows], held.answer[rows]))
    assert found["low"] < found["value"] < found["high"]


def test_one_metric_alone_is_the_same_as_among_all() -> None:
    held, _, _ = world(800)
    together = measured_binary(held, 7)
    for key in ("recall", "precision", "roc_auc", "accuracy"):
        alone = measured_one(held, key, 7)
        assert {name: alone[name] for name in together[key]} == pytest.approx(together[key])
    numbers = Numbers(held.chance, held.truth)
    assert measured_one(numbers, "mae", 7)["low"] == pytest.approx(measured_numbers(numbers, 7)["mae"]["low"])


def test_small_empty_and_unknown_slices_say_so() -> None:
    held, group, _ = world(300)
    few = ["rare" if i < 20 else "other" for i in range(300)]
    assert of_slice(slice_of("accuracy", equals="rare"), held, few, 7)["note"] == "Only 20 rows are in it."
    assert "no row is in" in of_slice(slice_of("recall", equals="nobody"), held, group, 7)["reason"]
    missing = measured_goals([slice_of("recall", equals="x"), fair()], held, lambda name: None, 7)
    assert all("no column “c”" in found["reason"] and found["value"] is None for found in missing.values())
    nothing_found = Binary(np.zeros(50), np.linspace(0, 1, 50))
    undefined = of_slice(slice_of("recall", equals="x"), nothing_found, ["x"] * 50, 7)
    assert undefined["value"] is None
    assert "no held-back row has the answer" in undefined["reason"]


def test_a_column_of_any_type_says_which_rows_are_meant() -> None:
    assert in_slice(slice_of("recall", equals="true"), [True, False, None]).tolist() == [True, False, False]
    assert in_slice(slice_of("recall", equals="1"), [1, 2, None]).tolist() == [True, False, False]
    assert in_slice(slice_of("recall", ceiling=2.0), [1, 2, None, "1", float("nan"), True]).tolist() == [
        True,
        False,
        False,
        False,
        False,
        False,
    ]


def test_the_gap_is_the_largest_difference_between_groups_as_scikit_learn_measures_them() -> None:
    held, group, _ = world()
    found = of_groups(fair(), held, group, 7)
    names = np.array(group)
    recalls = {name: recall_score(held.truth[names == name], held.chance[names == name] >= 0.5) for name in set(group)}
    assert found["value"] == pytest.approx(max(recalls.values()) - min(recalls.values()))
    assert {one["name"]: one["value"] for one in found["groups"]} == pytest.approx(recalls)
    assert sum(one["rows"] for one in found["groups"]) == found["n"] == ROWS
    assert found["low"] <= found["value"] <= found["high"]


def test_two_groups_have_newcombes_interval() -> None:
    held, group, _ = world()
    two = ["old" if name == "old" else "other" for name in group]
    found = of_groups(fair(), held, two, 7)
    less, more = sorted(found["groups"], key=lambda one: one["value"])
    gap_ = more["value"] - less["value"]
    down = np.hypot(more["value"] - more["low"], less["high"] - less["value"])
    up = np.hypot(more["high"] - more["value"], less["value"] - less["low"])
    assert found["low"] == pytest.approx(max(0.0, gap_ - down))
    assert found["high"] == pytest.approx(gap_ + up)


def test_groups_that_are_too_small_or_undefined_are_left_out_and_counted() -> None:
    held, group, _ = world(600)
    named = [*group[:560], *(["tiny"] * 40)]
    found = of_groups(fair(least=100), held, named, 7)
    assert "smaller than 100 rows: 1 group of 40 rows" in found["note"]
    assert {one["name"] for one in found["groups"]} == {"young", "middle", "old"}
    lonely = of_groups(fair(), held, ["one"] * 600, 7)
    assert lonely["value"] is None
    assert "fewer than two groups" in lonely["reason"]
    nobody = Binary(np.r_[np.zeros(100), np.ones(100)], np.linspace(0, 1, 200))
    assert of_groups(fair(), nobody, ["a"] * 100 + ["b"] * 100, 7)["value"] is None


def test_numbers_are_grouped_by_quarters_and_gaps_are_a_group() -> None:
    groups = groups_of([*range(100), None])
    assert len(set(groups)) == 5
    assert groups[-1] == "(missing)"
    sizes = [groups.count(name) for name in set(groups) if name != "(missing)"]
    assert max(sizes) - min(sizes) <= 2
    assert set(groups_of([1, 2, 3, 1])) == {"1", "2", "3"}


def test_equal_groups_have_no_gap_that_is_surely_there() -> None:
    one = {"value": 0.7, "low": 0.65, "high": 0.75}
    found = gap([one, one, one])
    assert (found["value"], found["low"]) == (0.0, 0.0)
    assert found["high"] > 0


@pytest.mark.parametrize("gaps", [0.0, 0.1])
def test_the_interval_of_a_gap_holds_the_truth_at_least_as_often_as_it_says(gaps: float) -> None:
    held_in = 0
    for seed in range(200):
        held, group, _ = world(900, seed, gaps)
        found = of_groups(fair(), held, group, 7)
        held_in += found["low"] <= gaps <= found["high"]
    assert held_in >= 184  # 95% of 200 is 190; fewer than 184 comes by chance once in a thousand


MONEY = Money("EUR", 400.0, -6.5, 0.0, -30.0, -2.0, 10_000.0)


def test_a_month_is_worth_what_the_table_of_money_says() -> None:
    counts = {"tp": 60.0, "fp": 40.0, "fn": 20.0, "tn": 880.0}
    found = a_month(MONEY, counts, None)
    assert found["value"] == pytest.approx((60 * 400 - 40 * 6.5 - 20 * 30) / 1000 * 10_000)
    assert found["low"] < found["value"] < found["high"]
    assert found["n"] == 1000
    assert "10000 cases a month" in found["note"]


def test_the_interval_of_a_months_worth_holds_the_truth_as_often_as_it_says() -> None:
    chance, shares = np.random.default_rng(4), np.array([0.06, 0.04, 0.02, 0.88])
    truth = float(shares @ np.array([400, -6.5, -30, 0]) * 10_000)
    held_in = 0
    for _ in range(500):
        tp, fp, fn, tn = chance.multinomial(1500, shares)
        found = a_month(MONEY, {"tp": tp, "fp": fp, "fn": fn, "tn": tn}, None)
        held_in += found["low"] <= truth <= found["high"]
    assert held_in >= 460


def test_what_cannot_be_counted_in_money_says_why() -> None:
    counts = {"tp": 6.0, "fp": 4.0, "fn": 2.0, "tn": 8.0}
    saved = Goal("Saved", "saved", "at_least", 50_000.0, kind="kpi", source="money")
    assert "worth" in money_goals([saved], None, counts, None)["kpi:saved"]["reason"]
    assert "cases a month" in a_month(Money(right_yes=1.0), counts, None)["reason"]
    assert "30 cases" in a_month(MONEY, counts, None)["reason"]
    assert a_month(MONEY, None, None)["value"] is None
    off = a_month(MONEY, None, {"value": 3.0, "low": 2.5, "high": 3.5, "n": 200})
    assert (off["value"], off["low"], off["high"]) == (-60_000.0, -70_000.0, -50_000.0)
    assert money_goals([Goal("x", "churn", "at_most", 2.0, kind="kpi", source="entered")], MONEY, counts, None) == {}


def test_the_slowest_five_of_a_hundred_hold_the_truth_as_often_as_they_say() -> None:
    chance, held_in = np.random.default_rng(5), 0
    truth = float(np.exp(1.6448536))
    for _ in range(400):
        found = measured_quantile(np.exp(chance.normal(0, 1, 300)).tolist(), 0.95)
        held_in += found["low"] <= truth <= found["high"]
    assert held_in >= 365
    assert ranks(10, 0.95) == (10, 8, 10)
    assert measured_quantile([5.0], 0.95) == {"value": 5.0, "low": 5.0, "high": 5.0, "n": 1}
