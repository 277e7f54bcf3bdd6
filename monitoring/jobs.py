"""The jobs of the monitoring room: check a window, compare a challenger, and the looks down that start them."""

import json
from datetime import datetime
from typing import Any

from django.conf import settings

from deployments.models import Release
from jobs.context import Context
from jobs.limits import Limits
from jobs.models import Job
from jobs.registry import job, periodic
from monitoring import rules
from monitoring.models import Monitor, Retraining
from monitoring.queries import pauses, plans
from monitoring.queries import watch as queries
from monitoring.queries.speaking import speaking_of
from monitoring.services import alerts, monitors, retrainings, rollouts, windows
from monitoring.services import due as due_rules
from problems.problem import Problem

LIMITS = Limits(memory_mb=2048, cpu_seconds=1800, wall_seconds=1800, sorts=True)


def _check_failed(row: Job) -> None:
    monitor = Monitor.objects.filter(pk=row.subject_id).first()
    if monitor:
        monitors.mark_checked(monitor)


@job("monitoring.check", queue="monitoring", limits=LIMITS, on_failure=_check_failed)
def check(context: Context) -> None:
    """Measure the newest answers, or those between the two moments that the job names."""
    monitor = Monitor.objects.select_related("deployment__project").get(pk=context.job.subject_id)
    payload = context.job.payload
    moments = [datetime.fromisoformat(payload[name]) for name in ("begin", "end") if name in payload]
    span = queries.span_of(monitor, *moments)
    newest = plans.newest_outcome(monitor.deployment)  # before they are read: what comes meanwhile counts next time
    with_outcomes = plans.new_outcomes(monitor, newest)
    if not span.rows and not with_outcomes:
        _nothing_new(context, monitor, span)
        return
    if plans.learned_of(span.release) is None:
        _learn(context, span.release)
    spec = plans.engine_spec(monitor, span, with_outcomes=with_outcomes)
    if with_outcomes:
        (context.folder / "outcomes.json").write_text(json.dumps(plans.outcomes_by_id(monitor.deployment)))
    found = context.call("monitoring.window:run", spec)
    if with_outcomes:
        found["performance"]["read_to"] = newest
    text = (
        f"{found['rows']} answers" if found["enough"] else f"{found['rows']} of {monitor.minimum_rows} answers so far"
    )
    with context.finish({"rows": found["rows"], "enough": found["enough"], "text": text}):
        windows.record_window(monitor, span.release, start=span.start, end=span.end, found=found)


def _learn(context: Context, release: Release) -> None:
    """Once for each release. Where it cannot be learned a check goes on, and what is not known is called unknown."""
    try:
        found, message = context.call("monitoring.performance.learning:run", plans.learning_spec(release)), ""
    except Problem as problem:
        found, message = {}, problem.text
    windows.keep_learned(release, found, message)


def _nothing_new(context: Context, monitor: Monitor, span: queries.Span) -> None:
    """No answer and no outcome since the last check: only a long silence is a matter."""
    last = queries.latest_enough(monitor, span.release)
    pause = pauses.silence_of(monitor.deployment)
    matter = rules.silence(pause.hours, pause.longest, pause.known) if pause else None
    with context.finish({"rows": 0, "enough": False, "text": "No new answers since the last check."}):
        monitors.mark_checked(monitor)
        if matter and speaking_of(monitor).rule(matter.rule).speaks:
            windows.raise_alert(monitor, matter, window=last, by=monitors.PLATFORM)


def _comparison_failed(row: Job) -> None:
    retraining = Retraining.objects.filter(pk=row.subject_id, state=Retraining.State.TRAINING).first()
    if retraining:
        retrainings.give_up(retraining, f"The comparison ended badly: {row.message}")


@job("monitoring.compare", queue="evaluation", limits=LIMITS, on_failure=_comparison_failed)
def compare(context: Context) -> None:
    """Judge challenger and model in use on the same rows."""
    retraining = Retraining.objects.select_related(
        "monitor__deployment__project", "run__data__table", "champion__version__run__data"
    ).get(pk=context.job.subject_id)
    spec: dict[str, Any] = plans.comparison_spec(retraining)
    outcomes = plans.outcomes_by_id(retraining.monitor.deployment)
    (context.folder / "outcomes.json").write_text(json.dumps(outcomes))
    comparison = context.call("monitoring.comparison:run", spec)
    with context.finish({"finding": comparison["finding"]}):
        retrainings.finish_comparison(retraining, comparison)


@periodic("monitoring.due", every=settings.TICK_SECONDS)
def due() -> None:
    """Watch what is in use, check what is due, and pass on what nobody took."""
    monitors.check_due()
    alerts.escalate()
    alerts.tell_held()


@periodic("monitoring.retrainings", every=settings.TICK_SECONDS)
def look_after_retrainings() -> None:
    """Carry on with retrainings whose run has ended, and with trials that rules began."""
    retrainings.look_after()
    rollouts.look_after()


@periodic("monitoring.rules", every=settings.TICK_SECONDS)
def follow_rules() -> None:
    """Retrain what the rules in force say, or tell that it is time."""
    due_rules.follow_rules()
