"""Every measure of change passes the same checks, and agrees with what is known of it."""

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from experiments.references import binned
from monitoring.drift.catalog import MEASURES
from monitoring.drift.chance import psi_by_chance, share_by_chance
from monitoring.drift.measure import Measure
from monitoring.drift.pair import Pair, pooled
from monitoring.drift.sketch import CategorySketch, NumberSketch, sketch_for

SEEDS = range(20)


def random_pair(seed: int) -> Pair:
    chance = np.random.default_rng(seed)
    bins = int(chance.integers(2, 30))
    before, now = chance.dirichlet(np.ones(bins)), chance.dirichlet(np.ones(bins))
    shares = chance.random(3)
    return Pair(
        tuple(before.tolist()),
        tuple(now.tolist()),
        4000,
        1000,
        bool(seed % 2),
        float(shares[0]),
        float(shares[1]),
        0.0 if seed % 3 else float(shares[2]),
    )


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("measure", MEASURES.values(), ids=lambda measure: measure.key)
def test_every_measure_is_never_negative_and_within_its_top(measure: Measure, seed: int) -> None:
    value = measure.of(random_pair(seed))
    if value is not None:
        assert value >= 0
        assert measure.top is None or value <= measure.top


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("measure", MEASURES.values(), ids=lambda measure: measure.key)
def test_every_measure_is_zero_where_nothing_changed(measure: Measure, seed: int) -> None:
    pair = random_pair(seed)
    same = Pair(pair.reference, pair.reference, 4000, 1000, pair.ordered, 0.25, 0.25, 0.0)
    assert measure.of(same) in (None, pytest.approx(0.0, abs=1e-9))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("measure", MEASURES.values(), ids=lambda measure: measure.key)
def test_symmetric_measures_say_the_same_from_both_sides(measure: Measure, seed: int) -> None:
    if measure.symmetric:
        pair = random_pair(seed)
        assert measure.of(pair) == pytest.approx(measure.of(pair.swapped()), abs=1e-12)


@pytest.mark.parametrize("measure", MEASURES.values(), ids=lambda measure: measure.key)
def test_a_side_without_values_is_not_measured(measure: Measure) -> None:
    assert measure.of(Pair((0.5, 0.5), (0.0, 0.0), 100, 0, True)) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_jensen_shannon_equals_scipy(seed: int) -> None:
    pair = random_pair(seed)
    assert MEASURES["js"].of(pair) == pytest.approx(jensenshannon(pair.reference, pair.now, base=2), abs=1e-12)


def test_psi_of_a_known_example() -> None:
    pair = Pair((0.5, 0.5), (0.6, 0.4), 1000, 1000, False)
    assert MEASURES["psi"].of(pair) == pytest.approx(0.1 * np.log(0.6 / 0.5) - 0.1 * np.log(0.4 / 0.5))


def test_rare_bins_are_put_together_and_the_sides_still_sum_to_one() -> None:
    before, now = pooled(Pair((0.9, 0.05, 0.03, 0.02), (0.9, 0.03, 0.03, 0.04), 1000, 100, False))
    assert sum(before) == pytest.approx(1)
    assert sum(now) == pytest.approx(1)
    assert len(before) == 2


@pytest.mark.parametrize("bins", [2, 5, 10, 40])
def test_chance_alone_passes_its_bound_no_more_often_than_stated(bins: int) -> None:
    chance = np.random.default_rng(bins)
    shares = chance.dirichlet(np.full(bins, 3.0))
    passed = 0
    for _ in range(2000):
        before, now = chance.multinomial(4000, shares) / 4000, chance.multinomial(300, shares) / 300
        pair = Pair(tuple(before.tolist()), tuple(now.tolist()), 4000, 300, False)
        value = MEASURES["psi"].of(pair)
        assert value is not None
        passed += value > psi_by_chance(len(pooled(pair)[0]), 4000, 300)
    assert passed / 2000 < 0.03  # stated 0.01; the tail of small samples is a little heavier


def test_a_share_moves_by_chance_within_its_bound() -> None:
    chance = np.random.default_rng(3)
    bound = share_by_chance(0.1, 4000, 300)
    moved = np.abs(chance.binomial(300, 0.1, 5000) / 300 - chance.binomial(4000, 0.1, 5000) / 4000)
    assert (moved > bound).mean() < 0.015


def test_numbers_are_counted_in_the_bins_of_training() -> None:
    values = np.random.default_rng(1).integers(0, 20, 5000).astype(float)
    reference = {"name": "x", "missing_share": 0.0} | binned(values)
    sketch = NumberSketch(reference, 5000)
    sketch.add([None, *values.tolist(), float("nan")])
    pair = sketch.pair()
    assert pair.now == pytest.approx(pair.reference)
    assert sketch.missing == 2
    assert len(sketch.labels()) == len(pair.now)


def test_categories_know_seen_rare_and_new_values_apart() -> None:
    reference = {"name": "c", "missing_share": 0.1, "categories": {"a": 0.6, "b": 0.3}}
    sketch = CategorySketch(reference, 1000, known=["a", "b", "rare"])
    sketch.add(["a", "rare", "flex", "flex", None])
    assert sketch.pair().now == pytest.approx((0.25, 0.0, 0.25, 0.5))
    assert sketch.pair().new_share == pytest.approx(0.5)
    assert sketch.new() == [{"value": "flex", "count": 2}]
    assert sketch.labels() == ["a", "b", "all others", "flex"]


def test_nothing_is_called_new_where_the_reference_is_cut_short() -> None:
    sketch = sketch_for({"name": "c", "categories": {"a": 0.2}}, 1000, None)
    sketch.add(["a", "x", "y"])
    assert sketch.pair().new_share == 0
    assert sketch.new() == []


def test_true_and_false_are_the_same_words_in_training_and_now() -> None:
    sketch = sketch_for({"name": "c", "categories": {"true": 0.2, "false": 0.8}}, 1000, ["true", "false"])
    sketch.add([True, False, False])
    assert sketch.pair().new_share == 0


def test_a_column_that_was_empty_in_training_is_not_measured() -> None:
    sketch = sketch_for({"name": "x", "missing_share": 1.0, "edges": [None, None], "shares": [0.0]}, 1000)
    sketch.add([1.0, 2.0])
    assert MEASURES["psi"].of(sketch.pair()) is None
