"""PURE: metrics with 95% intervals of answers whose outcome is known, by the same functions that judged the run."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from experiments.evaluation.asked import measured_goals
from experiments.evaluation.classes import Classes
from experiments.evaluation.forecasts import Forecasts
from experiments.evaluation.intervals import Held, measured
from experiments.evaluation.metrics import Binary, Numbers
from experiments.evaluation.oddities import Odd
from monitoring.performance.answers import plain
from projects.contract import Goal

MOST_ROWS = 20_000
SEED = 7
FIELDS = {"binary": "probability", "multiclass": "chances"}
FIELDS |= dict.fromkeys(("regression", "forecast", "anomaly"), "number")


def held(
    signature: dict[str, Any], outcomes: list[str], said: list[Any], answers: list[str | None] | None = None
) -> Held:
    """Truth beside what was said: the chance of the positive class, chances by class, or a number.

    With `answers` (logged words) those count as they were given: a decision policy may have moved the threshold.
    """
    if signature["kind"] == "binary":
        truth = np.array([outcome == signature["positive"] for outcome in outcomes], dtype=np.float64)
        found = Binary(truth, np.array(said), float(signature["threshold"]))
        if answers is not None:
            found.flagged = np.array([plain(one) == signature["positive"] for one in answers], dtype=np.float64)
        return found
    if signature["kind"] == "multiclass":
        return _classes(signature["classes"], outcomes, said, [str(plain(one)) for one in answers or ()])
    if signature["kind"] == "anomaly":
        truth = np.array(
            [{signature["positive"]: 1.0, signature["negative"]: 0.0}.get(one, np.nan) for one in outcomes]
        )
        return Odd(truth, np.array(said, dtype=np.float64), signature["edge"], signature["share"])
    shape = Forecasts if signature["kind"] == "forecast" else Numbers
    return shape(np.array([float(outcome) for outcome in outcomes]), np.array(said))


def _classes(names: list[str], outcomes: list[str], said: list[Any], answers: list[str]) -> Classes:
    """With the chance of each class in the order of `names`; the answers are those that were given.

    What happened may be an answer that the model does not know: it gave that no chance.
    """
    names = [*names, *sorted(set(outcomes) - set(names))]
    places = {name: place for place, name in enumerate(names)}
    chances = np.array([[row.get(name, 0.0) for name in names] for row in said], dtype=np.float64).reshape(
        -1, len(names)
    )
    given = np.array([places[one] for one in answers], dtype=np.int64) if answers else None
    return Classes(np.array([places[one] for one in outcomes], dtype=np.int64), chances, names, given)


def metrics(
    signature: dict[str, Any], joined: list[dict[str, Any]], goals: Sequence[Goal] = ()
) -> tuple[dict[str, dict[str, Any]], dict[str, float] | None]:
    """Every metric of answered rows {outcome, answer, probability, number, chances, values}, with what targets ask of
    some of the rows, and the counts of right and wrong answers; of more than `MOST_ROWS` a seeded sample.

    `values` of a row are what its callers sent in the columns that targets name.
    """
    field = FIELDS[signature["kind"]]
    rows = [row for row in joined if row[field] is not None]
    if len(rows) > MOST_ROWS:
        taken = np.random.default_rng(SEED).choice(len(rows), MOST_ROWS, replace=False)
        rows = [rows[i] for i in sorted(taken)]
    answers = [row["answer"] for row in rows]
    known = held(signature, [row["outcome"] for row in rows], [row[field] for row in rows], answers)
    names = {name for row in rows for name in row.get("values") or ()}

    def values(column: str) -> list[Any] | None:
        return [(row.get("values") or {}).get(column) for row in rows] if column in names else None

    found = measured(known, SEED) | measured_goals(goals, known, values, SEED)
    return found, known.counts() if isinstance(known, Binary) else None
