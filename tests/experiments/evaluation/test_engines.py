"""The engines that judge a model: calibration, weakest slices, stress, stability, dependence, reasons, pairs, folds."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import brier_score_loss

from experiments.evaluation import folds as cutting
from experiments.evaluation.calibration import calibrated
from experiments.evaluation.dependence import dependence
from experiments.evaluation.folds import cross_validated, folds
from experiments.evaluation.grouping import Groups
from experiments.evaluation.held import Judge, hold, losses
from experiments.evaluation.intervals import measured_binary, measured_numbers
from experiments.evaluation.many_rows import measured_all
from experiments.evaluation.metrics import Binary, Numbers
from experiments.evaluation.paired import compared, difference, mcnemar
from experiments.evaluation.reasons import reasons
from experiments.evaluation.slices import weakest
from experiments.evaluation.speed import memory_mb, timed
from experiments.evaluation.stability import over_seeds, over_windows
from experiments.evaluation.stress import TESTS, mistyped, stressed
from experiments.matrices import GAP, Layout, layout_of
from problems.problem import Invalid, Problem

CHANCE = np.random.default_rng


def honest(size: int, seed: int = 1, push: float = 0.0) -> Binary:
    """Chances that come true as often as they say, or are all too high by `push`."""
    chance = CHANCE(seed)
    said = chance.random(size)
    return Binary((chance.random(size) < said).astype(float), np.clip(said + push, 0, 1))


# ---- Held ----


def test_an_answer_that_is_no_number_is_a_problem_and_never_a_gap() -> None:
    judge = Judge("binary", lambda matrix: np.array([0.5, np.nan, np.inf]))
    with pytest.raises(Problem, match="no usable answer for 2 of 3 rows"):
        judge.said(np.zeros((3, 1)))
    with pytest.raises(Problem, match="no usable answer"):
        Judge("binary", lambda matrix: np.zeros((3, 2))).said(np.zeros((3, 1)))


def test_a_kind_of_question_that_nobody_can_judge_says_so() -> None:
    with pytest.raises(Problem, match="no way to judge"):
        hold("ranking", np.zeros(2), np.zeros(2))


@pytest.mark.parametrize("key", ["recall", "precision", "accuracy", "specificity", "brier"])
def test_the_mean_cost_of_rows_is_the_metric_itself(key: str) -> None:
    held = honest(300)
    cost = losses(held, key)
    assert cost.by == key
    assert cost.value(float(cost.cost.mean())) == pytest.approx(held.value(key))


@pytest.mark.parametrize("key", ["mae", "rmse"])
def test_so_it_is_for_numbers(key: str) -> None:
    held = Numbers(np.arange(50.0), np.arange(50.0)[::-1])
    cost = losses(held, key)
    assert cost.value(float(cost.cost.mean())) == pytest.approx(held.value(key))


# ---- Calibration ----


@settings(max_examples=25, deadline=None)
@given(st.integers(20, 400), st.integers(0, 10_000), st.floats(-0.4, 0.4))
def test_the_parts_of_briers_score_add_up_to_it(size: int, seed: int, push: float) -> None:
    held = honest(size, seed, push)
    parts = calibrated(held)["brier"]
    assert parts["score"] == pytest.approx(brier_score_loss(held.truth, held.chance), abs=1e-9)
    total = parts["reliability"] - parts["resolution"] + parts["uncertainty"] + parts["within"]
    assert total == pytest.approx(parts["score"], abs=1e-12)


def test_an_honest_model_is_called_honest_about_19_times_of_20_and_a_boaster_is_not() -> None:
    found = [calibrated(honest(500, seed))["honest"] for seed in range(100)]
    assert 0.88 <= np.mean(found) <= 1.0
    assert not calibrated(honest(500, push=0.2))["honest"]
    assert not calibrated(honest(40_000, push=0.05))["honest"]
    assert sum(calibrated(honest(30_000, seed))["honest"] for seed in range(10)) >= 8


def test_calibration_of_no_row_is_undefined() -> None:
    assert calibrated(Binary(np.zeros(0), np.zeros(0)))["ece"] is None


# ---- Weakest slices ----


def planted(seed: int, size: int = 3000) -> tuple[Binary, dict[str, Groups]]:
    """Right 9 times out of 10, but a coin's toss where plan is b and region is 2."""
    chance = CHANCE(seed)
    plan, region, other = (chance.integers(0, n, size) for n in (3, 4, 5))
    truth = (chance.random(size) < 0.5).astype(float)
    right = chance.random(size) < np.where((plan == 1) & (region == 2), 0.5, 0.9)
    columns = {
        "plan": Groups(plan, ["a", "b", "c"]),
        "region": Groups(region, ["0", "1", "2", "3"]),
        "other": Groups(other, list("vwxyz")),
    }
    return Binary(truth, np.where(right, truth, 1 - truth)), columns


@pytest.mark.parametrize("seed", range(5))
def test_a_planted_bad_slice_is_named_first_and_what_only_overlaps_it_is_not(seed: int) -> None:
    found = weakest(*planted(seed), "accuracy")
    first = found["slices"][0]
    assert first["where"] == [{"column": "plan", "value": "b"}, {"column": "region", "value": "2"}]
    assert first["low"] <= first["value"] <= first["high"] < first["rest"]
    assert len(found["slices"]) == 1


def test_a_bad_column_alone_is_named_by_itself() -> None:
    held, columns = planted(1)
    worse = np.where(columns["other"].codes == 3, 1 - held.truth, held.truth)
    found = weakest(Binary(held.truth, worse), columns, "recall")
    assert found["by"] == "recall"
    assert [one["where"] for one in found["slices"]] == [[{"column": "other", "value": "y"}]]
    assert found["slices"][0]["value"] == 0


def test_where_all_is_alike_hardly_anything_is_named_over_many_looks() -> None:
    named = 0
    for seed in range(60):
        held, columns = planted(seed, 1200)
        chance = CHANCE(seed)
        right = chance.random(1200) < 0.8
        named += bool(
            weakest(Binary(held.truth, np.where(right, held.truth, 1 - held.truth)), columns, "accuracy")["slices"]
        )
    assert named <= 8  # 5 of 100 at most on the long run, over all looks together


def test_small_slices_are_not_looked_at_and_none_is_a_whole() -> None:
    held, columns = planted(1, 100)
    assert weakest(held, columns, "accuracy", least=90)["looked_at"] == 0
    everything = {"all": Groups(np.zeros(100, dtype=np.int64), ["x"])}
    assert weakest(held, everything, "accuracy")["slices"] == []
    assert weakest(held.part(np.zeros(0, dtype=int)), {}, "accuracy")["whole"] is None


def test_numbers_have_weak_slices_too() -> None:
    chance = CHANCE(2)
    codes = chance.integers(0, 4, 2000)
    held = Numbers(chance.normal(0, np.where(codes == 2, 5.0, 1.0)), np.zeros(2000))
    found = weakest(held, {"machine": Groups(codes, list("abcd"))}, "rmse")
    assert found["slices"][0]["where"] == [{"column": "machine", "value": "c"}]
    assert found["slices"][0]["value"] == pytest.approx(5, abs=0.6)


# ---- Many rows ----


def test_the_quick_intervals_of_many_rows_agree_with_the_drawn_ones() -> None:
    held = honest(4000)
    drawn, quick = measured_binary(held, 1), measured_all(held, 1, many=100)
    for key, one in drawn.items():
        assert quick[key]["value"] == pytest.approx(held.value(key))
        width = one["high"] - one["low"]
        assert quick[key]["high"] - quick[key]["low"] == pytest.approx(width, rel=0.35, abs=1e-4), key


def test_so_they_do_for_numbers() -> None:
    chance = CHANCE(3)
    truth = chance.gamma(2, 2, 4000)
    held = Numbers(truth, truth + chance.normal(0, 1, truth.size))
    drawn, quick = measured_numbers(held, 1), measured_all(held, 1, many=100)
    for key, one in drawn.items():
        assert quick[key]["value"] == pytest.approx(held.value(key))
        assert quick[key]["high"] - quick[key]["low"] == pytest.approx(one["high"] - one["low"], rel=0.3), key


def test_what_is_undefined_for_many_rows_says_so() -> None:
    found = measured_all(Binary(np.zeros(501), np.linspace(0, 0.4, 501)), 1, many=100)
    assert found["recall"]["value"] is None
    assert found["roc_auc"]["reason"]
    assert found["average_precision"]["value"] is None
    assert measured_all(Numbers(np.ones(501), np.ones(501)), 1, many=100)["r2"]["value"] is None


# ---- A model by hand ----

LAYOUT = layout_of(
    [{"name": "size", "type": "number"}, {"name": "plan", "type": "text"}, {"name": "since", "type": "date"}]
)


def matrix_of(size: int, seed: int = 0) -> Any:
    chance = CHANCE(seed)
    matrix = np.empty((size, LAYOUT.width), dtype=object)
    matrix[:, 0] = chance.normal(0, 1, size)
    matrix[:, 1] = chance.choice(["monthly", "yearly"], size)
    for place in (2, 3, 4):
        matrix[:, place] = chance.integers(0, 7, size).astype(float)
    return matrix


def answer(matrix: Any) -> Any:
    """A chance from size and plan, together more than each alone; gaps and unknown words count as nothing."""
    size = np.nan_to_num(matrix[:, 0].astype(float))
    monthly = matrix[:, 1] == "monthly"
    return 1 / (1 + np.exp(-(1.5 * size + 0.8 * monthly + 0.7 * size * monthly)))


JUDGE = Judge("binary", answer)


def known(size: int = 1500) -> tuple[Any, Any]:
    matrix = matrix_of(size)
    return matrix, (CHANCE(5).random(size) < answer(matrix)).astype(float)


# ---- Stress ----


def test_stress_lowers_the_metric_step_by_step_and_each_step_has_its_interval() -> None:
    found = stressed(JUDGE, *known(), LAYOUT, "roc_auc")
    tests = {test["kind"]: test for test in found["tests"]}
    assert set(tests) == set(TESTS)
    assert found["calm"]["value"] > tests["missing"]["points"][-1]["value"] + 0.05
    assert tests["noise"]["points"][-1]["value"] < tests["noise"]["points"][0]["value"]
    assert tests["typos"]["columns"] == tests["swapped"]["columns"] == 1
    assert all(point["low"] <= point["value"] <= point["high"] for test in found["tests"] for point in test["points"])


def test_stress_is_the_same_for_the_same_seed_and_leaves_the_rows_alone() -> None:
    matrix, truth = known(200)
    before = matrix.copy()
    assert stressed(JUDGE, matrix, truth, LAYOUT, "brier") == stressed(JUDGE, matrix, truth, LAYOUT, "brier")
    assert (matrix == before).all()


def test_a_model_that_breaks_under_stress_is_said_to_break() -> None:
    fragile = Judge("regression", lambda matrix: matrix[:, 0].astype(float))
    matrix = matrix_of(300)
    found = stressed(fragile, matrix, matrix[:, 0].astype(float), LAYOUT, "mae")
    point = next(test for test in found["tests"] if test["kind"] == "missing")["points"][0]
    assert point["value"] is None
    assert "no usable answer" in point["reason"]


def test_a_disturbance_without_a_column_for_it_has_no_points() -> None:
    layout = layout_of([{"name": "size", "type": "number"}])
    judge = Judge("binary", lambda matrix: 1 / (1 + np.exp(-np.nan_to_num(matrix[:, 0].astype(float)))))
    matrix, truth = known(300)
    found = stressed(judge, matrix[:, :1], truth, layout, "accuracy")
    assert {test["kind"] for test in found["tests"] if not test["points"]} == {"typos", "swapped"}


@settings(max_examples=30)
@given(st.text(min_size=1, max_size=20), st.integers(0, 1000))
def test_a_typing_error_changes_a_word(text: str, seed: int) -> None:
    assert mistyped(text, CHANCE(seed)) != text


# ---- Stability ----


def test_a_seed_sensitive_model_is_named_and_a_steady_one_is_not() -> None:
    steady = {seed: honest(600, seed=1) for seed in range(3)}
    found = over_seeds(steady, "accuracy")
    assert (found["sensitive"], found["spread"], found["flips"]) == (False, 0.0, 0.0)
    chance = CHANCE(8)
    truth = honest(600).truth
    moody = {seed: Binary(truth, chance.random(600)) for seed in range(3)}
    found = over_seeds(moody, "accuracy")
    assert found["sensitive"]
    assert "decides" in found["why"]


def test_one_training_alone_says_nothing_about_seeds() -> None:
    assert over_seeds({1: honest(100)}, "accuracy")["sensitive"] is None


def test_windows_that_differ_are_told_from_windows_that_do_not() -> None:
    held, order = honest(3000), np.arange(3000)
    labels = [f"day {place}" for place in order]
    assert over_windows(held, order, labels, "accuracy")["alike"]
    late = Binary(np.where(order > 2400, 1 - held.truth, held.truth), held.chance)
    found = over_windows(late, order, labels, "accuracy")
    assert not found["alike"]
    assert found["windows"][0]["name"] == "day 0 to day 599"


# ---- Partial dependence ----


def test_dependence_follows_the_model_and_leaves_dates_out() -> None:
    matrix, _ = known(400)
    rising = dependence(JUDGE, matrix, LAYOUT, "size")["points"]
    assert [point["mean"] for point in rising] == sorted(point["mean"] for point in rising)
    words = dependence(JUDGE, matrix, LAYOUT, "plan")
    assert {point["value"] for point in words["points"]} == {"monthly", "yearly"}
    assert words["range"] > 0.05
    assert dependence(JUDGE, matrix, LAYOUT, "since")["points"] == []


# ---- Reasons ----


def test_reasons_sum_to_the_answer_and_what_the_model_ignores_has_none() -> None:
    matrix, _ = known(300)
    found = reasons(JUDGE, matrix[:1], matrix[1:], LAYOUT)
    total = found["usual"] + sum(one["share"] for one in found["shares"])
    assert total == pytest.approx(found["answer"], abs=1e-12)
    assert found["exact"]
    assert found["shares"][-1] == {"name": "since", "share": 0.0, "error": 0.0}


def test_drawn_reasons_sum_to_the_answer_and_lie_near_the_exact_ones() -> None:
    matrix, _ = known(60)
    exact = {one["name"]: one["share"] for one in reasons(JUDGE, matrix[:1], matrix[1:26], LAYOUT)["shares"]}
    drawn = reasons(JUDGE, matrix[:1], matrix[1:26], LAYOUT, budget=6 * 25 * 4 // 3 + 1)
    assert drawn["asked"] <= 6 * 25 * 4
    assert drawn["usual"] + sum(one["share"] for one in drawn["shares"]) == pytest.approx(drawn["answer"], abs=1e-9)
    for one in drawn["shares"]:
        assert one["share"] == pytest.approx(exact[one["name"]], abs=0.1)


def test_shares_of_a_sum_are_its_parts() -> None:
    layout: Layout = layout_of([{"name": f"x{i}", "type": "number"} for i in range(12)])
    weights = np.arange(12.0)
    judge = Judge("regression", lambda matrix: matrix.astype(float) @ weights)
    chance = CHANCE(1)
    usual, row = chance.normal(size=(20, 12)).astype(object), np.ones((1, 12), dtype=object)
    found = {one["name"]: one["share"] for one in reasons(judge, row, usual, layout)["shares"]}
    for place in range(12):
        wanted = weights[place] * (1 - float(usual[:, place].astype(float).mean()))
        assert found[f"x{place}"] == pytest.approx(wanted, abs=1e-9)


def test_a_budget_that_is_too_small_is_refused_and_never_stretched() -> None:
    layout = layout_of([{"name": f"x{i}", "type": "number"} for i in range(40)])
    judge = Judge("regression", lambda matrix: matrix.astype(float).sum(axis=1))
    with pytest.raises(Invalid, match="more than 100"):
        reasons(judge, np.ones((1, 40), dtype=object), np.zeros((9, 40), dtype=object), layout, budget=100)


# ---- Two models ----


def test_the_paired_difference_sees_what_two_intervals_side_by_side_do_not() -> None:
    truth = (CHANCE(1).random(2000) < 0.5).astype(float)
    first = np.where(CHANCE(2).random(2000) < 0.8, truth, 1 - truth)
    second = first.copy()
    wrong = np.flatnonzero(first != truth)[:40]
    second[wrong] = truth[wrong]
    found = difference(Binary(truth, first), Binary(truth, second), "accuracy", "at_least")
    assert found["better"] is True
    assert found["value"] == pytest.approx(0.02)
    assert 0 < found["low"] <= found["value"] <= found["high"]
    told = compared(Binary(truth, first), Binary(truth, second), "accuracy", ("run 1", "run 2"))
    assert told["sentence"].startswith("On the same 2000 rows run 2 is surely better than run 1: ")
    assert told["flips"] == pytest.approx(0.02)


def test_the_same_model_twice_cannot_be_told_apart() -> None:
    held = honest(300)
    told = compared(held, held, "roc_auc", ("run 1", "run 2"))
    assert "cannot be told apart" in told["sentence"]
    assert told["mcnemar"]["p"] == 1.0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemars_p_is_that_of_a_fair_coin(ours: int, theirs: int) -> None:
    truth = np.ones(ours + theirs + 5)
    first, second = np.ones_like(truth), np.ones_like(truth)
    first[:ours], second[ours : ours + theirs] = 0, 0
    found = mcnemar(Binary(truth, first), Binary(truth, second))
    assert (found["only_challenger"], found["only_champion"]) == (ours, theirs)
    wanted = binomtest(ours, ours + theirs).pvalue if ours + theirs else 1.0
    assert math.isclose(found["p"], wanted, rel_tol=1e-9)


def test_other_rows_are_refused_and_undefined_stays_undefined() -> None:
    with pytest.raises(Problem, match="same rows"):
        difference(honest(10), honest(11), "accuracy", "at_least")
    nobody = Binary(np.zeros(40), np.zeros(40))
    assert difference(nobody, nobody, "recall", "at_least")["better"] is None
    assert "undefined" in compared(nobody, nobody, "recall", ("a", "b"))["sentence"]


def test_the_interval_of_a_difference_covers_the_true_one() -> None:
    inside, tries = 0, 120
    for seed in range(tries):
        chance = CHANCE(seed)
        truth = np.ones(200)
        one, other = (chance.random(200) < share for share in (0.7, 0.8))
        found = difference(
            Binary(truth, one.astype(float)), Binary(truth, other.astype(float)), "accuracy", "at_least", draws=150
        )
        inside += found["low"] <= 0.1 <= found["high"]
    assert inside / tries > 0.88


# ---- Folds ----


@settings(max_examples=20, deadline=None)
@given(st.integers(60, 300), st.integers(2, 6), st.integers(0, 1000))
def test_each_row_is_tested_once_and_classes_keep_their_share(size: int, count: int, seed: int) -> None:
    rows = np.sort(CHANCE(seed).choice(1000, size, replace=False))
    classes = np.arange(size) % 3
    parts = folds(rows, count, seed, classes=classes)
    assert sorted(np.concatenate([test for _, test in parts]).tolist()) == rows.tolist()
    assert all(not set(learn) & set(test) for learn, test in parts)
    of = dict(zip(rows, classes, strict=True))
    for kind in range(3):
        sizes = [sum(of[row] == kind for row in test) for _, test in parts]
        assert max(sizes) - min(sizes) <= 1


def test_a_group_is_never_in_two_parts_and_time_never_runs_backwards() -> None:
    rows, groups = np.arange(300), CHANCE(1).integers(0, 20, 300)
    for learn, test in folds(rows, 5, 1, groups=groups):
        assert not set(groups[learn]) & set(groups[test])
    times = CHANCE(2).permutation(300).astype(float)
    for learn, test in folds(rows, 4, 1, times=times):
        assert times[learn].max() < times[test].min()


def test_folds_that_cannot_be_cut_are_refused() -> None:
    with pytest.raises(Invalid, match="too few for 5 folds"):
        folds(np.arange(49), 5, 1)
    with pytest.raises(Invalid, match="2 groups are too few"):
        folds(np.arange(100), 5, 1, groups=np.arange(100) % 2)
    assert cutting.LEAST_PER_FOLD == 10


def test_folds_are_kept_with_their_rows_and_the_mean_has_an_honest_interval() -> None:
    def fit(learn: Any, test: Any) -> Binary:
        chance = CHANCE(int(test[0]))
        truth = (chance.random(test.size) < 0.5).astype(float)
        return Binary(truth, np.where(chance.random(test.size) < 0.8, truth, 1 - truth))

    found = cross_validated(fit, folds(np.arange(500), 5, 1), "accuracy")
    assert [one["test"] for one in found["folds"]] == [100] * 5
    assert len({one["rows"] for one in found["folds"]}) == 5
    assert found["low"] < found["mean"] < found["high"]
    assert found["high"] - found["low"] > 2 * 2.776 * found["sd"] / math.sqrt(5)


def test_a_fold_without_a_value_leaves_the_mean_undefined() -> None:
    def nobody(learn: Any, test: Any) -> Binary:
        return Binary(np.zeros(test.size), np.zeros(test.size))

    found = cross_validated(nobody, folds(np.arange(60), 2, 1), "recall")
    assert found["mean"] is None
    assert found["reason"]


# ---- Speed ----


def test_speed_is_told_with_intervals_and_nothing_to_ask_with_is_said() -> None:
    asked: list[int] = []
    found = timed(lambda rows: asked.append(len(rows)), [1, 2])
    assert found["p50_ms"]["low"] <= found["p50_ms"]["value"] <= found["p95_ms"]["value"]
    assert found["rows_per_second"] > 0
    assert timed(len, [])["reason"]
    assert memory_mb() > 1
    assert GAP
