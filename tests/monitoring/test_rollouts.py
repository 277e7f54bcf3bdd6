"""How far a signed rule goes with a better challenger: in shadow, to a share, in the place of the model in use, back."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from audit.models import Entry
from deployments import guarding
from deployments.guarding import Judged
from deployments.models import Release, TrafficCheck, TrafficPlan
from deployments.queries.deployments import champion_of
from deployments.services.releases import finish_promotion
from deployments.services.traffic import record_check
from monitoring import autonomy, rules
from monitoring.models import Retraining, RetrainPolicy, Window
from monitoring.services import policies, rollouts, windows
from monitoring.services.monitors import PLATFORM
from problems.problem import Denied, Invalid
from projects.models.define import Target
from projects.models.gates import Gate
from projects.permissions import Role
from projects.risk import Tier
from tests.monitoring.test_autonomy import compared
from tests.monitoring.world import START, Live

SIGNERS = (Role.PRODUCT_MANAGER, Role.ML_ENGINEER, Role.LEADERSHIP)


def test_more_sides_sign_the_further_it_goes_and_the_more_it_may_harm() -> None:
    assert autonomy.sides_needed(autonomy.TELL, Tier.HIGH) == ()
    assert autonomy.sides_needed(autonomy.CANARY, Tier.LOW) == ("business",)
    assert autonomy.sides_needed(autonomy.FULL, Tier.MEDIUM) == ("business", "engineering", "leadership")
    assert autonomy.highest(Tier.HIGH) == autonomy.CANARY
    for level in (autonomy.PROPOSE, autonomy.SHADOW, autonomy.CANARY):
        counts = [len(autonomy.sides_needed(level, tier)) for tier in Tier]
        assert counts == sorted(counts)


def test_a_trial_begins_beside_the_model_in_use_and_never_takes_all() -> None:
    assert autonomy.trial_steps(autonomy.PROPOSE, 30, 60) == ()
    assert [step.percent for step in autonomy.trial_steps(autonomy.SHADOW, 30, 60)] == [0]
    assert [step.percent for step in autonomy.trial_steps(autonomy.FULL, 30, 60)] == [0, 5, 30]
    assert [step.percent for step in autonomy.trial_steps(autonomy.CANARY, 5, 60)] == [0, 5]


def rule(live: Live, level: int) -> RetrainPolicy:
    """In force: proposed by the MLOps engineer, signed by everybody whom the level needs."""
    values: dict[str, Any] = {name: getattr(autonomy.Rules(), name) for name in policies.FIELDS}
    values |= {"level": level, "trial_minutes": 10, "share": 20}
    policy = policies.propose_policy(
        live.monitor, values=values, reason="As agreed.", by=live.cast[Role.MLOPS_ENGINEER]
    )
    for role in SIGNERS[: len(autonomy.sides_needed(level, Tier.MEDIUM))]:
        assert not policy.in_force
        policy = policies.sign_policy(policy, by=live.cast[role])
    assert policy.in_force
    return policy


def on_trial(live: Live, level: int) -> tuple[RetrainPolicy, Retraining, TrafficPlan]:
    """A better challenger, rehearsed, at the first step of the trial that the rule allows."""
    policy = rule(live, level)
    retraining = compared(live, policy, "challenger")
    assert retraining.plan is not None
    finish_promotion(retraining.plan.challenger, {"golden": 1, "different": 0}, by=PLATFORM)
    return policy, retraining, TrafficPlan.objects.get(pk=retraining.plan.pk)


def hold(plan: TrafficPlan) -> None:
    """Every step holds for its time, up to the last one."""
    clean = [{"key": "errors", "name": "Errors", "state": "pass", "text": "", "champion": "", "challenger": ""}]
    for step in range(len(plan.steps) - 1):
        record_check(plan, step, Judged(guarding.ADVANCE, "held", clean), {})
    plan.refresh_from_db()
    TrafficPlan.objects.filter(pk=plan.pk).update(step_since=timezone.now() - timedelta(minutes=11))
    TrafficCheck.objects.create(plan=plan, step=plan.step, action=guarding.STAY, reason="Held.", findings=clean)


def test_a_signature_for_one_side_is_not_one_for_another(live: Live) -> None:
    values: dict[str, Any] = {name: getattr(autonomy.Rules(), name) for name in policies.FIELDS} | {"level": 3}
    with pytest.raises(Invalid, match="From 1 to 50"):
        policies.propose_policy(live.monitor, values=values | {"share": 80}, reason="x", by=live.cast[Role.OWNER])
    policy = policies.propose_policy(live.monitor, values=values, reason="x", by=live.cast[Role.MLOPS_ENGINEER])
    policies.sign_policy(policy, by=live.cast[Role.BUSINESS_ANALYST])
    with pytest.raises(Denied, match="what you can sign for is signed"):
        policies.sign_policy(policy, by=live.cast[Role.PRODUCT_MANAGER])
    policy.refresh_from_db()
    assert not policy.in_force
    assert policies.sign_policy(policy, by=live.cast[Role.ML_ENGINEER]).in_force


def test_in_shadow_nobody_gets_its_answers_and_people_decide_after(live: Live) -> None:
    _, retraining, plan = on_trial(live, autonomy.SHADOW)
    assert (plan.state, [step["percent"] for step in plan.steps]) == ("running", [0])
    assert rollouts.look_after() == 0
    hold(plan)
    assert rollouts.look_after() == 1
    retraining.refresh_from_db()
    plan.refresh_from_db()
    assert plan.state == TrafficPlan.State.STOPPED
    assert "waits at its gate" in retraining.trial_note
    assert champion_of(live.monitor.deployment) == live.release
    assert rollouts.look_after() == 0


def test_a_canary_that_fails_stops_and_takes_the_rule_back_to_proposing(live: Live) -> None:
    policy, retraining, plan = on_trial(live, autonomy.CANARY)
    record_check(plan, 0, Judged(guarding.ADVANCE, "held", []), {})
    record_check(plan, 1, Judged(guarding.STOP, "60 of 1060 requests failed.", []), {})
    assert rollouts.look_after() == 1
    policy.refresh_from_db()
    retraining.refresh_from_db()
    assert (policy.level_now, "60 of 1060" in policy.lowered_reason) == (1, True)
    assert "60 of 1060" in retraining.trial_note
    assert champion_of(live.monitor.deployment) == live.release
    told = list(Entry.objects.filter(name__startswith="autonomy.").order_by("seq").values_list("name", flat=True))
    assert told[-4:] == ["autonomy.registered", "autonomy.trial", "autonomy.trial_told", "autonomy.lowered"]


def test_a_canary_that_holds_waits_for_people_where_no_more_was_signed(live: Live) -> None:
    _, retraining, plan = on_trial(live, autonomy.CANARY)
    hold(plan)
    assert rollouts.look_after() == 1
    assert rollouts.look_after() == 0  # told once
    retraining.refresh_from_db()
    assert retraining.trial_note.endswith("held at 20% and waits at its gate.")
    assert champion_of(live.monitor.deployment) == live.release


def test_where_all_is_signed_it_takes_over_and_an_incident_takes_it_back(live: Live) -> None:
    policy, retraining, plan = on_trial(live, autonomy.FULL)
    hold(plan)
    assert rollouts.look_after() == 1
    retraining.refresh_from_db()
    champion = champion_of(live.monitor.deployment)
    assert champion == plan.challenger, retraining.trial_note
    assert champion is not None
    gate = Gate.objects.get()
    assert (gate.state, gate.roles, champion.gate) == ("passed", [], gate)
    assert "Product manager, ML engineer, Business leadership" in gate.comment
    window = Window.objects.create(
        monitor=live.monitor, release=champion, from_at=START, to_at=timezone.now(), rows=500
    )
    matter = rules.Matter("target_at_risk", "Find leavers", "act", "The target is missed.")
    windows.raise_alert(live.monitor, matter, window=window, by=PLATFORM)
    policy.refresh_from_db()
    back = champion_of(live.monitor.deployment)
    assert back is not None
    assert (back.version, policy.level_now) == (live.release.version, 0)
    assert "Version 1 is in use again" in policy.lowered_reason


def test_what_fails_at_the_gate_is_never_tried_on_people(live: Live) -> None:
    policy = rule(live, autonomy.CANARY)
    Target.objects.update(threshold=0.999)
    retraining = compared(live, policy, "challenger")
    assert retraining.plan is None
    assert "No trial could start: Targets" in retraining.trial_note
    assert not Release.objects.exclude(pk=live.release.pk).exists()
