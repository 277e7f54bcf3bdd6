"""Writes about retrainings: start a challenger, look down until it is trained, compare it, say what it brought."""

from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import as_user
from audit.actors import Actor
from audit.services import record
from experiments.models.runs import Cause, Run
from experiments.services.runs import start_run
from experiments.tried import learned_spec
from jobs.models import Job
from jobs.services import start
from monitoring.models import Alert, Monitor, Retraining, RetrainPolicy
from monitoring.queries import watch as queries
from monitoring.queries.rule import newest_like, window_of
from monitoring.services import policies
from monitoring.services.monitors import PLATFORM
from notices.services import tell
from problems.problem import Conflict, Invalid
from projects.permissions import Role
from projects.queries.team import members_with
from projects.results import open_words

TOLD = [Role.MLOPS_ENGINEER, Role.ML_ENGINEER, Role.DATA_SCIENTIST]


@transaction.atomic
def retrain(
    monitor: Monitor,
    *,
    cause: str,
    by: Actor,
    alert: Alert | None = None,
    policy: RetrainPolicy | None = None,
    trigger: str = "person",
) -> Retraining:
    """Train a challenger like the model in use, on the newest published data; one at a time for each monitor."""
    if not cause.strip():
        raise Invalid("Say in a sentence why.", fields={"cause": "Say in a sentence why."})
    Monitor.objects.select_for_update().get(pk=monitor.pk)
    _refuse_second(monitor)
    release = queries.champion_for(monitor)
    before = release.version.run
    project = monitor.deployment.project
    run, _ = start_run(
        project,
        data=newest_like(before),
        spec=_spec(before, policy),
        by=by,
        cause=Cause.RETRAINING,
        cause_text=cause.strip()[:300],
        copied_from=before,
    )
    retraining = Retraining.objects.create(
        monitor=monitor,
        alert=alert,
        champion=release,
        run=run,
        policy=policy,
        trigger=trigger,
        cause=cause.strip()[:300],
        created_by=as_user(by),
    )
    record(by, "retraining.started", retraining, project_key=project.key, run=run.number, cause=retraining.cause)
    return retraining


def _spec(before: Run, policy: RetrainPolicy | None) -> dict[str, Any]:
    """What the model in use learned with; from which rows, the signed rule says where one retrains."""
    spec = learned_spec(before)
    if policy is None:
        return spec
    rest = {name: value for name, value in spec.items() if name != "window"}
    window = window_of(policy)
    return rest | {"window": window} if window else rest


def _refuse_second(monitor: Monitor) -> None:
    under_way = monitor.retrainings.filter(state=Retraining.State.TRAINING).select_related("run").first()
    if under_way:
        raise Conflict(
            f"A retraining is under way: run {under_way.run.number}. Wait for it, or stop it first.",
            code="retraining_open",
            blocked_by=[f"run:{under_way.run.number}"],
        )


def look_after() -> int:
    """Look down on runs that retrain: start the comparison of what is trained. Returns how many moved on."""
    moved = 0
    waiting = Retraining.objects.filter(state=Retraining.State.TRAINING, comparison_job=None)
    waiting = waiting.filter(run__project__deleted_at=None, run__project__archived_at=None)
    for retraining in waiting.select_related("run", "monitor__deployment__project"):
        if retraining.run.state == Run.State.FINISHED:
            start_comparison(retraining)
            moved += 1
        elif retraining.run.state in (Run.State.FAILED, Run.State.CANCELLED):
            give_up(retraining, retraining.run.message or f"Run {retraining.run.number} was stopped.")
            moved += 1
    return moved


@transaction.atomic
def start_comparison(retraining: Retraining) -> Job | None:
    """Start the job that judges both models on the same rows; only once."""
    row = Retraining.objects.select_for_update().get(pk=retraining.pk)
    if row.comparison_job_id or row.state != Retraining.State.TRAINING:
        return None
    deployment = row.monitor.deployment
    row.comparison_job = start(
        "monitoring.compare",
        by=PLATFORM,
        title=f"Compare run {row.run.number} with the model in use",
        subject=row,
        project_key=deployment.project.key,
    )
    row.save(update_fields=["comparison_job"])
    return row.comparison_job


@transaction.atomic
def finish_comparison(retraining: Retraining, comparison: dict[str, Any]) -> Retraining:
    """Keep what the comparison found and tell who decides."""
    retraining.state, retraining.comparison = Retraining.State.COMPARED, comparison
    retraining.compared_at = timezone.now()
    retraining.save(update_fields=["state", "comparison", "compared_at"])
    _told(retraining, "retraining.compared", f"Run {retraining.run.number} is ready: {comparison['finding']}")
    if retraining.policy_id:
        policies.follow(retraining)
    return retraining


@transaction.atomic
def give_up(retraining: Retraining, message: str) -> None:
    """No challenger came of it; the model in use stays."""
    retraining.state, retraining.message = Retraining.State.FAILED, message
    said = open_words(retraining.monitor.deployment.project.key).text(message)
    retraining.save(update_fields=["state", "message"])
    if retraining.policy_id:
        policies.lower_after_bad_ones(retraining)
    _told(retraining, "retraining.failed", f"Retraining of {retraining.monitor.deployment.name} failed: {said}")


def _told(retraining: Retraining, name: str, text: str) -> None:
    project = retraining.monitor.deployment.project
    record(PLATFORM, name, retraining, project_key=project.key, run=retraining.run.number)
    people = [person.pk for person in members_with(project, TOLD)]
    tell(people, text, url=reverse("retraining", args=[project.key, retraining.pk]), project_key=project.key)
