"""Traffic between the model in use and its challenger: shadow, canary, blue and green; on, stop, and each check."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from audit.actors import Actor
from audit.services import record
from deployments import guarding
from deployments.guarding import Judged
from deployments.models import Deployment, Tally, TrafficCheck, TrafficPlan
from deployments.queries.traffic import plan_of
from deployments.services.champions import make_champion, refuse_changed
from deployments.services.releases import promote, start_release
from deployments.services.servers import changed
from deployments.services.telling import PLATFORM
from deployments.services.trials import Trial, close_plan, end_trial, next_step
from deployments.serving.tallies import merged
from deployments.traffic import Guards, Step, of_rows
from experiments.models.registry import ModelVersion
from jobs.models import Job
from problems.problem import Conflict, Invalid

KEEP_TALLIES_DAYS = 7
LONGEST_SECONDS = 10.0


def start_canary(version: ModelVersion, trial: Trial, *, environment: str, comment: str, by: Actor) -> Job:
    """Try a version on a growing share of the requests. It goes through the gate first, unless people signed that the
    platform may do so much by itself (`trial.authority`)."""
    if trial.authority:
        if any(step.percent == 100 for step in trial.steps):
            raise Invalid("Without a gate a trial never takes all requests.", fields={"traffic": "Below 100 percent."})
        return start_release(version, environment, gate=None, trial=trial, by=by)
    return promote(version, environment=environment, comment=comment, by=by, trial=trial)


def start_shadow(
    version: ModelVersion, *, environment: str, minutes: float, by: Actor, guards: Guards | None = None
) -> Job:
    """Let a version answer beside the model in use. Nobody gets its answers, so no gate is needed."""
    trial = Trial((Step(0, minutes),), guards or Guards())
    return start_release(version, environment, gate=None, trial=trial, by=by)


def start_switch(
    version: ModelVersion, *, environment: str, minutes: float, comment: str, by: Actor, guards: Guards | None = None
) -> Job:
    """Blue and green: all requests at once, and back at once when a guard fails within so many minutes."""
    trial = Trial((Step(100, minutes),), guards or Guards())
    return start_canary(version, trial, environment=environment, comment=comment, by=by)


@transaction.atomic
def advance(plan: TrafficPlan, *, reason: str, by: Actor) -> TrafficPlan:
    """The next step now; after the last one the challenger is the model in use."""
    row = _locked(plan)
    steps = of_rows(row.steps)
    if row.step + 1 < len(steps):
        if row.challenger.gate is None and not row.authority:
            raise Conflict("Only its gate lets a version answer anybody. Ask for it first.", code="no_gate")
        refuse_changed(row.challenger)
        next_step(row, reason, by=by)
        return row
    if row.challenger.gate is None:
        raise Conflict("Only its gate lets a version take over. Ask for it first.", code="no_gate")
    refuse_changed(row.challenger)
    close_plan(row, reason, by=by)
    make_champion(row.challenger, by=by)
    return row


@transaction.atomic
def stop(plan: TrafficPlan, *, reason: str, by: Actor, itself: bool = False) -> TrafficPlan:
    """End the trial: all requests go to the model in use, within a second."""
    if not reason.strip():
        raise Invalid("Say why it stops.", fields={"reason": "Say why it stops."})
    row = _locked(plan)
    end_trial(row.deployment, reason.strip(), by=by, itself=itself)
    row.refresh_from_db()
    return row


def _locked(plan: TrafficPlan) -> TrafficPlan:
    Deployment.objects.select_for_update().get(pk=plan.deployment_id)
    row = plan_of(plan.pk)
    if row.state != TrafficPlan.State.RUNNING:
        raise Conflict(f"This trial is not under way: {row.get_state_display().lower()}.", code="not_running")
    return row


def record_check(plan: TrafficPlan, step: int, judged: Judged, counts: dict[str, Any]) -> TrafficCheck | None:
    """Keep what a check saw and do what follows; nothing where the trial moved on meanwhile."""
    Deployment.objects.select_for_update().get(pk=plan.deployment_id)
    row = plan_of(plan.pk)
    if row.state != TrafficPlan.State.RUNNING or row.step != step:
        return None
    action, reason = judged.action, judged.reason
    if action == guarding.ADVANCE and not row.is_automatic:
        action, reason = guarding.STAY, f"{reason} A person lets it go on."
    check = TrafficCheck.objects.create(
        plan=row, step=step, action=action, reason=reason, findings=judged.findings, counts=counts
    )
    if action == guarding.STOP:
        stop(row, reason=reason, by=PLATFORM, itself=True)
    elif action == guarding.ADVANCE:
        advance(row, reason=reason, by=PLATFORM)
    return check


def add_tallies(server: str, found: dict[tuple[str, int, str], dict[str, Any]]) -> None:
    """What a prediction server counted since the last time. Of a plan that is gone nothing is kept."""
    with transaction.atomic():
        known = {
            str(pk)
            for pk in TrafficPlan.objects.filter(pk__in={plan for plan, _, _ in found}).values_list("pk", flat=True)
        }
        for (plan, step, role), counts in found.items():
            if plan not in known:
                continue
            row, _ = Tally.objects.get_or_create(plan_id=UUID(plan), server=server, step=step, role=role)
            row = Tally.objects.select_for_update().get(pk=row.pk)
            row.counts = merged(row.counts, counts)
            row.save(update_fields=["counts"])


def forget_old() -> None:
    """Counts of trials that ended long ago: their checks keep what mattered."""
    ended = timezone.now() - timedelta(days=KEEP_TALLIES_DAYS)
    Tally.objects.filter(Q(plan__ended_at__lt=ended)).delete()


@transaction.atomic
def change_settings(deployment: Deployment, *, seconds: float | None, answers_unlogged: bool, by: Actor) -> Deployment:
    """How long one request may take, and whether it answers while the log cannot be written."""
    if seconds is not None and not 0.01 <= seconds <= LONGEST_SECONDS:
        text = f"A request may take from 0.01 to {LONGEST_SECONDS:g} seconds."
        raise Invalid(text, fields={"seconds": text})
    row = Deployment.objects.select_for_update().select_related("project").get(pk=deployment.pk)
    row.seconds, row.answers_unlogged = seconds, answers_unlogged
    row.save(update_fields=["seconds", "answers_unlogged"])
    changed()
    facts = {"deployment": row.name, "seconds": seconds, "answers_unlogged": answers_unlogged}
    record(by, "deployment.changed", row, project_key=row.project.key, **facts)
    return row
