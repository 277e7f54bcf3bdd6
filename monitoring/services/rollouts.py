"""What a signed rule does with a better challenger: tries it, puts it in the place of the model in use, goes back."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from audit.services import record
from deployments import gate_rules
from deployments.guarding import STAY
from deployments.models import Release, TrafficPlan
from deployments.queries.deployments import champion_of
from deployments.queries.gates import facts_of
from deployments.queries.traffic import is_shadow_only
from deployments.queries.versions import fingerprint_of, rule_for_version
from deployments.services.releases import roll_back
from deployments.services.traffic import advance, start_canary, start_shadow, stop
from deployments.services.trials import Trial
from deployments.traffic import Guards
from experiments.models.registry import ModelVersion
from monitoring import autonomy
from monitoring.models import Retraining, RetrainPolicy
from monitoring.services.lowering import lower
from monitoring.services.monitors import PLATFORM
from notices.services import tell
from problems.problem import Problem
from projects.models.gates import Gate
from projects.permissions import Role
from projects.queries.gates import blocked_by
from projects.queries.team import members_with
from projects.services.gates import open_gate, pass_gate

TOLD = [Role.MLOPS_ENGINEER, Role.ML_ENGINEER, Role.PRODUCT_MANAGER]


def begin_trial(retraining: Retraining, version: ModelVersion, policy: RetrainPolicy) -> bool:
    """Start the trial that the rule allows; False where it allows none, or where something stands in the way."""
    deployment, level = policy.monitor.deployment, policy.level_now
    steps = autonomy.trial_steps(level, policy.share, policy.trial_minutes)
    if not steps:
        return False
    guards = Guards(least_rows=policy.monitor.minimum_rows, answer_shift=policy.answer_shift)
    try:
        with transaction.atomic():
            if level == autonomy.SHADOW:
                minutes, where = policy.trial_minutes, deployment.environment
                job = start_shadow(version, environment=where, minutes=minutes, by=PLATFORM, guards=guards)
            else:
                _refuse_failing(version, deployment.environment)
                trial = Trial(steps, guards, authority=authority_of(policy))
                job = start_canary(version, trial, environment=deployment.environment, comment="", by=PLATFORM)
    except Problem as problem:
        _note(retraining, f"No trial could start: {problem.text}", over=True)
        return False
    retraining.plan = TrafficPlan.objects.get(challenger_id=job.payload["release"])
    retraining.save(update_fields=["plan"])
    said = "; ".join(step.said for step in steps)
    _record("autonomy.trial", retraining, version=version.number, steps=said)
    _tell(retraining, f"The rule tries version {version.number} of {version.model.name}: {said}.")
    return True


def authority_of(policy: RetrainPolicy) -> str:
    """What people signed in the place of a gate, in words."""
    names = ", ".join(one.user.name for one in policy.signatures.select_related("user") if one.user)
    signed = f"{policy.signed_at:%d %B %Y}" if policy.signed_at else ""
    return (
        f"Retraining rule v{policy.version}, level {policy.level}, signed by {names or 'people who left'} on {signed}."
    )


def _refuse_failing(version: ModelVersion, environment: str) -> None:
    """What fails at the gate answers nobody, whatever people signed in general."""
    failed = [check for check in gate_rules.checks(facts_of(version, environment)) if check["state"] == "fail"]
    if failed:
        raise Problem(f"{failed[0]['name']}: {failed[0]['text']}", code="blocked")


def look_after() -> int:
    """Look down on trials that rules began: what follows once they held, failed or were ended. How many moved on."""
    rows = Retraining.objects.filter(plan__isnull=False, trial_over_at=None)
    rows = rows.filter(run__project__deleted_at=None, run__project__archived_at=None)
    return sum(_look_after(row.pk) for row in rows)


@transaction.atomic
def _look_after(pk: UUID) -> bool:
    rows = Retraining.objects.select_for_update(of=("self",))
    retraining = rows.select_related("plan__challenger__version__model__project", "monitor__deployment__project").get(
        pk=pk
    )
    plan = retraining.plan
    if plan is None or retraining.trial_over_at:
        return False
    if plan.state == TrafficPlan.State.RUNNING:
        return has_held(plan) and _after_holding(retraining, plan)
    if plan.state == TrafficPlan.State.WAITING:
        return False
    release, number = plan.challenger, plan.challenger.version.number
    failed = plan.stopped_itself or release.state == Release.State.FAILED
    if failed:
        _note(retraining, f"The trial of version {number} failed: {plan.reason}", over=True)
        lower(retraining.monitor, f"The trial of version {number} failed: {plan.reason}", to=autonomy.PROPOSE)
    elif plan.state == TrafficPlan.State.DONE:
        _note(retraining, f"Version {number} is in use.", over=True)
    else:
        _note(retraining, f"The trial was ended: {plan.reason}", over=True)
    return True


def has_held(plan: TrafficPlan) -> bool:
    """Whether its last step lasted as long as it had to, and the newest check found nothing failed or missing."""
    check = plan.checks.first()
    if check is None or plan.step + 1 < len(plan.steps) or check.step != plan.step or plan.step_since is None:
        return False
    long_enough = check.created_at - plan.step_since >= timedelta(minutes=plan.steps[plan.step]["minutes"])
    clean = all(finding["state"] in ("pass", "none") for finding in check.findings)
    return long_enough and clean and check.action == STAY


def _after_holding(retraining: Retraining, plan: TrafficPlan) -> bool:
    """A shadow ends and is told; a canary waits for people, or takes over where that was signed."""
    number, policy = plan.challenger.version.number, retraining.policy
    if is_shadow_only(plan):
        stop(plan, reason="It answered beside the model in use for the time agreed; people decide.", by=PLATFORM)
        _note(retraining, f"Version {number} held beside the model in use and waits at its gate.", over=True)
        return True
    if policy and policy.level_now == autonomy.FULL:
        return _take_over(retraining, plan, policy)
    if retraining.trial_note:
        return False  # said already
    _note(retraining, f"Version {number} held at {plan.steps[-1]['percent']}% and waits at its gate.")
    return True


def _take_over(retraining: Retraining, plan: TrafficPlan, policy: RetrainPolicy) -> bool:
    """The signed rule opens the gate where every check passes; otherwise people decide, and are told once."""
    number = plan.challenger.version.number
    gate, waits = _gate(plan, policy)
    if gate is None or waits:
        said = f"Version {number} held, but its gate needs people: {', '.join(waits)}."[:300]
        if retraining.trial_note != said:
            _note(retraining, said)
        return False
    plan.challenger.gate = gate
    plan.challenger.save(update_fields=["gate"])
    advance(plan, reason=f"Every step held. {authority_of(policy)}", by=PLATFORM)
    pass_gate(gate, by=PLATFORM)
    _record("autonomy.promoted", retraining, version=number)
    _note(retraining, f"Version {number} is in use: every step of its trial held.", over=True)
    return True


def _gate(plan: TrafficPlan, policy: RetrainPolicy) -> tuple[Gate | None, list[str]]:
    """A gate like every other, with the same checks; the signatures under the rule stand for those at the gate.

    It is opened only where nothing fails, so that nobody finds a gate that asks for no signature.
    """
    version, environment = plan.challenger.version, plan.deployment.environment
    rule, checks = rule_for_version(version, environment), gate_rules.checks(facts_of(version, environment))
    stops = {"fail", "warn"} if rule.warnings_need_reason else {"fail"}
    if failing := [check["name"] for check in checks if check["state"] in stops]:
        return None, failing
    gate = open_gate(
        version.model.project,
        subject=version,
        name=str(version),
        url=reverse("model-version", args=[version.model.project.key, version.model.name, version.number]),
        environment=environment,
        fingerprint=fingerprint_of(version, environment),
        checks=checks,
        roles=(),
        rule=rule.as_dict() | {"roles": []},
        comment=authority_of(policy),
        by=PLATFORM,
    )
    return gate, blocked_by(gate)


def go_back(retraining: Retraining, reason: str) -> int | None:
    """Take back what the rule itself put into use; the number of the version in use again, None where it did not."""
    plan = retraining.plan
    champion = champion_of(retraining.monitor.deployment)
    by_rule = plan is not None and plan.authority and plan.state == TrafficPlan.State.DONE
    if plan is None or not by_rule or champion is None or champion.pk != plan.challenger_id or plan.champion is None:
        return None
    try:
        with transaction.atomic():
            release = roll_back(plan.deployment, to=plan.champion, reason=reason[:2000], by=PLATFORM)
    except Problem as problem:
        _note(retraining, f"It could not go back by itself: {problem.text}", over=True)
        return None
    _record("autonomy.went_back", retraining, version=release.version.number)
    return release.version.number


def _note(retraining: Retraining, text: str, *, over: bool = False) -> None:
    """Keep what the trial came to, and tell people."""
    retraining.trial_note = text[:300]
    retraining.trial_over_at = timezone.now() if over else None
    retraining.save(update_fields=["trial_note", "trial_over_at"])
    _record("autonomy.trial_told", retraining, said=retraining.trial_note)
    _tell(retraining, f"{retraining.monitor.deployment.name}: {text}")


def _record(name: str, retraining: Retraining, **facts: object) -> None:
    deployment = retraining.monitor.deployment
    record(PLATFORM, name, retraining, project_key=deployment.project.key, deployment=deployment.name, **facts)


def _tell(retraining: Retraining, text: str) -> None:
    project = retraining.monitor.deployment.project
    people = [person.pk for person in members_with(project, TOLD)]
    tell(people, text, url=reverse("retraining", args=[project.key, retraining.pk]), project_key=project.key)
