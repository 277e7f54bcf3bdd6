"""Writes about the rule by which a model is retrained by itself: propose, sign, follow it, lower it."""

from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts.models import User
from audit.services import record
from deployments.queries.deployments import champion_of
from experiments.services.models import register
from experiments.services.runs import complete_spec
from experiments.tried import learned_spec
from monitoring import autonomy
from monitoring.models import Alert, Monitor, PolicySignature, Retraining, RetrainPolicy
from monitoring.queries.rule import policy_in_force, window_of
from monitoring.services.lowering import TOLD, lower, tell_about
from monitoring.services.monitors import PLATFORM
from monitoring.services.rollouts import begin_trial, go_back
from problems.problem import Conflict, Denied, Invalid
from projects.models.team import Membership
from projects.permissions import Role
from projects.queries.risk import tier_of
from projects.queries.team import works_alone
from projects.risk import Tier

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
MORE = ("share", "trial_minutes", "answer_shift", "window", "window_size", "window_since", "window_column")
LIMITS = {"share": (1, 50), "trial_minutes": (1, 60 * 24 * 14), "answer_shift": (0.0, 1.0)}


@transaction.atomic
def propose_policy(monitor: Monitor, *, values: dict[str, Any], reason: str, by: User) -> RetrainPolicy:
    """The next version; one that only tells needs no signature, and is in force at once."""
    if not reason.strip():
        raise Invalid("Say in a sentence why.", fields={"reason": "Say in a sentence why."})
    project = monitor.deployment.project
    _check_level(values["level"], tier_of(project))
    Monitor.objects.select_for_update().get(pk=monitor.pk)
    last = monitor.policies.aggregate(last=Max("version"))["last"] or 0
    policy = RetrainPolicy(monitor=monitor, version=last + 1, reason=reason.strip()[:300], proposed_by=by)
    for name in FIELDS:
        setattr(policy, name, values[name])
    for name in MORE:
        setattr(policy, name, values.get(name, getattr(policy, name)))
    _check_trial(policy)
    if policy.level == RetrainPolicy.Level.TELL:
        policy.signed_by, policy.signed_at = by, timezone.now()
    policy.save(force_insert=True)
    facts = {"deployment": monitor.deployment.name, "version": policy.version, "level": policy.level}
    record(by, "autonomy.proposed", policy, project_key=project.key, **facts)
    if policy.signed_at is None:
        sides = autonomy.sides_needed(policy.level, tier_of(project))
        roles = [role for side in sides for role in sorted(autonomy.SIDES[side][1])]
        tell_about(policy, roles, f"How {monitor.deployment.name} is retrained by itself waits for a signature.", by)
    return policy


def _check_level(level: int, tier: Tier) -> None:
    if level not in autonomy.LEVELS:
        raise Invalid(
            "There is no such level.", fields={"level": f"Use one of {', '.join(map(str, autonomy.LEVELS))}."}
        )
    if level > autonomy.highest(tier):
        text = f"{tier.words}: a rule goes as far as level {autonomy.highest(tier)}. People always open the gate here."
        raise Invalid(text, fields={"level": text})


def _check_trial(policy: RetrainPolicy) -> None:
    """The trial's numbers, and the window as the next run would keep it."""
    for name, (least, most) in LIMITS.items():
        if not least <= getattr(policy, name) <= most:
            text = f"From {least:g} to {most:g}."
            raise Invalid(text, fields={name: text})
    release = champion_of(policy.monitor.deployment)
    window = window_of(policy)
    if release is None or not window:
        return
    run = release.version.run
    try:
        complete_spec(run.project, learned_spec(run) | {"window": window}, run.data)
    except Invalid as problem:
        raise Invalid(problem.text, fields={"window": problem.text}) from None


@transaction.atomic
def sign_policy(policy: RetrainPolicy, *, by: User) -> RetrainPolicy:
    """One side's word for the newest version; with the last one that its level needs it is in force.

    Above low risk nobody signs what they proposed, and nobody signs for two sides.
    """
    monitor = policy.monitor
    project = monitor.deployment.project
    Monitor.objects.select_for_update().get(pk=monitor.pk)
    newest = monitor.policies.first()
    if newest is None or newest.pk != policy.pk:
        raise Conflict("A newer version was proposed meanwhile. Look at that one.", code="changed_meanwhile")
    if newest.signed_at:
        raise Conflict("This version is signed already.", code="too_late")
    tier = tier_of(project)
    _check_level(newest.level, tier)  # the answers about risk may have changed since it was proposed
    side, alone = _side(newest, tier, by)
    PolicySignature.objects.create(policy=newest, side=side, user=by, alone=alone)
    facts = {"deployment": monitor.deployment.name, "version": newest.version, "level": newest.level}
    record(by, "autonomy.signed", newest, project_key=project.key, side=side, **facts)
    signed = set(newest.signatures.values_list("side", flat=True))
    missing = [one for one in autonomy.sides_needed(newest.level, tier) if one not in signed]
    if not missing:
        newest.signed_by, newest.signed_at = by, timezone.now()
        newest.save(update_fields=["signed_by", "signed_at"])
        tell_about(
            newest, TOLD, f"{monitor.deployment.name}: {autonomy.LEVELS[newest.level]}. Signed by {by.name}.", by
        )
    return newest


def _side(policy: RetrainPolicy, tier: Tier, by: User) -> tuple[str, bool]:
    """The side that this person signs for, and whether the rules for two people had to give way."""
    project = policy.monitor.deployment.project
    roles = frozenset(Role(row.role) for row in Membership.objects.filter(project=project, user=by))
    given = list(policy.signatures.all())
    side = autonomy.side_for(roles, policy.level, tier, frozenset(one.side for one in given))
    if not side:
        needed = autonomy.signatures_needed(policy.level, tier)
        raise Denied(f"Signing how a model is retrained needs {needed}; what you can sign for is signed, or not asked.")
    proposed = not autonomy.may_sign(policy.level, tier, is_proposer=policy.proposed_by_id == by.pk)
    twice = tier != Tier.LOW and any(one.user_id == by.pk for one in given)
    if (proposed or twice) and not works_alone(project):
        who = "who proposed it" if proposed else "who signed for another side"
        raise Denied(f"Above low risk it is signed by somebody other than {who}.", code="same_person")
    return side, proposed or twice


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
    tell_about(row, TOLD, f"It is time to retrain {name} ({due.trigger.replace('_', ' ')}).")
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
    if not begin_trial(retraining, version, in_force):
        tell_about(policy, TOLD, f"Version {version.number} of {name} was trained by the rule and waits at its gate.")


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
    """A target is missed by a model that the rule itself brought into being; what it put into use goes back."""
    release = alert.window.release if alert.window else None
    if alert.rule != "target_at_risk" or alert.severity != "act" or release is None:
        return
    retraining = Retraining.objects.filter(run=release.version.run_id).exclude(policy=None).first()
    if retraining:
        went_back = go_back(retraining, f"Alert {alert.number}: {alert.sentence}")
        done = f" Version {went_back} is in use again." if went_back else ""
        lower(alert.monitor, f"Alert {alert.number}: a model that the rule trained misses a target.{done}")
