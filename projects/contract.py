"""PURE: targets and measurements in, verdicts out. The same judge serves runs, gates, monitors, KPIs and retraining."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date
from enum import StrEnum
from typing import Any

from projects.measures import MEASURES, Measure, short_number

LATENCY_KEY = "latency_p95"


class TargetKind(StrEnum):
    """What a target is about."""

    METRIC = "metric"
    SLICE = "slice"
    FAIRNESS = "fairness"
    LATENCY = "latency"
    KPI = "kpi"


OF_METRICS = (TargetKind.METRIC, TargetKind.SLICE, TargetKind.FAIRNESS)


class Verdict(StrEnum):
    """The four honest answers."""

    MET = "met"
    CLOSE = "close"
    NOT_MET = "not_met"
    UNMEASURED = "unmeasured"

    @property
    def words(self) -> str:
        """What people read."""
        return {"met": "Met", "close": "Too close to call", "not_met": "Not met", "unmeasured": "Not measured yet"}[
            self
        ]


@dataclass(frozen=True)
class Goal:
    """A target as the judge sees it; the threshold is in the metric's own unit (recall 0.70, not 70).

    `metric` is a metric's key, or the key of a KPI. A slice is the rows whose `column` reads `equals`, or lies from
    `floor` to below `ceiling`. Fairness is the largest gap of the metric between the groups of `column` that have at
    least `least_group` rows. A KPI whose `source` is `money` is counted from the project's table of money.
    """

    name: str
    metric: str
    direction: str
    threshold: float
    unit: str = ""
    deciding: bool = False
    kind: str = TargetKind.METRIC
    column: str = ""
    equals: str = ""
    floor: float | None = None
    ceiling: float | None = None
    least_group: int = 0
    baseline: float | None = None
    owner: str = ""
    cadence: str = ""
    source: str = ""
    by_date: str = ""

    @property
    def key(self) -> str:
        """What measurements of it are known by; a plain metric's is the metric's own."""
        match self.kind:
            case TargetKind.SLICE:
                return f"{self.metric}@{self.column} {self._rows}"
            case TargetKind.FAIRNESS:
                return f"gap of {self.metric}@{self.column} {self.least_group}"
            case TargetKind.KPI:
                return f"kpi:{self.metric}"
            case TargetKind.LATENCY:
                return LATENCY_KEY
        return self.metric

    @property
    def _rows(self) -> str:
        if self.floor is None and self.ceiling is None:
            return f"= {self.equals}"
        ends = ("" if end is None else f"{end:.10g}" for end in (self.floor, self.ceiling))
        return "..".join(ends)

    @property
    def measure(self) -> Measure | None:
        """The metric that it is about, if it is about one."""
        return MEASURES.get(self.metric) if self.kind in OF_METRICS else None

    @property
    def scale(self) -> int:
        """What turns the stored number into the one that people read: 0.70 into 70 of 100."""
        return 100 if self.measure and self.measure.of_100 else 1

    @property
    def after_launch(self) -> bool:
        """Whether only the business can say it, once a model is in use."""
        return self.kind == TargetKind.KPI and self.source != "money"

    def said(self, number: float) -> str:
        """A value of it in plain words: `74 of 100`, `1.6 points of 100`, `38 ms`, `2.5 %`."""
        if self.kind == TargetKind.FAIRNESS and self.scale == 100:
            return f"{short_number(100 * number)} points of 100"
        if self.measure:
            return self.measure.said(number, self.unit)
        unit = "ms" if self.kind == TargetKind.LATENCY else self.unit
        return f"{short_number(number)}{' ' + unit if unit else ''}"


GOAL_FIELDS = tuple(field.name for field in fields(Goal))


@dataclass(frozen=True)
class Measurement:
    """A measured value with its 95% interval, in the metric's own unit. `n` is the number of rows behind it.

    `note` is what a reader must know beside the numbers, such as groups that were too small to count.
    """

    value: float
    low: float
    high: float
    n: int
    note: str = ""

    def __post_init__(self) -> None:
        """What was not measured must not be judged: no NaN, no infinity, no interval the wrong way round."""
        if not all(math.isfinite(number) for number in (self.value, self.low, self.high)) or self.low > self.high:
            raise ValueError(f"not a measurement: {self.value} in {self.low} to {self.high}")


@dataclass(frozen=True)
class Judgement:
    """One target, what was measured, the verdict, and the sentence that says so."""

    goal: Goal
    measurement: Measurement | None
    verdict: Verdict
    sentence: str

    @property
    def words(self) -> str:
        """The verdict as people read it; what only the business can say waits for the launch."""
        if self.verdict == Verdict.UNMEASURED and self.goal.after_launch:
            return "After launch"
        return self.verdict.words


def judge(goal: Goal, measurement: Measurement | None, reason: str = "") -> Judgement:
    """Met if the whole interval is on the good side, not met if wholly on the bad side, else too close to call.

    `reason` says why there is no measurement, where that is known.
    """
    if measurement is None:
        why = "It is known only after launch." if goal.after_launch else "Not measured yet."
        return Judgement(goal, None, Verdict.UNMEASURED, f"Not measured yet: {reason}." if reason else why)
    if not math.isfinite(goal.threshold):
        raise ValueError(f"not a target: {goal.threshold}")
    at_least = goal.direction == "at_least"
    good = measurement.low >= goal.threshold if at_least else measurement.high <= goal.threshold
    bad = measurement.high < goal.threshold if at_least else measurement.low > goal.threshold
    verdict = Verdict.MET if good else Verdict.NOT_MET if bad else Verdict.CLOSE
    return Judgement(goal, measurement, verdict, _sentence(goal, measurement, verdict))


def judge_all(
    goals: Sequence[Goal], measured: Mapping[str, Measurement], reasons: Mapping[str, str] | None = None
) -> list[Judgement]:
    """Every target against the measurements by the goals' keys; `reasons` say why one is missing."""
    return [judge(goal, measured.get(goal.key), (reasons or {}).get(goal.key, "")) for goal in goals]


def bound_words(direction: str) -> str:
    """`at least` or `at most`."""
    return "at least" if direction == "at_least" else "at most"


def day_words(iso: str) -> str:
    """`2027-06-01` as `1 June 2027`."""
    day = date.fromisoformat(iso)
    return f"{day.day} {day:%B %Y}"


def _sentence(goal: Goal, measured: Measurement, verdict: Verdict) -> str:
    value, low, high = (goal.said(number) for number in (measured.value, measured.low, measured.high))
    sure = measured.low == measured.value == measured.high
    between = "" if sure else f", between {low} and {high} 19 times out of 20"
    by = f" by {day_words(goal.by_date)}" if goal.by_date else ""
    target = f"{bound_words(goal.direction)} {goal.said(goal.threshold)}{by}"
    note = f" {measured.note}" if measured.note else ""
    return f"{verdict.words}: {value}{between}; target {target}.{note}"


# ---- Judgements as rooms keep them ----


def as_row(judged: Judgement) -> dict[str, Any]:
    """A judgement as plain JSON: the target's fields and key, the verdict with its words, the numbers, the sentence."""
    found = judged.measurement
    numbers = {"value": found.value, "low": found.low, "high": found.high, "n": found.n} if found else {}
    return {
        **asdict(judged.goal),
        "key": judged.goal.key,
        "verdict": str(judged.verdict),
        "words": judged.words,
        **({"value": None, "low": None, "high": None, "n": 0} | numbers),
        "sentence": judged.sentence,
    }


def goal_of(row: Mapping[str, Any]) -> Goal:
    """The target in a row that was kept."""
    return Goal(**{name: row[name] for name in GOAL_FIELDS if name in row})


def measurements(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Measurement]:
    """Numbers as engines keep them, by key; what is undefined is left out, so it counts as not measured."""
    return {
        key: Measurement(one["value"], one["low"], one["high"], one["n"], one.get("note", ""))
        for key, one in found.items()
        if one and one.get("value") is not None
    }


def reasons(found: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Why something could not be measured, by key, as far as engines know."""
    return {key: str(one["reason"]) for key, one in found.items() if one and one.get("reason")}


def judged_from(goals: Sequence[Goal], found: Mapping[str, Mapping[str, Any]]) -> list[Judgement]:
    """Every target against numbers as engines keep them."""
    return judge_all(goals, measurements(found), reasons(found))
