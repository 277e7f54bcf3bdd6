"""PURE: how a model bears worse data than it was tested on: the metric against the strength of each disturbance.

Five disturbances of the inputs' matrix, each at growing strength, with a seed: cells go missing, numbers get noise or
are all moved (both in standard deviations of the column on these rows), words get typing errors, words are swapped for
others of their column. The truth stays. A model that then gives no finite answer is said to fail, with the reason.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from experiments.evaluation.held import Judge
from experiments.evaluation.intervals import Measured, measured_one
from experiments.evaluation.metrics import Array
from experiments.matrices import GAP, Layout, Matrix
from problems.problem import Problem

MOST_ROWS = 2000
SHARES = (0.05, 0.1, 0.2, 0.4)
SPREADS = (0.25, 0.5, 1.0, 2.0)
Change = Callable[[Array, float, Any], Array]


def _missing_number(values: Array, share: float, chance: Any) -> Array:
    found = values.astype(np.float64)
    found[chance.random(found.size) < share] = np.nan
    return found


def _missing_word(values: Array, share: float, chance: Any) -> Array:
    found = values.copy()
    found[chance.random(found.size) < share] = GAP
    return found


def _spread(values: Array) -> float:
    known = values[~np.isnan(values)]
    return float(known.std()) if known.size > 1 else 0.0


def _noise(values: Array, strength: float, chance: Any) -> Array:
    numbers = values.astype(np.float64)
    found: Array = numbers + chance.normal(0.0, 1.0, numbers.size) * strength * _spread(numbers)
    return found


def _shift(values: Array, strength: float, chance: Any) -> Array:
    numbers = values.astype(np.float64)
    found: Array = numbers + strength * _spread(numbers)
    return found


def _typos(values: Array, share: float, chance: Any) -> Array:
    found = values.copy()
    for place in np.flatnonzero(chance.random(found.size) < share):
        if found[place] != GAP:
            found[place] = mistyped(str(found[place]), chance)
    return found


def mistyped(text: str, chance: Any) -> str:
    """One slip of a finger: a letter twice, left out, or changed with its neighbour."""
    if len(text) < 2:
        return text + text
    place = int(chance.integers(0, len(text) - 1))
    slips = (
        text[:place] + text[place] + text[place:],
        text[:place] + text[place + 1 :],
        text[:place] + text[place + 1] + text[place] + text[place + 2 :],
    )
    found = slips[int(chance.integers(0, 3))]
    return found if found != text else slips[0]


def _swap(values: Array, share: float, chance: Any) -> Array:
    words = np.unique(values[values != GAP].astype(str))
    if words.size < 2:
        return values.copy()
    found = values.copy()
    rows = np.flatnonzero((chance.random(found.size) < share) & (values != GAP))
    own = np.searchsorted(words, values[rows].astype(str))
    found[rows] = words[(own + chance.integers(1, words.size, rows.size)) % words.size]
    return found


TESTS: dict[str, tuple[Sequence[float], Change | None, Change | None]] = {
    "missing": (SHARES, _missing_number, _missing_word),
    "noise": (SPREADS, _noise, None),
    "shift": (SPREADS, _shift, None),
    "typos": (SHARES, None, _typos),
    "swapped": (SHARES, None, _swap),
}


def stressed(judge: Judge, matrix: Matrix, truth: Array, layout: Layout, metric: str, seed: int = 7) -> dict[str, Any]:
    """{metric, rows, calm, tests}: each test has {kind, columns, points}, a point {strength, value, low, high, n}.

    `matrix` (rows x layout.width) and `truth` are held-back rows; at most `MOST_ROWS` seeded ones are used. `calm` is
    the metric without any disturbance on the same rows. A test without a column that it can disturb has no points.
    """
    chance = np.random.default_rng(seed)
    rows = np.sort(chance.choice(len(matrix), min(len(matrix), MOST_ROWS), replace=False))
    matrix, truth = matrix[rows], truth[rows]
    tests = []
    for kind, (strengths, _, _) in TESTS.items():
        changes = _changes(layout, kind)
        points = [
            {"strength": strength} | _measured(judge, _changed(matrix, changes, strength, seed), truth, metric, seed)
            for strength in (strengths if changes else ())
        ]
        tests.append({"kind": kind, "columns": len(changes), "points": points})
    return {
        "metric": metric,
        "rows": int(rows.size),
        "calm": _measured(judge, matrix, truth, metric, seed),
        "tests": tests,
    }


def _changes(layout: Layout, kind: str) -> list[tuple[tuple[int, ...], Change]]:
    """Which columns of the matrix a disturbance changes, and how; the parts of a date only go missing, all together."""
    _, number, text = TESTS[kind]
    fitting = {
        "text": text,
        "boolean": None if kind == "typos" else text,
        "date": number if kind == "missing" else None,
        "datetime": number if kind == "missing" else None,
    }
    found = [(layout.places[name], fitting.get(of, number)) for name, of in layout.inputs]
    return [(places, change) for places, change in found if change is not None]


def _changed(matrix: Matrix, changes: Sequence[tuple[tuple[int, ...], Change]], strength: float, seed: int) -> Matrix:
    found = matrix.copy()
    for places, change in changes:
        for place in places:  # one seed for one input, so that all parts of a date are hit in the same rows
            chance = np.random.default_rng([seed, round(1000 * strength), places[0]])
            found[:, place] = change(matrix[:, place], strength, chance)
    return found


def _measured(judge: Judge, matrix: Matrix, truth: Array, metric: str, seed: int) -> Measured:
    try:
        return measured_one(judge.held(matrix, truth), metric, seed)
    except (Problem, ValueError) as error:
        reason = error.text if isinstance(error, Problem) else "the model refuses such rows"
        return {"value": None, "low": None, "high": None, "n": len(truth), "reason": reason}
