"""PURE: the slice that suffers most: the value of an input whose answers are wrong most often beyond the rest."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from experiments.evaluation.intervals import wilson
from monitoring.performance.answers import plain

LEAST, MOST_VALUES = 20, 50


def worst(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> dict[str, Any]:
    """{column, value, rows, wrong, rest_rows, rest_wrong}; {} where no slice is worse by more than chance.

    `rows` are {outcome, answer, values}: what was said and sent, and what happened.
    """
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    total = [0, 0]
    for row in rows:
        wrong = int(str(plain(row["answer"])) != row["outcome"])
        total[0] += 1
        total[1] += wrong
        for column in columns:
            value = row["values"].get(column)
            if isinstance(value, (str, bool)):
                one = counts[column, str(value)]
                one[0] += 1
                one[1] += wrong
    values: dict[str, int] = defaultdict(int)
    for column, _ in counts:
        values[column] += 1
    found = [_of(column, value, one, total) for (column, value), one in counts.items() if values[column] <= MOST_VALUES]
    apart = [one for one in found if one and one["apart"] > 0]
    best = max(apart, key=lambda one: one["apart"], default=None)
    return {name: value for name, value in best.items() if name != "apart"} if best else {}


def _of(column: str, value: str, one: list[int], total: list[int]) -> dict[str, Any] | None:
    rows, wrong = one
    rest_rows, rest_wrong = total[0] - rows, total[1] - wrong
    if rows < LEAST or rest_rows < LEAST:
        return None
    apart = wilson(wrong, rows)[0] - wilson(rest_wrong, rest_rows)[1]
    named = {"column": column, "value": value, "rows": rows, "wrong": wrong}
    return named | {"rest_rows": rest_rows, "rest_wrong": rest_wrong, "apart": apart}
