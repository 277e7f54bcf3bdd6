"""Intervals of forecasts by simulation: blocks of time hold what they promise where rows one by one do not."""

import numpy as np
import pytest

from experiments.evaluation import intervals
from experiments.evaluation.forecasts import Forecasts

WORLDS, STEPS, REMEMBERED = 80, 150, 0.7
TRUE_MAE = np.sqrt(2 / np.pi) / np.sqrt(1 - REMEMBERED**2)  # mean size of a first-order process with unit shocks


def _errors(chance: np.random.Generator) -> np.ndarray:
    shocks, found = chance.normal(size=STEPS + 50), np.zeros(STEPS + 50)
    for place in range(1, found.size):
        found[place] = REMEMBERED * found[place - 1] + shocks[place]
    return found[50:]


def _covered(*, blocks: bool) -> float:
    chance, hits = np.random.default_rng(11), 0
    for world in range(WORLDS):
        # two series that share their shocks: together they know no more than one
        errors = np.tile(_errors(chance), 2)
        steps = np.tile(np.arange(STEPS), 2) if blocks else None
        found = intervals.measured_one(Forecasts(errors, np.zeros(errors.size), None, steps), "mae", world)
        hits += found["low"] <= TRUE_MAE <= found["high"]
    return hits / WORLDS


def test_blocks_of_time_cover_the_truth_nearly_as_often_as_they_say_and_single_rows_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(intervals, "DRAWS", 150)
    assert _covered(blocks=True) >= 0.85
    assert _covered(blocks=False) < 0.75


def test_errors_without_memory_are_drawn_nearly_one_by_one() -> None:
    chance = np.random.default_rng(1)
    held = Forecasts(chance.normal(size=200), np.zeros(200), None, np.arange(200))
    drawn = held.drawn(chance)
    assert drawn is not None
    assert drawn.sum() == 200
    assert held._length is not None
    assert held._length <= 3
    assert held.part(np.arange(50)).drawn(chance).size == 50  # type: ignore[union-attr]
