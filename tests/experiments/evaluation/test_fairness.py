"""Groups treated alike or not: the same numbers as Fairlearn, and honest about small and undefined groups."""

import math
from typing import Any

import fairlearn.metrics as fairlearn
import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import precision_score

from experiments.evaluation.fairness import equalized_odds, fairness
from experiments.evaluation.grouping import OTHERS, Groups, grouped
from experiments.evaluation.intervals import wilson
from experiments.evaluation.metrics import Binary, Numbers
from experiments.judging_words import FOUR_FIFTHS

THEIRS: dict[str, Any] = {
    "selection_rate": fairlearn.selection_rate,
    "true_positive_rate": fairlearn.true_positive_rate,
    "false_positive_rate": fairlearn.false_positive_rate,
    "precision": precision_score,
}


def rows(seed: int = 3, size: int = 900, groups: int = 4) -> tuple[Binary, Groups]:
    chance = np.random.default_rng(seed)
    codes = chance.integers(0, groups, size)
    truth = (chance.random(size) < 0.3 + 0.08 * codes).astype(float)
    said = np.clip(0.35 * truth + 0.6 * chance.random(size) + 0.03 * codes, 0, 1)
    return Binary(truth, said), Groups(codes, [f"g{code}" for code in range(groups)])


@pytest.mark.parametrize("seed", range(5))
def test_every_measure_gap_and_ratio_equals_fairlearns(seed: int) -> None:
    held, groups = rows(seed)
    names = [groups.labels[code] for code in groups.codes]
    frame = fairlearn.MetricFrame(
        metrics=THEIRS, y_true=held.truth, y_pred=held.flagged, sensitive_features=np.array(names)
    )
    found = fairness(held, groups, "group")
    for group in found["groups"]:
        for key in THEIRS:
            wanted = float(frame.by_group[key][group["name"]])
            assert math.isclose(group["measures"][key]["value"], wanted, abs_tol=1e-9)
    for key in THEIRS:
        assert math.isclose(found["measures"][key]["gap"]["value"], float(frame.difference()[key]), abs_tol=1e-9)
        assert math.isclose(found["measures"][key]["ratio"]["value"], float(frame.ratio()[key]), abs_tol=1e-9)
    odds = fairlearn.equalized_odds_difference(held.truth, held.flagged, sensitive_features=np.array(names))
    assert math.isclose(equalized_odds(found) or 0, odds, abs_tol=1e-9)


def test_a_planted_ratio_of_six_tenths_is_seen_below_four_fifths_and_an_even_one_is_not() -> None:
    codes = np.repeat([0, 1], 4000)
    said = np.concatenate([np.arange(4000) < 2000, np.arange(4000) < 1200]).astype(float)
    groups = Groups(codes, ["first", "second"])
    uneven = fairness(Binary(np.tile([0.0, 1.0], 4000), said), groups, "group")["measures"]["selection_rate"]
    assert uneven["ratio"]["value"] == pytest.approx(0.6)
    assert uneven["ratio"]["high"] < FOUR_FIFTHS
    assert (uneven["lowest"], uneven["highest"]) == ("second", "first")
    even = fairness(Binary(np.tile([0.0, 1.0], 4000), np.tile(said[:4000], 2)), groups, "group")
    assert even["measures"]["selection_rate"]["gap"]["value"] == 0
    assert even["measures"]["selection_rate"]["ratio"]["high"] == 1.0


def test_small_groups_are_counted_and_not_judged() -> None:
    held, groups = rows(size=400)
    groups.codes[:] = np.where(np.arange(400) < 12, 3, groups.codes % 3)
    found = fairness(held, groups, "group", least=30)
    assert [group["name"] for group in found["groups"]] == ["g0", "g1", "g2"]
    assert found["small"] == {"groups": 1, "rows": 12}


def test_what_is_undefined_in_a_group_says_so_and_stays_out_of_the_gap() -> None:
    truth = np.concatenate([np.zeros(50), np.tile([0.0, 1.0], 50)])
    held = Binary(truth, np.full(150, 0.1))
    found = fairness(held, Groups(np.repeat([0, 1], [50, 100]), ["none", "half"]), "group")
    none = found["groups"][0]["measures"]
    assert none["true_positive_rate"] == {
        "value": None, "low": None, "high": None, "n": 0,
        "reason": "no row of the group has the answer that is looked for",
    }  # fmt: skip
    assert found["measures"]["true_positive_rate"]["gap"]["value"] is None
    assert found["measures"]["precision"]["gap"]["reason"]
    assert found["measures"]["selection_rate"]["ratio"]["reason"] == "it is 0 in every group"


def test_one_group_alone_has_no_gap() -> None:
    held, _ = rows(size=100)
    found = fairness(held, Groups(np.zeros(100, dtype=np.int64), ["all"]), "group")
    assert found["measures"]["selection_rate"]["gap"]["value"] is None
    assert fairness(held, Groups(np.arange(100), [str(i) for i in range(100)]), "group")["measures"] == {}


def test_numbers_are_judged_by_how_far_off_and_to_which_side() -> None:
    chance = np.random.default_rng(1)
    codes = np.repeat([0, 1], 500)
    held = Numbers(10 + 2.0 * codes + chance.normal(0, 1, 1000), np.full(1000, 10.0))
    found = fairness(held, Groups(codes, ["a", "b"]), "group")
    assert found["measures"]["bias"]["gap"]["value"] == pytest.approx(2, abs=0.2)
    assert found["measures"]["mae"]["gap"]["low"] > 0
    assert found["measures"]["bias"]["ratio"]["value"] is None


def test_intervals_of_groups_cover_the_truth_as_often_as_they_say() -> None:
    chance, inside, tries = np.random.default_rng(4), 0, 1500
    for hits in chance.binomial(120, 0.15, tries):
        low, high = wilson(hits, 120)
        inside += low <= 0.15 <= high
    assert 0.93 < inside / tries < 0.975


def test_the_interval_of_a_gap_covers_the_true_gap() -> None:
    chance, inside, tries = np.random.default_rng(5), 0, 300
    groups = Groups(np.repeat([0, 1, 2], 200), ["a", "b", "c"])
    shares = np.repeat([0.3, 0.4, 0.5], 200)
    for _ in range(tries):
        held = Binary(np.tile([0.0, 1.0], 300), (chance.random(600) < shares).astype(float))
        gap = fairness(held, groups, "group")["measures"]["selection_rate"]["gap"]
        inside += gap["low"] <= 0.2 <= gap["high"]
    assert inside / tries >= 0.95


def test_columns_become_groups_by_word_by_quarter_and_by_year() -> None:
    words = grouped(pa.chunked_array([["b", "a", None], ["a", "a", "c"]]))
    assert [words.labels[code] for code in words.codes] == ["b", "a", "(missing)", "a", "a", "c"]
    assert grouped(pa.chunked_array([[1, 2, 2]])).labels == ["2", "1"]
    quarters = grouped(pa.chunked_array([list(range(100)), [None]]))
    assert quarters.sizes.tolist() == [24, 25, 25, 26, 1] or sum(quarters.sizes) == 101
    assert quarters.labels[-1] == "(missing)"
    assert grouped(pa.chunked_array([[True, False, True]])).labels == ["true", "false"]
    many = grouped(pa.chunked_array([[f"w{i // 2}" for i in range(40)]]), most=5)
    assert many.labels[-1] == OTHERS
    assert many.sizes.tolist() == [2, 2, 2, 2, 2, 30]
    assert grouped(pa.chunked_array([], pa.string())).codes.size == 0
