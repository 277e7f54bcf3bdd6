"""PURE: what the metrics of a window probably are, before anybody knows what really happened.

Yes or no: confidence-based performance estimation (Garcia and others, NannyML 2022): calibrated chances say how many
answers of each kind are probably right. It holds while chances keep their meaning, that is under change of the inputs;
it cannot see that the same inputs now mean something else. A number: see `losses`.
"""

from typing import Any

import numpy as np

from experiments.evaluation.metrics import BINARY_KEYS, Binary
from monitoring.performance import calibration

Array = np.ndarray[Any, Any]
DRAWS, MOST_ROWS, LEAST_ROWS, SEED = 200, 20_000, 30, 7


def binary(kept: dict[str, Any] | None, chances: Array, flagged: Array, threshold: float) -> dict[str, Any]:
    """Every metric {value, low, high, n} of answered rows, and the four counts that they probably make.

    `flagged` is 1 where the answer was the one that is looked for. The interval holds both doubts: what happens with
    these rows, and how well the calibration is known.
    """
    if reason := _why_not(kept, chances.size):
        return {"reason": reason}
    assert kept is not None
    rows, chance = chances.size, np.random.default_rng(SEED)
    if rows > MOST_ROWS:
        taken = np.sort(chance.choice(rows, MOST_ROWS, replace=False))
        chances, flagged = chances[taken], flagged[taken]
    steps = calibration.steps_of(kept, chances)
    held = Binary(np.zeros(chances.size), chances, threshold)
    held.flagged = flagged.astype(np.float64)
    drawn: dict[str, list[float]] = {key: [] for key in BINARY_KEYS}
    for shares in calibration.drawn_shares(kept, DRAWS, chance):
        happened = (chance.random(chances.size) < shares[steps]).astype(np.float64)
        world = held.with_truth(happened)
        for key in BINARY_KEYS:
            if (value := world.value(key)) is not None:
                drawn[key].append(value)
    scale = rows / chances.size
    expected = held.with_truth(calibration.shares(kept)[steps]).counts()
    confusion = {name: count * scale for name, count in expected.items()}
    return {"metrics": {key: _of(values, rows) for key, values in drawn.items()}, "confusion": confusion, "rows": rows}


def numbers(kept: dict[str, Any] | None, sizes: Array, squares: Array) -> dict[str, Any]:
    """Mean error and root of the squared error of answered rows, from each row's probable loss (see `losses`)."""
    if reason := _why_not(kept, sizes.size):
        return {"reason": reason}
    assert kept is not None
    rows, chance = sizes.size, np.random.default_rng(SEED)
    found = {}
    for key, probable in (("mae", sizes), ("rmse", squares)):
        own, spread = kept[key]["doubt"], kept[key]["spread"] / np.sqrt(rows)
        drawn = probable.mean() * (1 + own * chance.standard_normal(DRAWS)) + spread * chance.standard_normal(DRAWS)
        drawn = np.maximum(drawn, 0.0)
        found[key] = _of((np.sqrt(drawn) if key == "rmse" else drawn).tolist(), rows)
    return {"metrics": found, "confusion": None, "rows": rows}


def _why_not(kept: dict[str, Any] | None, rows: int) -> str:
    if not kept:
        return "The held-back rows of training were too few to learn from what the model's doubt means."
    return "" if rows >= LEAST_ROWS else f"{rows} answers are too few to estimate from."


def _of(drawn: list[float], rows: int) -> dict[str, Any]:
    """The middle and the 95% interval of what was drawn."""
    if not drawn:
        return {"value": None, "low": None, "high": None, "n": rows, "reason": "it is undefined here"}
    low, value, high = np.quantile(drawn, [0.025, 0.5, 0.975])
    return {"value": float(value), "low": float(low), "high": float(high), "n": rows}
