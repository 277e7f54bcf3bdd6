"""PURE: what a model looks at: how much worse it gets on held-back rows when one input is shuffled (Breiman 2001)."""

from collections.abc import Callable
from typing import Any

import numpy as np

from experiments.evaluation.metrics import Array
from experiments.matrices import Layout

MOST_ROWS = 1000
REPEATS = 5


def importance(
    layout: Layout,
    matrix: Array,
    truth: Array,
    ask: Callable[[Array], Array],
    score: Callable[[Array, Array], float],
    seed: int,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> list[dict[str, Any]]:
    """Loss of `score(ask(matrix), truth)` (larger is better) per input: mean, low and high over seeded shuffles.

    Uses at most `MOST_ROWS` seeded rows. All parts of a date are shuffled together, and all shuffles of an input are
    asked at once: a model takes far longer to be asked often than to be asked much. Sorted by loss, largest first.
    """
    chance = np.random.default_rng(seed)
    rows = np.sort(chance.choice(len(matrix), min(len(matrix), MOST_ROWS), replace=False))
    matrix, truth = matrix[rows], truth[rows]
    best = score(ask(matrix), truth)
    found = []
    for number, (name, _) in enumerate(layout.inputs):
        told(number, len(layout.inputs))
        order = np.concatenate([chance.permutation(len(matrix)) for _ in range(REPEATS)])
        shuffled = np.tile(matrix, (REPEATS, 1))
        for place in layout.places[name]:
            shuffled[:, place] = matrix[order, place]
        losses = [best - score(said, truth) for said in np.split(ask(shuffled), REPEATS)]
        mean, spread = float(np.mean(losses)), 2 * float(np.std(losses, ddof=1))
        found.append({"name": name, "loss": mean, "low": mean - spread, "high": mean + spread})
    return sorted(found, key=lambda entry: (-entry["loss"], entry["name"]))
