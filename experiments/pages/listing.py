"""Runs as lists show them: one row each, with the deciding metric and how the targets stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from experiments.estimators.catalog import name_of
from experiments.evaluation.comparison import tally
from experiments.models.runs import Run
from jobs.models import OPEN_STATES, Job, State
from projects.contract import Goal, goal_of
from projects.measures import MEASURES


@dataclass(frozen=True)
class Bar:
    """An interval bar in the unit that people read, with the words that are read aloud."""

    low: float
    value: float
    high: float
    target: float | None
    words: str
    said: str


@dataclass(frozen=True)
class RunRow:
    """One run of a list."""

    run: Run
    method: str
    bar: Bar | None
    status: str
    words: str
    job: Job | None

    @property
    def seconds(self) -> float | None:
        """How long it took from start to end."""
        ended = self.run.finished_at
        return (ended - self.run.created_at).total_seconds() if ended else None


def bar_of(metrics: Mapping[str, Any], key: str, verdicts: Sequence[Mapping[str, Any]] = ()) -> Bar | None:
    """The interval bar of one metric; with the target's tick where a target names this metric for the whole."""
    found = metrics.get(key)
    if not found or found.get("value") is None:
        return None
    row = next((row for row in verdicts if goal_of(row).key == key), None)
    if row:
        return goal_bar(goal_of(row), found)
    measure = MEASURES[key]
    return _bar(found, Goal(measure.words, key, measure.better, 0.0), None)


def goal_bar(goal: Goal, found: Mapping[str, Any]) -> Bar:
    """The interval bar of a target, with its tick."""
    return _bar(found, goal, goal.scale * goal.threshold)


def _bar(found: Mapping[str, Any], goal: Goal, target: float | None) -> Bar:
    low, value, high = (goal.scale * found[name] for name in ("low", "value", "high"))
    said = [goal.said(found[name]) for name in ("value", "low", "high")]
    words = f"{said[0]}, between {said[1]} and {said[2]}"
    return Bar(low, value, high, target, words + (f"; target {target:g}" if target is not None else ""), said[0])


def verdict_bars(verdicts: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], Bar | None]]:
    """Each verdict with its interval bar."""
    return [(row, goal_bar(goal_of(row), row) if row.get("value") is not None else None) for row in verdicts]


def run_rows(runs: Sequence[Run], decide_by: str) -> list[RunRow]:
    """Rows for these runs; one query finds the open jobs of those that are not over."""
    jobs = _open_jobs([run for run in runs if run.state == Run.State.WAITING])
    return [_row(run, decide_by, jobs.get(str(run.pk))) for run in runs]


def _row(run: Run, decide_by: str, job: Job | None) -> RunRow:
    if run.state == Run.State.FINISHED:
        status, words = tally(run.verdicts)
    elif run.state == Run.State.WAITING:
        running = job is not None and job.state == State.RUNNING
        percent = f" {job.percent}%" if job is not None and running and job.percent is not None else ""
        status, words = ("run", f"Training{percent}") if running else ("wait", "Waiting")
    else:
        status, words = ("fail", "Failed") if run.state == Run.State.FAILED else ("stopped", "Stopped")
    method = name_of(run.method) if run.method else ""
    return RunRow(run, method, bar_of(run.metrics, decide_by, run.verdicts), status, words, job)


def _open_jobs(runs: Sequence[Run]) -> dict[str, Job]:
    if not runs:
        return {}
    keys = [str(run.pk) for run in runs]
    jobs: QuerySet[Job] = Job.objects.filter(subject_type=Run._meta.label_lower, subject_id__in=keys)
    return {job.subject_id: job for job in jobs.filter(state__in=OPEN_STATES)}
