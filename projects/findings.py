"""PURE: what the platform says first: a result, a person's list, in whole sentences with counted forms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from projects.contract import Verdict, goal_of
from projects.kinds import NOBODY
from projects.measures import MEASURES, Measure

# What a model does, by metric; {value} is the underlined figure.
FOUND = {
    "recall": "finds {value} {who}",
    "precision": "is right in {value} of its calls",
    "f1": "balances found and right calls at {value}",
    "accuracy": "is right in {value} answers",
    "specificity": "rightly leaves alone {value} others",
    "roc_auc": "ranks the right one higher in {value} pairs",
    "average_precision": "makes {value} right calls over all thresholds",
    "log_loss": "is surprised by the truth by {value}",
    "brier": "has an error of its percentages of {value}",
    "balanced_accuracy": "finds {value} of each answer on average",
    "macro_f1": "balances found and right calls of each answer at {value}",
    "macro_precision": "is right in {value} calls of each answer on average",
    "macro_recall": "finds {value} of every answer on average",
    "weighted_f1": "balances found and right calls, by how frequent answers are, at {value}",
    "weighted_precision": "is right in {value} calls, by how frequent answers are",
    "weighted_recall": "finds {value}, by how frequent answers are",
    "macro_roc_auc": "ranks the right answer higher in {value} pairs",
    "mae": "is off by {value} on average",
    "rmse": "is off by {value}, large errors weighing more",
    "median_ae": "is usually off by {value}",
    "mase": "is off by {value} times what the season before would be",
    "smape": "is off by {value} of its size",
    "silhouette": "puts rows into groups that lie apart by {value} (1 is best, 0 is chance)",
    "davies_bouldin": "finds groups that overlap by {value}",
    "calinski_harabasz": "finds groups that lie apart by {value} times their width",
    "group_stability": "finds {value} of the same groups when it learns again",
    "flagged_share": "flags {value} rows as unusual",
    "flag_stability": "flags {value} of the same rows when it learns again",
    "recall_at_share": "finds {value} known cases among the most unusual rows",
    "precision_at_share": "is right in {value} of the most unusual rows",
    "r2": "explains {value} parts of the ups and downs",
}
COUNTS = ["None", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten"]


@dataclass(frozen=True)
class Part:
    """A piece of a finding; `mark` underlines it: accent, warn, fail, or nothing."""

    text: str
    mark: str = ""


def counted(number: int, one: str, many: str) -> str:
    """`One target is met`, `Three targets are met`."""
    word = COUNTS[number] if number < len(COUNTS) else str(number)
    return f"{word} {one if number == 1 else many}"


def figure(measure: Measure, value: float, unit: str) -> str:
    """A value as findings say it: `74 of every 100`, `3.1 minutes`."""
    return measure.said(value, unit).replace(" of 100", " of every 100")


def result_finding(name: str, rows: Sequence[Mapping[str, Any]], who: str) -> list[Part]:
    """What the model does by the deciding target, then how the targets stand."""
    row = _leading(rows)
    if row is None or row.get("value") is None:
        return [Part(f"{name} has been measured. "), *_standing(rows)]
    measure = MEASURES[row["metric"]]
    before, _, after = FOUND[measure.key].partition("{value}")
    mark = {Verdict.CLOSE: "warn", Verdict.NOT_MET: "fail"}.get(row["verdict"], "accent")
    return [
        Part(f"{name} {before}"),
        Part(figure(measure, row["value"], str(row.get("unit") or "")), mark),
        Part(f"{after.format(who=who or NOBODY)}. "),
        *_standing(rows),
    ]


def _leading(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The deciding target, else the first that is about a metric of the whole model."""
    plain = [row for row in rows if row.get("kind", "metric") == "metric" and row["metric"] in FOUND]
    return next((row for row in plain if row.get("deciding")), plain[0] if plain else None)


def _standing(rows: Sequence[Mapping[str, Any]]) -> list[Part]:
    later = sum(row["verdict"] == Verdict.UNMEASURED and goal_of(row).after_launch for row in rows)
    verdicts = [row["verdict"] for row in rows]
    if not verdicts:
        return [Part("No targets are set.")]
    if all(verdict == Verdict.MET for verdict in verdicts):
        return [Part("The target is met." if len(verdicts) == 1 else f"All {len(verdicts)} targets are met.")]
    said: list[Part] = []
    if met := verdicts.count(Verdict.MET):
        said.append(Part(counted(met, "target is met. ", "targets are met. ")))
    for verdict, words, mark in (
        (Verdict.CLOSE, "too close to call", "warn"),
        (Verdict.NOT_MET, "not met", "fail"),
        (Verdict.UNMEASURED, "not measured yet", ""),
    ):
        if number := verdicts.count(verdict) - (later if verdict == Verdict.UNMEASURED else 0):
            said += [Part(counted(number, "is ", "are ")), Part(words, mark), Part(". ")]
    if later:
        said.append(Part(counted(later, "can only be measured after launch. ", "can only be measured after launch. ")))
    return said


def last_result(rows: Sequence[Mapping[str, Any]], who: str) -> str:
    """The deciding target's value in a few words, for lists: `Finds 74 of 100 customers who leave`."""
    row = _leading(rows)
    if row is None or row.get("value") is None:
        return ""
    value = MEASURES[row["metric"]].said(row["value"], str(row.get("unit") or ""))
    text = FOUND[row["metric"]].format(value=value, who=who or NOBODY)
    return text[0].upper() + text[1:]


def home_finding(needs: int, projects: int) -> list[Part]:
    """The one sentence on top of a person's home."""
    if needs:
        return [Part(counted(needs, "thing waits for you", "things wait for you"), "accent"), Part(".")]
    if not projects:
        return [Part("Nothing needs you yet.")]
    return [Part(f"Nothing needs you. {counted(projects, 'project is', 'projects are')} moving without you.")]
