"""Who may sign, accept and waive at a gate: two people, one role each, the role that the rule names, and one-person teams."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from audit.models import Entry
from problems.problem import Conflict, Denied, Invalid
from projects.gate_policy import rule_for
from projects.models.gates import Gate, Waiver
from projects.models.tasks import Task
from projects.models.team import Membership
from projects.permissions import Role
from projects.queries.gates import blocked_by, gate_for
from projects.queries.team import works_alone
from projects.risk import Tier
from projects.services.gates import open_gate, pass_gate, sign_gate
from projects.services.projects import create_project, mark_one_person
from projects.services.team import set_roles
from projects.services.waivers import accept_warning, waive_check
from tests.conftest import Cast

pytestmark = pytest.mark.django_db
SOON = timezone.localdate() + timedelta(days=30)


def check(key: str, state: str) -> dict[str, Any]:
    return {"key": key, "name": key.title(), "text": "", "state": state, "value": "", "limit": ""}


def ask(cast: Cast, by: Role = Role.MLOPS_ENGINEER, tier: Tier = Tier.MEDIUM, **more: Any) -> Gate:
    rule = rule_for(tier, "production")
    given: dict[str, Any] = {"fingerprint": "a" * 64, "checks": [], "comment": "Good.", "instead": False} | more
    return open_gate(
        cast.project,
        subject=cast.project,
        name="churn v7",
        url="/p/churn/",
        environment="production",
        roles=rule.roles,
        rule=rule.as_dict(),
        by=cast[by],
        **given,
    )


def sign(cast: Cast, gate: Gate, role: Role, **more: Any) -> None:
    sign_gate(gate, role=role, by=cast[role], **({"given": True, "reason": ""} | more))


def waits(gate: Gate) -> list[str]:
    return blocked_by(gate_for(gate.project, gate.pk))


def test_whoever_asks_does_not_sign(cast: Cast) -> None:
    gate = ask(cast, by=Role.ML_ENGINEER)
    with pytest.raises(Conflict) as refusal:
        sign(cast, gate, Role.ML_ENGINEER)
    assert refusal.value.code == "requester_signs"
    assert "signature:ml_engineer" in waits(gate)


def test_another_person_may_ask_in_their_place_and_then_they_sign(cast: Cast) -> None:
    gate = ask(cast, by=Role.ML_ENGINEER)
    ask(cast, by=Role.MLOPS_ENGINEER)
    with pytest.raises(Conflict):
        sign(cast, gate, Role.ML_ENGINEER)
    ask(cast, by=Role.MLOPS_ENGINEER, instead=True)
    sign(cast, gate, Role.ML_ENGINEER)
    assert Entry.objects.filter(name="gate.taken_over").count() == 1
    with pytest.raises(Conflict) as refusal:
        ask(cast, by=Role.ML_ENGINEER, instead=True)
    assert refusal.value.code == "requester_signs"


def test_at_low_risk_whoever_asks_may_sign(cast: Cast) -> None:
    gate = ask(cast, by=Role.ML_ENGINEER, tier=Tier.LOW)
    sign(cast, gate, Role.ML_ENGINEER)
    assert waits(gate) == []


def test_sending_back_makes_a_task_with_the_reason_for_whoever_asked(cast: Cast) -> None:
    gate = ask(cast)
    sign(cast, gate, Role.BUSINESS_ANALYST, given=False, reason="Wait for spring.")
    task = Task.objects.get()
    assert (task.assignee, task.detail) == (cast[Role.MLOPS_ENGINEER], "Wait for spring.")
    assert waits(gate)[0] == "gate:refused"


def test_a_one_person_team_does_everything_and_it_is_marked(cast: Cast) -> None:
    roles = [Role.BUSINESS_ANALYST, Role.ML_ENGINEER]
    ada = cast.stranger
    project = create_project(name="Mine", question="?", kind="binary", by=ada, roles=roles, one_person=True)
    mine = Cast(project, dict.fromkeys(Role, ada), cast.admin, cast.stranger, cast.other_project)
    gate = ask(mine)
    for role in roles:
        sign(mine, gate, role)
    assert waits(gate) == []
    assert [one.alone for one in gate.signatures.all()] == [True, True]


def test_the_mark_of_one_person_ends_where_a_second_works(cast: Cast) -> None:
    with pytest.raises(Conflict) as refusal:
        mark_one_person(cast.project, on=True, by=cast[Role.OWNER])
    assert refusal.value.code == "not_alone"
    other = cast.other_project
    mark_one_person(other, on=True, by=cast.stranger)
    Membership.objects.create(project=other, user=cast.admin, role=Role.VIEWER)
    assert works_alone(other)
    Membership.objects.create(project=other, user=cast.admin, role=Role.ML_ENGINEER)
    assert not works_alone(other)


def test_a_failure_is_waived_by_the_named_role_alone_with_reason_and_end(cast: Cast) -> None:
    gate = ask(cast, checks=[check("targets", "fail")])
    for role in Role:
        if role != Role.PRODUCT_MANAGER:
            with pytest.raises(Denied):
                waive_check(gate, check="targets", reason="Try it.", until=SOON, by=cast[role])
    product = cast[Role.PRODUCT_MANAGER]
    for reason, until in ((" ", SOON), ("x", timezone.localdate()), ("x", SOON + timedelta(days=400))):
        with pytest.raises(Invalid):
            waive_check(gate, check="targets", reason=reason, until=until, by=product)
    waive_check(gate, check="targets", reason="The pilot has ten customers.", until=SOON, by=product)
    assert "check:targets" not in waits(gate)
    assert Entry.objects.filter(name="gate.waived").count() == 1


def test_a_waiver_that_has_ended_blocks_again_and_can_be_prolonged(cast: Cast) -> None:
    gate = ask(cast, checks=[check("targets", "fail")])
    product = cast[Role.PRODUCT_MANAGER]
    waive_check(gate, check="targets", reason="Pilot.", until=SOON, by=product)
    Waiver.objects.update(until=timezone.localdate() - timedelta(days=1))
    assert "check:targets" in waits(gate)
    waive_check(gate, check="targets", reason="Pilot goes on.", until=SOON, by=product)
    for role in (Role.BUSINESS_ANALYST, Role.ML_ENGINEER):
        sign(cast, gate, role)
    pass_gate(gate, by=cast[Role.ML_ENGINEER])
    waive_check(gate, check="targets", reason="And on.", until=SOON, by=product)
    with pytest.raises(Conflict):
        accept_warning(gate, check="targets", reason="x", by=cast[Role.BUSINESS_ANALYST])


def test_a_waiver_is_for_exactly_what_was_seen(cast: Cast) -> None:
    gate = ask(cast, checks=[check("targets", "fail")])
    waive_check(gate, check="targets", reason="Pilot.", until=SOON, by=cast[Role.PRODUCT_MANAGER])
    fresh = ask(cast, checks=[check("targets", "fail")], fingerprint="b" * 64)
    assert "check:targets" in waits(fresh)


def test_some_checks_are_never_waived_and_only_failures_are(cast: Cast) -> None:
    gate = ask(cast, checks=[check("same_answers", "fail"), check("fast", "warn"), check("small", "pass")])
    for key, kind in (("same_answers", Conflict), ("fast", Conflict), ("small", Conflict), ("unknown", Invalid)):
        with pytest.raises(kind):
            waive_check(gate, check=key, reason="x", until=SOON, by=cast[Role.PRODUCT_MANAGER])


def test_whoever_asks_does_not_waive_or_accept(cast: Cast) -> None:
    set_roles(cast.project, cast[Role.MLOPS_ENGINEER], roles=["product_manager", "ml_engineer"], by=cast[Role.OWNER])
    gate = ask(cast, checks=[check("targets", "fail"), check("fast", "warn")])
    by = cast[Role.MLOPS_ENGINEER]
    with pytest.raises(Conflict) as refusal:
        waive_check(gate, check="targets", reason="x", until=SOON, by=by)
    assert refusal.value.code == "requester_signs"
    with pytest.raises(Conflict):
        accept_warning(gate, check="fast", reason="x", by=by)


def test_at_high_risk_every_warning_needs_a_reason_of_one_who_signs(cast: Cast) -> None:
    gate = ask(cast, tier=Tier.HIGH, checks=[check("fast", "warn")])
    assert waits(gate)[0] == "warning:fast"
    assert "warning:fast" not in waits(ask(cast, fingerprint="c" * 64, checks=[check("fast", "warn")]))
    gate = ask(cast, tier=Tier.HIGH, fingerprint="d" * 64, checks=[check("fast", "warn")])
    with pytest.raises(Denied):
        accept_warning(gate, check="fast", reason="Rare.", by=cast[Role.DATA_SCIENTIST])
    accept_warning(gate, check="fast", reason="Rare.", by=cast[Role.DOMAIN_EXPERT])
    assert waits(gate) == [f"signature:{role}" for role in rule_for(Tier.HIGH, "production").roles]
    worse = ask(cast, tier=Tier.HIGH, fingerprint="d" * 64, checks=[check("fast", "fail")])
    assert waits(worse)[0] == "check:fast"
