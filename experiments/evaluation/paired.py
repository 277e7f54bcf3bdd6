"""PURE: two models on the same rows: the difference with its interval, McNemar's test, and the sentence that says it.

Because the rows are the same, chance in them falls on both: the bootstrap draws rows, not models (Efron and Tibshirani
1993), and McNemar's exact test (1947) looks only at rows on which one is right and the other wrong.
"""

import math
from typing import Any

import numpy as np

from experiments.evaluation.classes import Classes
from experiments.evaluation.held import decided
from experiments.evaluation.intervals import Held, resampled
from experiments.evaluation.metrics import Binary
from problems.problem import Problem
from projects.measures import MEASURES

DRAWS, SEED = 300, 7
Words = Binary | Classes  # answers that are one of some words
NOTHING: dict[str, Any] = {"value": None, "low": None, "high": None, "better": None}


def difference(
    champion: Held, challenger: Held, metric: str, direction: str, *, draws: int = DRAWS, seed: int = SEED
) -> dict[str, Any]:
    """Challenger minus champion on the same rows in the same order: {value, low, high, better}.

    `better` is True or False when the whole interval lies on one side of zero, else None: it could be chance. Where the
    metric is undefined for one of them, all four are None.
    """
    if champion.truth.size != challenger.truth.size or not np.array_equal(
        champion.truth, challenger.truth, equal_nan=champion.truth.dtype.kind == "f"
    ):
        raise Problem("Two models can only be compared on the same rows.", code="other_rows")
    before, after = (held.value(metric) if held.truth.size else None for held in (champion, challenger))
    if before is None or after is None:
        return dict(NOTHING)
    chance, drawn = np.random.default_rng(seed), []
    for _ in range(draws):
        weights = resampled(challenger, chance)
        a, b = champion.value(metric, weights), challenger.value(metric, weights)
        if a is not None and b is not None:
            drawn.append(b - a)
    low, high = (float(edge) for edge in np.quantile(drawn, [0.025, 0.975])) if drawn else (0.0, 0.0)
    sign = 1 if direction == "at_least" else -1
    better = None if low <= 0 <= high else (after - before) * sign > 0
    return {"value": after - before, "low": low, "high": high, "better": better}


def mcnemar(champion: Words, challenger: Words) -> dict[str, Any]:
    """{only_champion, only_challenger, p}: rows that only one calls rightly, and the exact p of such a split."""
    first, second = (decided(held) == held.truth for held in (champion, challenger))
    ours, theirs = int((second & ~first).sum()), int((first & ~second).sum())
    return {"only_champion": theirs, "only_challenger": ours, "p": _two_sided(min(ours, theirs), ours + theirs)}


def _two_sided(fewer: int, trials: int) -> float:
    """Twice the lower tail of a fair coin, at most 1."""
    if not trials:
        return 1.0
    logs = [math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1) for k in range(fewer + 1)]
    return min(1.0, 2 * sum(math.exp(one - trials * math.log(2)) for one in logs))


def flips(champion: Words, challenger: Words) -> float:
    """The share of rows that the two decide otherwise."""
    return float((decided(champion) != decided(challenger)).mean()) if champion.truth.size else 0.0


def compared(champion: Held, challenger: Held, metric: str, names: tuple[str, str]) -> dict[str, Any]:
    """The whole comparison by one metric, with its sentence; `names` are what people call the two."""
    measure = MEASURES[metric]
    found = difference(champion, challenger, metric, measure.better)
    told: dict[str, Any] = {"metric": metric, "rows": int(champion.truth.size), "difference": found}
    told["names"] = list(names)
    if isinstance(champion, Words) and isinstance(challenger, Words):
        told |= {"mcnemar": mcnemar(champion, challenger), "flips": flips(champion, challenger)}
    return told | {"sentence": sentence(champion, challenger, metric, names, found)}


def sentence(champion: Held, challenger: Held, metric: str, names: tuple[str, str], found: dict[str, Any]) -> str:
    """Which is better on these rows, by how much, and whether that could be chance."""
    measure, rows = MEASURES[metric], champion.truth.size
    if found["value"] is None:
        return f"On these {rows} rows it cannot be told: “{measure.words}” is undefined for one of them."
    before, after = champion.value(metric), challenger.value(metric)
    assert before is not None
    assert after is not None
    numbers = f"{measure.said(after)} against {measure.said(before)}"
    if found["better"] is None:
        return f"On the same {rows} rows {names[1]} and {names[0]} cannot be told apart: {numbers}. It could be chance."
    better, worse = names[::-1] if found["better"] else names
    return f"On the same {rows} rows {better} is surely better than {worse}: {numbers}."
