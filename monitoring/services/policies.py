"""Writes about the rule by which a model is retrained by itself: propose, sign, follow it, lower it."""

from typing import Any

from django.db import transaction
from django.db.models import Max
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from audit.services import record
from experiments.services.models import register
from monitoring import autonomy
from monitoring.models import Alert, Monitor, Retraining, RetrainPolicy
from monitoring.queries.rule import policy_in_force
from monitoring.services.monitors import PLATFORM
from notices.services import tell
from problems.problem import Conflict, Denied, Invalid
from projects.models.team import Membership
from projects.permissions import Role, allows
from projects.queries.risk import tier_of
from projects.queries.team import members_with

TOLD = [Role.MLOPS_ENGINEER, Role.ML_ENGINEER, Role.DATA_SCIENTIST]
SIGNERS = [Role.BUSINESS_ANALYST, Role.PRODUCT_MANAGER]
FIELDS = (
    "level",
    "every_days",
    "on_new_data",
    "on_drift",
    "on_performance",
    "on_kpi",
    "cool_down_hours",
    "most_a_day",
    "minutes_a_month",
    "least_new_rows",
)


@transaction.atomic
def propose_policy(monitor: Monitor, *, values: dict[str, Any], reason: str, by: User) -> RetrainPolicy:
    """The next version; one that only tells needs no signature, and is in force at once."""
    if not reason.strip():
        raise Invalid("Say in a sentence why.", fields={"reason": "Say in a sentence why."})
    if values["level"] not in autonomy.LEVELS:
        raise Invalid(
            "There is no such level.", fields={"level": f"Use one of {', '.join(map(str, autonomy.LEVELS))}."}
        )
    Monitor.objects.select_for_update().get(pk=monitor.pk)
    last = monitor.policies.aggregate(last=Max("version"))["last"] or 0
    policy = RetrainPolicy(monitor=monitor, version=last + 1, reason=reason.strip()[:300], proposed_by=by)
    for name in FIELDS:
        setattr(policy, name, values[name])
    if policy.level == RetrainPolicy.Level.TELL:
        policy.signed_by, policy.signed_at = by, timezone.now()
    policy.save(force_insert=True)
    project = monitor.deployment.project
    facts = {"deployment": monitor.deployment.name, "version": policy.version, "level": policy.level}
    record(by, "autonomy.proposed", policy, project_key=project.key, **facts)
    if policy.signed_at is None:
        _tell(policy, SIGNERS, f"How {monitor.deployment.name} is retrained by itself waits for a signature.", by)
    return policy


@transaction.atomic
def sign_policy(policy: RetrainPolicy, *, by: User) -> RetrainPolicy:
    """Put the newest version in force. Above low risk nobody signs what they proposed."""
    monitor = policy.monitor
    project = monitor.deployment.project
    Monitor.objects.select_for_update().get(pk=monitor.pk)
    newest = monitor.policies.first()
    if newest is None or newest.pk != policy.pk:
        raise Conflict("A newer version was proposed meanwhile. Look at that one.", code="changed_meanwhile")
    if newest.signed_at:
        raise Conflict("This version is signed already.", code="too_late")
    roles = frozenset(Role(row.role) for row in Membership.objects.filter(project=project, user=by))
    if not allows(roles, "autonomy.sign"):
        raise Denied("Signing how a model is retrained needs the role of a business analyst or product manager.")
    if not autonomy.may_sign(newest.level, tier_of(project), is_proposer=newest.proposed_by_id == by.pk):
        raise Denied("Above low risk it is signed by somebody other than who proposed it.", code="same_person")
    newest.signed_by, newest.signed_at = by, timezone.now()
    newest.save(update_fields=["signed_by", "signed_at"])
    facts = {"deployment": monitor.deployment.name, "version": newest.version, "level": newest.level}
    record(by, "autonomy.signed", newest, project_key=project.key, **facts)
    _tell(newest, TOLD, f"{monitor.deployment.name}: {autonomy.LEVELS[newest.level]}. Signed by {by.name}.", by)
    return newest


@transaction.atomic
def tell_that_due(policy: RetrainPolicy, due: autonomy.Due) -> bool:
    """Say once that it is time; the same cause is not told again."""
    row = RetrainPolicy.objects.select_for_update().get(pk=policy.pk)
    said = f"{due.trigger}: {due.cause}"[:300]
    if row.told == said:
        return False
    row.told = said
    row.save(update_fields=["told"])
    project, name = row.monitor.deployment.project, row.monitor.deployment.name
    record(PLATFORM, "autonomy.told", row, project_key=project.key, deployment=name, trigger=due.trigger)
    _tell(row, TOLD, f"It is time to retrain {name} ({due.trigger.replace('_', ' ')}).")
    return True


def follow(retraining: Retraining) -> None:
    """Register a compared challenger where it is better; in the transaction of the comparison."""
    policy = retraining.policy
    if policy is None or retraining.comparison.get("choice") != "challenger":
        lower_after_bad_ones(retraining)
        return
    in_force = policy_in_force(policy.monitor)
    if in_force is None or in_force.level_now < RetrainPolicy.Level.PROPOSE:
        return  # lowered, or replaced, while it was trained: people choose
    name, reason = retraining.champion.version.model.name, f"{retraining.cause} {retraining.comparison['finding']}"
    version = register(retraining.run, name=name, reason=reason[:1000], by=PLATFORM)
    facts = {"deployment": policy.monitor.deployment.name, "version": version.number, "run": retraining.run.number}
    record(PLATFORM, "autonomy.registered", policy, project_key=policy.monitor.deployment.project.key, **facts)
    _tell(policy, TOLD, f"Version {version.number} of {name} was trained by the rule and waits at its gate.")


def lower_after_bad_ones(retraining: Retraining) -> None:
    """So many retrainings in a row that brought nothing: the rule runs in a circle, and people have to look."""
    policy = retraining.policy
    if policy is None:
        return
    last = list(
        policy.retrainings.exclude(state=Retraining.State.TRAINING).order_by("-created_at")[: autonomy.BAD_IN_A_ROW]
    )
    bad = [one for one in last if one.state == Retraining.State.FAILED or one.comparison.get("choice") == "champion"]
    if len(bad) >= autonomy.BAD_IN_A_ROW:
        lower(policy.monitor, f"The last {len(bad)} retrainings brought no better model.")


def lower_after_incident(alert: Alert) -> None:
    """A target is missed by a model that the rule itself brought into being."""
    release = alert.window.release if alert.window else None
    if alert.rule != "target_at_risk" or alert.severity != "act" or release is None:
        return
    if Retraining.objects.filter(run=release.version.run_id).exclude(policy=None).exists():
        lower(alert.monitor, f"Alert {alert.number}: a model that the rule trained misses a target.")


@transaction.atomic
def lower(monitor: Monitor, reason: str) -> None:
    """Back to telling, until people sign again."""
    policy = policy_in_force(monitor)
    if policy is None or policy.level_now == RetrainPolicy.Level.TELL:
        return
    policy.lowered_at, policy.lowered_reason = timezone.now(), reason[:300]
    policy.save(update_fields=["lowered_at", "lowered_reason"])
    project, name = monitor.deployment.project, monitor.deployment.name
    record(PLATFORM, "autonomy.lowered", policy, project_key=project.key, deployment=name, reason=policy.lowered_reason)
    _tell(policy, [*TOLD, *SIGNERS], f"{name} is no longer retrained by itself. {reason}")


def _tell(policy: RetrainPolicy, roles: list[Role], text: str, by: User | None = None) -> None:
    project = policy.monitor.deployment.project
    url = reverse("autonomy", args=[project.key, policy.monitor.deployment.name])
    people = [person.pk for person in members_with(project, roles) if person != by]
    tell(people, text, url=url, project_key=project.key)
