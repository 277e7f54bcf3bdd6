"""Trials from inside: laid out with a release, begun when it is rehearsed, moved on, ended."""

from dataclasses import dataclass, field

from django.db.models import Max
from django.utils import timezone

from accounts.models import as_user
from audit.actors import Actor
from audit.services import record
from deployments.models import Deployment, Release, TrafficPlan
from deployments.queries.deployments import champion_of
from deployments.queries.traffic import is_shadow_only, running_plan
from deployments.queries.versions import signature_of
from deployments.services.servers import changed
from deployments.services.telling import tell_team
from deployments.traffic import Guards, Step, as_rows
from problems.problem import Conflict, Invalid


@dataclass(frozen=True)
class Trial:
    """What somebody asks for: the steps, what stops them, whose value decides who answers."""

    steps: tuple[Step, ...]
    guards: Guards = field(default_factory=Guards)
    sticky: str = ""
    is_automatic: bool = True
    authority: str = ""


def refuse_beside_a_trial(deployment: Deployment) -> None:
    """Only a shadow gives way; a canary is brought to its end first."""
    running = running_plan(deployment)
    if running and not is_shadow_only(running):
        text = f"Version {running.challenger.version.number} is on trial here. Finish or stop that trial first."
        raise Conflict(text, code="on_trial")


def lay_plan(release: Release, trial: Trial, *, by: Actor) -> TrafficPlan:
    """The plan of a release that is about to be rehearsed."""
    deployment = release.deployment
    champion = champion_of(deployment)
    if champion is None:
        raise Conflict("Nothing is in use here that it could be tried beside. Promote it without a plan.", code="alone")
    if champion.version_id == release.version_id:
        raise Conflict(f"{release.version} is in use here already.", code="already_there")
    names = [part["name"] for part in signature_of(champion.version)["inputs"]]
    if trial.sticky and trial.sticky not in names:
        text = f"“{trial.sticky[:80]}” is no input of the model in use. Its inputs: {', '.join(names[:10])}."
        raise Invalid(text, fields={"key": text})
    last = deployment.plans.aggregate(last=Max("number"))["last"] or 0
    return TrafficPlan.objects.create(
        deployment=deployment,
        number=last + 1,
        challenger=release,
        champion=champion,
        steps=as_rows(trial.steps),
        guards=trial.guards.as_dict(),
        sticky=trial.sticky,
        is_automatic=trial.is_automatic,
        authority=trial.authority,
        created_by=as_user(by),
    )


def begin(plan: TrafficPlan, release: Release, *, by: Actor) -> None:
    """The rehearsal went well: the first step starts. The deployment's row is locked by the caller."""
    end_trial(plan.deployment, "Another trial followed.", by=by)
    champion = champion_of(plan.deployment)
    if champion is None:
        raise Conflict("Nothing is in use here any more that it could be tried beside.", code="alone")
    release.state, release.started_at = Release.State.TRIAL, timezone.now()
    release.save()
    plan.state, plan.champion, plan.step, plan.step_since = TrafficPlan.State.RUNNING, champion, 0, timezone.now()
    plan.save()
    changed()
    _record(by, "trial.started", plan, step=plan.steps[0]["percent"])
    doing = f"at {plan.steps[0]['percent']}% of the requests" if plan.steps[0]["percent"] else "in shadow"
    text = f"{release.version} is on trial beside version {champion.version.number}, {doing}."
    tell_team(plan.deployment.project, text, plan.deployment)


def end_trial(deployment: Deployment, reason: str, *, by: Actor, itself: bool = False) -> TrafficPlan | None:
    """All requests go to the model in use again; nothing where no trial runs."""
    plan = running_plan(deployment)
    if plan is None:
        return None
    plan.state, plan.reason, plan.ended_at = TrafficPlan.State.STOPPED, reason[:2000], timezone.now()
    plan.stopped_itself = itself
    plan.save()
    release = plan.challenger
    release.state, release.message, release.ended_at = Release.State.TRIED, reason[:2000], timezone.now()
    release.save()
    changed()
    _record(by, "trial.stopped", plan, why=plan.reason)
    who = "stopped itself" if itself else f"was stopped by {by.actor_name}"
    text = f"The trial of version {release.version.number} of {deployment.name} {who}: {reason}"
    tell_team(deployment.project, text, deployment)
    return plan


def next_step(plan: TrafficPlan, reason: str, *, by: Actor) -> None:
    """One step on."""
    plan.step, plan.step_since, plan.reason = plan.step + 1, timezone.now(), reason[:2000]
    plan.save()
    changed()
    _record(by, "trial.advanced", plan, step=plan.steps[plan.step]["percent"], why=plan.reason)


def close_plan(plan: TrafficPlan, reason: str, *, by: Actor) -> None:
    """It ends well; its challenger takes over in the same transaction."""
    plan.state, plan.reason, plan.ended_at = TrafficPlan.State.DONE, reason[:2000], timezone.now()
    plan.save()
    _record(by, "trial.done", plan, why=plan.reason)


def _record(by: Actor, name: str, plan: TrafficPlan, **facts: object) -> None:
    about = {"deployment": plan.deployment.name, "trial": plan.number, "version": str(plan.challenger.version)}
    record(by, name, plan, project_key=plan.deployment.project.key, **about, **facts)
