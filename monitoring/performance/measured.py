"""PURE: metrics with 95% intervals of answers whose outcome is known, by the same functions that judged the run."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from experiments.evaluation.asked import measured_goals
from experiments.evaluation.intervals import measured_binary, measured_numbers
from experiments.evaluation.metrics import Binary, Numbers
from monitoring.performance.answers import plain
from projects.contract import Goal

MOST_ROWS = 20_000
SEED = 7


def held(
    signature: dict[str, Any], outcomes: list[str], said: list[float], answers: list[str | None] | None = None
) -> Binary | Numbers:
    """Truth beside what was said: the probability of the positive class, or a number.

    With `answers` (logged words) those count as they were given: a decision policy may have moved the threshold.
    """
    if signature["kind"] == "binary":
        truth = np.array([outcome == signature["positive"] for outcome in outcomes], dtype=np.float64)
        found = Binary(truth, np.array(said), float(signature["threshold"]))
        if answers is not None:
            found.flagged = np.array([plain(one) == signature["positive"] for one in answers], dtype=np.float64)
        return found
    return Numbers(np.array([float(outcome) for outcome in outcomes]), np.array(said))


def metrics(
    signature: dict[str, Any], joined: list[dict[str, Any]], goals: Sequence[Goal] = ()
) -> tuple[dict[str, dict[str, Any]], dict[str, float] | None]:
    """Every metric of answered rows {outcome, answer, probability, number, values}, with what targets ask of some of
    the rows, and the counts of right and wrong answers; of more than `MOST_ROWS` a seeded sample.

    `values` of a row are what its callers sent in the columns that targets name.
    """
    field = "probability" if signature["kind"] == "binary" else "number"
    rows = [row for row in joined if row[field] is not None]
    if len(rows) > MOST_ROWS:
        taken = np.random.default_rng(SEED).choice(len(rows), MOST_ROWS, replace=False)
        rows = [rows[i] for i in sorted(taken)]
    answers = [row["answer"] for row in rows]
    known = held(signature, [row["outcome"] for row in rows], [row[field] for row in rows], answers)
    names = {name for row in rows for name in row.get("values") or ()}

    def values(column: str) -> list[Any] | None:
        return [(row.get("values") or {}).get(column) for row in rows] if column in names else None

    found = measure(known) | measured_goals(goals, known, values, SEED)
    return found, known.counts() if isinstance(known, Binary) else None


def measure(known: Binary | Numbers) -> dict[str, dict[str, Any]]:
    """All metrics with their intervals."""
    return measured_binary(known, SEED) if isinstance(known, Binary) else measured_numbers(known, SEED)
