"""Reads about trials: what runs, how it stands, which are due for a check."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from deployments.guarding import Measured, Standing
from deployments.models import Deployment, Release, Tally, TrafficPlan
from deployments.queries.versions import fingerprint_of, signature_of
from deployments.serving.tallies import merged
from deployments.traffic import Guards, check_every, of_rows
from problems.problem import Missing

MOST_PLANS = 50


def _plans() -> QuerySet[TrafficPlan]:
    return TrafficPlan.objects.select_related(
        "deployment__project",
        "challenger__version__model__project",
        "challenger__version__run__data",
        "challenger__deployment__project",
        "challenger__gate",
        "champion__version__run",
        "created_by",
    )


def running_plan(deployment: Deployment) -> TrafficPlan | None:
    """The trial that is under way."""
    return _plans().filter(deployment=deployment, state=TrafficPlan.State.RUNNING).first()


def plan_of(plan_id: UUID) -> TrafficPlan:
    """One trial."""
    return _plans().get(pk=plan_id)


def plan_to_change(deployment: Deployment) -> TrafficPlan:
    """The trial under way, or an error that says that there is none."""
    if plan := running_plan(deployment):
        return plan
    raise Missing("No trial is under way here.")


def plans_of(deployment: Deployment) -> QuerySet[TrafficPlan]:
    """All trials, newest first."""
    return _plans().filter(deployment=deployment).order_by("-number")


def is_shadow_only(plan: TrafficPlan) -> bool:
    """Whether its challenger never answers anybody."""
    return all(not step.percent for step in of_rows(plan.steps))


def counts_of(plan: TrafficPlan, step: int) -> dict[str, dict[str, Any]]:
    """What all servers counted in one step, by role."""
    found: dict[str, dict[str, Any]] = {}
    for role, counts in Tally.objects.filter(plan=plan, step=step).values_list("role", "counts"):
        found[role] = merged(found.get(role, {}), counts)
    return found


def standing_of(plan: TrafficPlan, now: datetime, measured: Measured | None = None) -> Standing:
    """How its step stands, for the judge."""
    steps, counts = of_rows(plan.steps), counts_of(plan, plan.step)
    step, release = steps[plan.step], plan.challenger
    challenger = counts.get("shadow" if step.percent == 0 else "canary", {})
    trouble = Release.objects.filter(pk=release.pk).values_list("trouble", flat=True).first() or ""
    return Standing(
        step=step,
        minutes=(now - (plan.step_since or now)).total_seconds() / 60,
        kind=str(signature_of(release.version)["kind"]),
        champion=counts.get("champion", {}),
        challenger=challenger,
        trouble=trouble,
        changed=what_changed(release),
        measured=measured,
        is_last=plan.step + 1 == len(steps),
    )


def what_changed(release: Release) -> str:
    """Why the signatures of a release's gate no longer count; empty while they do, and where there is no gate."""
    gate = release.gate
    if gate is None or gate.fingerprint == fingerprint_of(release.version, gate.environment):
        return ""
    return f"The targets or the rules were changed after the signatures. Ask for {gate.environment} again."


def guards_of_plan(plan: TrafficPlan) -> Guards:
    """Its guards."""
    return Guards(**plan.guards)


def plans_to_look_at() -> Iterable[tuple[TrafficPlan, bool]]:
    """Every running trial, and whether its next regular check is due."""
    now = timezone.now()
    for plan in _plans().filter(state=TrafficPlan.State.RUNNING):
        last = plan.checks.values_list("created_at", flat=True).first()
        every = timedelta(seconds=check_every(of_rows(plan.steps)[plan.step].minutes))
        yield plan, last is None or last + every <= now
