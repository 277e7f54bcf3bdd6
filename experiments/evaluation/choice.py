"""PURE: which of a run's methods is best: the one that misses fewest targets, then by the deciding metric."""

from collections.abc import Mapping, Sequence
from typing import Any

from projects.contract import Goal, Verdict, judged_from
from projects.measures import MEASURES

USUAL = {
    "binary": "roc_auc",
    "multiclass": "balanced_accuracy",
    "regression": "rmse",
    "forecast": "mae",
    "clustering": "silhouette",
    "anomaly": "flag_stability",
}
CHECKED = "average_precision"  # decides between methods that find the unusual, where some answers are known
Metrics = Mapping[str, Mapping[str, Any]]


def deciding_metric(kind: str, goals: Sequence[Goal], asked: str | None, *, checked: bool = False) -> str:
    """What decides between methods: what was asked for, the deciding target's metric, else the usual one.

    `checked` says that some answers are known where methods learn without any.
    """
    if asked:
        return asked
    deciding = [goal.metric for goal in goals if goal.deciding and goal.metric in MEASURES]
    return deciding[0] if deciding else CHECKED if kind == "anomaly" and checked else USUAL[kind]


def best(metrics: Mapping[str, Metrics], goals: Sequence[Goal], decide_by: str) -> str:
    """The key of the best method; ties go to the first."""
    return ranked(metrics, goals, decide_by)[0]


def ranked(metrics: Mapping[str, Metrics], goals: Sequence[Goal], decide_by: str) -> list[str]:
    """The keys from the best to the worst: fewest missed targets, then the deciding metric; ties stay as they were."""
    sign = 1 if MEASURES[decide_by].better == "at_most" else -1

    def rank(key: str) -> tuple[int, float]:
        judged = judged_from(goals, metrics[key])
        missed = sum(entry.verdict == Verdict.NOT_MET for entry in judged if not entry.goal.deciding)
        value = metrics[key].get(decide_by, {}).get("value")
        return missed, (sign * value if value is not None else float("inf"))

    return sorted(metrics, key=rank)
