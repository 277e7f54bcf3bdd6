"""PURE: how often a chance that the model says comes true, learned on held-back rows, with how sure that is.

Isotonic regression (Zadrozny and Elkan 2002): steps on which the share of right answers never falls. Each step keeps
its rows and how many came true, so that what is read off it carries the doubt of few rows.
"""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
LEAST_ROWS, MOST_STEPS = 100, 200


def learned(chances: Array, truth: Array) -> dict[str, list[float]] | None:
    """`chances` between 0 and 1, `truth` 0 or 1, equally long. Plain JSON; None where there are too few rows."""
    from sklearn.isotonic import IsotonicRegression

    if chances.size < LEAST_ROWS or truth.min() == truth.max():
        return None
    order = np.argsort(chances, kind="stable")
    chances, truth = chances[order], truth[order]
    fitted = IsotonicRegression(out_of_bounds="clip").fit_transform(chances, truth)
    ends = np.append(np.flatnonzero(np.diff(fitted)), fitted.size - 1)
    if ends.size > MOST_STEPS:
        ends = np.append(ends[:: -(-ends.size // MOST_STEPS)][:-1], ends[-1])
    rows = np.diff(ends, prepend=-1)
    came = np.diff(np.cumsum(truth)[ends], prepend=0.0)
    return {"upto": chances[ends].tolist(), "rows": rows.tolist(), "came_true": came.tolist()}


def steps_of(kept: dict[str, list[float]], chances: Array) -> Array:
    """On which step each chance lies."""
    upto = np.array(kept["upto"])
    found: Array = np.minimum(np.searchsorted(upto, chances, side="left"), upto.size - 1)
    return found


def shares(kept: dict[str, list[float]]) -> Array:
    """The share that came true on each step."""
    found: Array = np.array(kept["came_true"]) / np.array(kept["rows"])
    return found


def drawn_shares(kept: dict[str, list[float]], draws: int, chance: np.random.Generator) -> Array:
    """`draws` plausible shares for each step (Jeffreys: beta with half a case added to either side)."""
    rows, came = np.array(kept["rows"]), np.array(kept["came_true"])
    found: Array = chance.beta(came + 0.5, rows - came + 0.5, (draws, rows.size))
    return found
