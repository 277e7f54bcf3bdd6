"""Metrics equal scikit-learn's, and their intervals cover the truth as often as they say."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from experiments.evaluation.curves import binary_curves
from experiments.evaluation.intervals import delong, measured_binary, measured_numbers, wilson
from experiments.evaluation.metrics import Binary, Numbers

CLOSE = {"rel": 1e-9, "abs": 1e-9}


@st.composite
def answers(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    rows = draw(st.integers(4, 80))
    chance = np.random.default_rng(draw(st.integers(0, 2**31)))
    truth = chance.integers(0, 2, rows).astype(float)
    truth[:2] = 0, 1
    digits = draw(st.sampled_from([1, 2, 12]))  # one digit makes many ties
    return truth, np.round(chance.random(rows), digits)


@given(answers())
@settings(max_examples=60, deadline=None)
def test_binary_metrics_equal_scikit_learns(given: tuple[np.ndarray, np.ndarray]) -> None:
    truth, chance = given
    held = Binary(truth, chance)
    said = (chance >= 0.5).astype(int)
    assert held.value("accuracy") == pytest.approx(sk.accuracy_score(truth, said), **CLOSE)
    assert held.value("recall") == pytest.approx(sk.recall_score(truth, said), **CLOSE)
    assert held.value("specificity") == pytest.approx(sk.recall_score(truth, said, pos_label=0), **CLOSE)
    assert held.value("f1") == pytest.approx(sk.f1_score(truth, said, zero_division=0), **CLOSE)
    assert held.value("roc_auc") == pytest.approx(sk.roc_auc_score(truth, chance), **CLOSE)
    assert held.value("average_precision") == pytest.approx(sk.average_precision_score(truth, chance), **CLOSE)
    assert held.value("log_loss") == pytest.approx(sk.log_loss(truth, chance), **CLOSE)
    assert held.value("brier") == pytest.approx(sk.brier_score_loss(truth, chance), **CLOSE)
    if said.any():
        assert held.value("precision") == pytest.approx(sk.precision_score(truth, said), **CLOSE)
    else:
        assert held.value("precision") is None


@given(answers())
@settings(max_examples=25, deadline=None)
def test_weights_count_rows_as_often_as_they_say(given: tuple[np.ndarray, np.ndarray]) -> None:
    truth, chance = given
    weights = np.random.default_rng(3).integers(0, 4, truth.size).astype(float)
    weights[:2] = 1
    repeated = Binary(np.repeat(truth, weights.astype(int)), np.repeat(chance, weights.astype(int)))
    for key, value in Binary(truth, chance).values(weights).items():
        again = repeated.value(key)
        assert value == (again if again is None else pytest.approx(again, **CLOSE)), key


@given(st.integers(2, 200), st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_regression_metrics_equal_scikit_learns(rows: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    truth, answer = chance.normal(size=rows) * 100, chance.normal(size=rows) * 100
    held = Numbers(truth, answer)
    assert held.value("mae") == pytest.approx(sk.mean_absolute_error(truth, answer), **CLOSE)
    assert held.value("rmse") == pytest.approx(sk.root_mean_squared_error(truth, answer), **CLOSE)
    assert held.value("median_ae") == pytest.approx(sk.median_absolute_error(truth, answer), **CLOSE)
    assert held.value("r2") == pytest.approx(sk.r2_score(truth, answer), **CLOSE)
    weights = chance.integers(0, 3, rows).astype(float)
    weights[:2] = 1
    repeated = Numbers(np.repeat(truth, weights.astype(int)), np.repeat(answer, weights.astype(int)))
    for key, value in held.values(weights).items():
        assert value == pytest.approx(repeated.value(key), **CLOSE), key


def test_what_is_undefined_is_none_with_a_reason() -> None:
    nobody = measured_binary(Binary(np.zeros(30), np.full(30, 0.1)), seed=1)
    for key in ("recall", "precision", "roc_auc", "average_precision", "f1"):
        assert nobody[key]["value"] is None, key
        assert nobody[key]["reason"]
    assert nobody["accuracy"]["value"] == 1
    same = measured_numbers(Numbers(np.ones(30), np.ones(30)), seed=1)
    assert same["r2"]["value"] is None
    assert same["mae"]["value"] == 0


def test_every_measured_value_lies_in_its_interval_and_is_finite() -> None:
    chance = np.random.default_rng(5)
    for share in (0.02, 0.5, 0.98):
        truth = (chance.random(300) < share).astype(float)
        truth[:1] = 1
        truth[1:2] = 0
        for scores in (chance.random(300), truth, 1 - truth, np.full(300, 0.3)):
            for key, found in measured_binary(Binary(truth, scores), seed=2).items():
                if found["value"] is not None:
                    assert found["low"] <= found["value"] <= found["high"], key
                    assert all(math.isfinite(found[name]) for name in ("low", "value", "high")), key


def test_a_perfect_ranking_still_has_an_interval() -> None:
    low, high = delong(np.array([0.0] * 50 + [1.0] * 10), np.linspace(0, 1, 60))
    assert low < 0.8
    assert high == pytest.approx(1)


def test_delong_agrees_with_the_bootstrap() -> None:
    chance = np.random.default_rng(11)
    truth = (chance.random(800) < 0.3).astype(float)
    scores = chance.normal(size=800) + truth
    low, high = delong(truth, scores)
    drawn = []
    for _ in range(400):
        rows = chance.integers(0, 800, 800)
        drawn.append(sk.roc_auc_score(truth[rows], scores[rows]))
    assert (low, high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.012)


def test_wilson_covers_as_often_as_it_says() -> None:
    chance = np.random.default_rng(7)
    for share, trials in ((0.5, 40), (0.9, 60), (0.1, 200)):
        hits = chance.binomial(trials, share, 3000)
        inside = [low <= share <= high for low, high in (wilson(hit, trials) for hit in hits)]
        assert 0.93 <= np.mean(inside) <= 0.98, (share, trials)


def test_delong_covers_as_often_as_it_says() -> None:
    chance, inside = np.random.default_rng(9), []
    true_area = 0.5 * (1 + math.erf(1 / 2))  # two normals one apart
    for _ in range(600):
        truth = np.repeat([1.0, 0.0], [40, 80])
        low, high = delong(truth, chance.normal(size=120) + truth)
        inside.append(low <= true_area <= high)
    assert 0.92 <= np.mean(inside) <= 0.98


def test_the_bootstrap_of_a_mean_covers_as_often_as_it_says() -> None:
    chance, inside = np.random.default_rng(13), []
    for seed in range(60):
        error = chance.exponential(2.0, 300)
        found = measured_numbers(Numbers(error, np.zeros(300)), seed)["mae"]
        inside.append(found["low"] <= 2.0 <= found["high"])
    assert np.mean(inside) >= 0.85


def test_curves_stay_small_and_end_where_they_should() -> None:
    chance = np.random.default_rng(1)
    truth = (chance.random(20_000) < 0.3).astype(float)
    curves = binary_curves(Binary(truth, chance.random(20_000)))
    for name in ("roc", "pr"):
        assert len(curves[name]["x"]) <= 200
    assert (curves["roc"]["x"][0], curves["roc"]["y"][0]) == (0, 0)
    assert (curves["roc"]["x"][-1], curves["roc"]["y"][-1]) == (1, 1)
    assert curves["pr"]["x"][-1] == 1
    assert sum(entry["n"] for entry in curves["calibration"]) == 20_000
