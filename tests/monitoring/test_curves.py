"""Distances from a kept curve beside scipy's exact ones, also where a few values hold most rows."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, ks_2samp, wasserstein_distance

from experiments.curves import POINTS
from experiments.references import binned, reference_inputs
from monitoring import rules
from monitoring.drift.catalog import MEASURES
from monitoring.drift.columns import numbers_in, words_in
from monitoring.drift.pair import Pair
from monitoring.drift.report import entry_of, of_table
from monitoring.drift.sketch import NumberSketch, sketch_for

Array = np.ndarray[Any, Any]
SAID = 1 / POINTS  # the stated bound of the Kolmogorov-Smirnov distance


def sketched(before: Array, *batches: Array) -> NumberSketch:
    sketch = NumberSketch({"name": "x", "type": "number", "missing_share": 0.0} | binned(before), before.size)
    for batch in batches:
        sketch.add(batch.tolist())
    return sketch


def assert_as_scipy(before: Array, now: Array, *batches: Array) -> None:
    pair = sketched(before, *(batches or (now,))).pair()
    assert pair.curves is not None
    ks, exact = (
        MEASURES["ks"].of(pair),
        ks_2samp(before, now, method="exact" if before.size < POINTS else "asymp").statistic,
    )
    assert ks is not None
    assert -1e-9 <= exact - ks <= pair.curves.gap_slack() + 1e-9
    assert pair.curves.gap_slack() <= SAID + 1e-9
    area = wasserstein_distance(before, now)
    room = 1e-9 * max(1.0, float(np.abs(before).max()), float(np.abs(now).max()))
    assert -room <= area - pair.curves.area() <= pair.curves.area_slack() + room
    if before.size >= POINTS:
        assert pair.curves.area_slack() <= 0.06 * pair.curves.spread + room


def columns(seed: int) -> dict[str, tuple[Array, Array]]:
    chance = np.random.default_rng(seed)
    before, now = chance.normal(0, 1, 5000), chance.normal(0.3, 1.2, 3000)
    fees, newer = chance.choice([0.0, 9.9, 19.9, 29.9], 5000), chance.choice([0.0, 9.9, 17.5, 29.9], 3000)
    return {
        "smooth": (before, now),
        "whole numbers": (before.round(), (2 * now).round()),
        "whole numbers that became fractions": (before.round(), now),
        "a few fees": (fees, newer),
        "mostly zero": (np.maximum(before - 1, 0), np.maximum(now - 1, 0)),
        "far from zero": (1e9 + before, 1e9 + now),
        "skewed": (np.exp(2 * before), np.exp(2 * now)),
        "all above": (before, now + 20),
        "one value": (np.full(500, 3.0), chance.choice([3.0, 4.0], 300)),
    }


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", columns(0))
def test_distances_equal_scipys_within_their_stated_bounds(name: str, seed: int) -> None:
    assert_as_scipy(*columns(seed)[name])


@pytest.mark.parametrize("name", ["whole numbers", "a few fees"])
def test_where_every_value_is_a_point_both_distances_are_exact(name: str) -> None:
    before, now = columns(5)[name]
    now = now[np.isin(now, before)]
    pair = sketched(before, now).pair()
    assert MEASURES["ks"].of(pair) == pytest.approx(ks_2samp(before, now).statistic, abs=1e-12)
    assert MEASURES["wasserstein"].of(pair) == pytest.approx(wasserstein_distance(before, now) / before.std())


NUMBERS = st.one_of(st.integers(-3, 3).map(float), st.floats(-1e6, 1e6, width=32))


@settings(max_examples=40, deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=60), st.lists(NUMBERS, min_size=1, max_size=60), st.integers(0, 60))
def test_any_numbers_in_any_batches_equal_scipy(before: list[float], now: list[float], cut: int) -> None:
    parts = [np.array(part) for part in (now[:cut], now[cut:])]
    assert_as_scipy(np.array(before), np.array(now), *parts)


def test_a_column_of_one_value_that_starts_to_move_is_seen() -> None:
    sketch = sketched(np.full(1000, 0.4), np.random.default_rng(1).normal(0.4, 0.1, 500))
    entry = entry_of(sketch, 1)
    assert rules.moved(entry, rules.Limits()) == "act"
    assert entry["labels"] == ["under 0.4", "0.4", "over 0.4"]
    assert entry["ks"] > 0.4
    assert entry["wasserstein"] is None  # there is no spread to measure in


def test_a_column_of_one_value_that_stays_is_silent() -> None:
    entry = entry_of(sketched(np.full(1000, 0.4), np.full(500, 0.4)), 1)
    assert (entry["psi"], entry["ks"], entry["wasserstein"]) == (0, 0, 0)


@pytest.mark.parametrize("seed", range(5))
def test_cramers_v_is_that_of_the_chi_square_test_of_equally_many_rows(seed: int) -> None:
    chance = np.random.default_rng(seed)
    counts = chance.integers(20, 400, (2, 6)).astype(float)
    counts[1] *= counts[0].sum() / counts[1].sum()
    shares = counts / counts.sum(axis=1, keepdims=True)
    pair = Pair(tuple(shares[0].tolist()), tuple(shares[1].tolist()), 10_000, 10_000, False)
    exact = np.sqrt(chi2_contingency(counts, correction=False).statistic / counts.sum())
    assert MEASURES["cramer"].of(pair) == pytest.approx(exact)


@pytest.mark.parametrize("values", [["1", "2", "3"], [True, False, True]])
def test_a_number_that_comes_as_another_type_is_told_and_never_taken_for_one(values: list[Any]) -> None:
    sketch = sketched(np.arange(100.0))
    sketch.add([1.0, *values] * 50)
    entry = entry_of(sketch, 1)
    assert entry["strange"] == 0.75
    assert rules.state_of(entry | {"weight": 0.5}, rules.Limits(), 1) == "act"
    assert sketch.valued == 50


def test_a_word_that_comes_as_a_number_is_told() -> None:
    sketch = sketch_for({"name": "c", "type": "text", "categories": {"1": 0.5, "2": 0.5}}, 100, ["1", "2"])
    sketch.add(["1", 2])
    assert sketch.pair().strange == 0.5
    assert sketch.pair().new_share == 0


@pytest.mark.parametrize(
    "values", [[], [None], [None, 1.5, float("nan"), float("inf")], [10**400, 7], [{"a": 1}, 2, [3]]]
)
def test_arrow_and_plain_values_are_counted_alike(values: list[Any]) -> None:
    found = numbers_in(values)
    assert found.rows == len(values)
    assert np.isfinite(found.values).all()
    plain = [one for one in values if isinstance(one, float | None)]
    assert numbers_in(pa.array(plain, pa.float64())).values.tolist() == numbers_in(plain).values.tolist()


def test_words_are_the_same_from_arrow_and_from_json() -> None:
    values = ["a", None, "b", "a"]
    stored = pa.array(values).dictionary_encode()
    assert words_in(values, "text") == words_in(pa.array(values), "text") == words_in(stored, "text")
    assert words_in([True, None], "boolean") == words_in(pa.array([True, None]), "boolean")
    assert words_in(pa.array([1.0, 2.5]), "text").counts == {"1": 1, "2.5": 1}


def test_an_unchanged_world_raises_no_more_false_alarms_than_stated() -> None:
    """Stated: at most one check in a hundred, all inputs of a check together."""
    chance = np.random.default_rng(11)

    def world(rows: int) -> pa.RecordBatch:
        numbers = {f"n{i}": chance.normal(0, 1, rows).round(i) for i in range(3)}
        words = {f"w{i}": chance.choice([f"v{j}" for j in range(2 + 9 * i)], rows) for i in range(3)}
        return pa.RecordBatch.from_pydict(numbers | words)

    train = pa.Table.from_batches([world(8000)])
    kinds = [{"name": name, "type": "number" if name[0] == "n" else "text"} for name in train.column_names]
    reference, limits = (
        reference_inputs(train, kinds),
        rules.Limits(0.02, 0.05),
    )  # below the usual, so that chance decides
    checks, raised = 400, 0
    for _ in range(checks):
        entries = of_table([world(300)], reference, 8000)
        raised += any(rules.moved(entry, limits) for entry in entries)
    assert raised / checks <= 0.01 + 3 * np.sqrt(0.01 * 0.99 / checks)
