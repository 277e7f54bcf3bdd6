"""Splits: repeatable, stratified, and never torn apart in time."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from datasets.splitting import at_random, by_time


@given(st.integers(40, 500), st.floats(0.05, 0.5), st.integers(0, 2**31 - 1))
def test_every_row_is_in_one_part_and_each_class_keeps_its_share(rows: int, share: float, seed: int) -> None:
    numbers, classes = np.arange(rows), np.arange(rows) % 4 == 0
    split = at_random(numbers, share, seed, classes)
    assert sorted([*split.train, *split.test]) == list(numbers)
    for value in (True, False):
        count = (classes == value).sum()
        assert abs(classes[split.test].tolist().count(value) - share * count) <= 1


def test_the_seed_decides() -> None:
    numbers = np.arange(100)
    assert at_random(numbers, 0.2, 1).fingerprint == at_random(numbers, 0.2, 1).fingerprint
    assert at_random(numbers, 0.2, 1).fingerprint != at_random(numbers, 0.2, 2).fingerprint


def test_only_the_given_rows_are_split() -> None:
    split = at_random(np.array([3, 7, 11, 20, 21]), 0.4, 1)
    assert set(split.train) | set(split.test) == {3, 7, 11, 20, 21}


@given(st.lists(st.integers(0, 30), min_size=20, max_size=200))
def test_no_moment_is_in_both_parts_and_the_test_is_newer(moments: list[int]) -> None:
    times = np.array(moments, dtype=float)
    times[::7] = np.nan
    split = by_time(np.arange(times.size), times, 0.2)
    assert set(split.train).isdisjoint(split.test)
    known = times[split.train][~np.isnan(times[split.train])]
    if split.test.size and known.size:
        assert known.max() < times[split.test].min()
    assert not np.isnan(times[split.test]).any()
