"""Writes about monitors: one for each deployment in use, and its checks."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from audit.actors import Actor, Machine
from audit.services import record
from deployments.models import Deployment, Release
from jobs.models import Job
from jobs.queries import of_subject
from jobs.services import start
from monitoring.models import Monitor
from monitoring.queries import watch as queries

PLATFORM = Machine("Baton")


@transaction.atomic
def ensure_monitor(deployment: Deployment, *, by: Actor = PLATFORM) -> Monitor:
    """The monitor of a deployment; made when there is none yet."""
    monitor, fresh = Monitor.objects.get_or_create(deployment=deployment)
    if fresh:
        record(by, "monitor.created", monitor, project_key=deployment.project.key, deployment=deployment.name)
    return monitor


@transaction.atomic
def check_now(monitor: Monitor, *, by: Actor, begin: datetime | None = None, end: datetime | None = None) -> Job:
    """Start a check at once, of the newest answers or of those between two moments."""
    queries.champion_for(monitor)
    job = _start_check(monitor, by=by, begin=begin, end=end)
    project = monitor.deployment.project
    record(by, "monitor.check_requested", monitor, project_key=project.key, deployment=monitor.deployment.name)
    return job


def _start_check(monitor: Monitor, *, by: Actor, begin: datetime | None = None, end: datetime | None = None) -> Job:
    """One check of the newest answers at a time: while one is open, it is the answer."""
    Monitor.objects.select_for_update().get(pk=monitor.pk)
    span = {"begin": begin.isoformat(), "end": end.isoformat()} if begin and end else {}
    open_job = next((job for job in of_subject(monitor).filter(kind="monitoring.check")[:5] if job.is_open), None)
    if open_job and not span:
        return open_job
    return start(
        "monitoring.check",
        by=by,
        title=f"Check {monitor.deployment.name}",
        subject=monitor,
        project_key=monitor.deployment.project.key,
        payload=span,
    )


def check_due() -> int:
    """Look down: watch every deployment in use, and start the checks that are due. Returns how many."""
    in_use = Deployment.objects.filter(releases__state=Release.State.CHAMPION).select_related("project")
    in_use = in_use.filter(project__deleted_at=None, project__archived_at=None)
    for deployment in in_use.filter(monitor=None):
        ensure_monitor(deployment)
    started = 0
    for monitor in Monitor.objects.filter(deployment__in=in_use).select_related("deployment__project"):
        if _is_due(monitor):
            with transaction.atomic():
                _start_check(monitor, by=PLATFORM)
            started += 1
    return started


def _is_due(monitor: Monitor) -> bool:
    """By the clock; and early when the first window of a release has its answers."""
    if monitor.checked_at is None or timezone.now() - monitor.checked_at >= timedelta(seconds=monitor.every_seconds):
        return True
    release = queries.champion_for(monitor)
    if queries.latest_enough(monitor, release):
        return False
    return queries.span_of(monitor).rows >= monitor.minimum_rows and monitor.checked_at < timezone.now() - timedelta(
        seconds=60
    )


def mark_checked(monitor: Monitor) -> None:
    """The check is over, well or badly; the next comes by the clock."""
    Monitor.objects.filter(pk=monitor.pk).update(checked_at=timezone.now())
