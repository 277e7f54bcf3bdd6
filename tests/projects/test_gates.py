"""Gates: signatures that count only for what was seen."""

from typing import Any

import pytest

from problems.problem import Conflict, Denied, Invalid
from projects.models.gates import Gate
from projects.permissions import Role
from projects.queries.gates import blocked_by
from projects.services.gates import open_gate, pass_gate, sign_gate
from projects.services.team import remove_member, set_roles
from tests.conftest import Cast

pytestmark = pytest.mark.django_db
ROLES = [Role.BUSINESS_ANALYST, Role.ML_ENGINEER]


def ask(cast: Cast, fingerprint: str = "a" * 64, state: str = "pass") -> Gate:
    return open_gate(
        cast.project,
        subject=cast.project,
        name="churn-classifier v7",
        url="/p/churn/",
        environment="production",
        fingerprint=fingerprint,
        checks=[{"key": "targets", "name": "Targets", "text": "", "state": state, "value": None, "limit": None}],
        roles=ROLES,
        comment="Good enough.",
        by=cast[Role.DATA_SCIENTIST],
    )


def sign(cast: Cast, gate: Gate, role: Role, by: Role | None = None, **more: Any) -> None:
    given = {"given": True, "reason": ""} | more
    sign_gate(gate, role=role, by=cast[by or role], **given)


def test_a_gate_waits_for_checks_and_signatures_and_then_passes(cast: Cast) -> None:
    gate = ask(cast, state="fail")
    assert blocked_by(gate) == ["check:targets", "signature:business_analyst", "signature:ml_engineer"]
    gate = ask(cast)
    sign(cast, gate, Role.BUSINESS_ANALYST)
    with pytest.raises(Conflict) as refusal:
        pass_gate(gate, by=cast[Role.ML_ENGINEER])
    assert refusal.value.as_dict()["blocked_by"] == ["signature:ml_engineer"]
    sign(cast, gate, Role.ML_ENGINEER)
    assert pass_gate(gate, by=cast[Role.ML_ENGINEER]).state == Gate.State.PASSED
    with pytest.raises(Conflict):
        pass_gate(gate, by=cast[Role.ML_ENGINEER])


def test_a_warning_does_not_block(cast: Cast) -> None:
    assert "check:targets" not in blocked_by(ask(cast, state="warn"))


def test_asking_again_for_the_same_keeps_the_signatures(cast: Cast) -> None:
    gate = ask(cast)
    sign(cast, gate, Role.BUSINESS_ANALYST)
    again = ask(cast, state="warn")
    assert again.pk == gate.pk
    assert again.checks[0]["state"] == "warn"
    assert blocked_by(again) == ["signature:ml_engineer"]


def test_a_changed_subject_asks_everybody_again(cast: Cast) -> None:
    gate = ask(cast)
    sign(cast, gate, Role.BUSINESS_ANALYST)
    fresh = ask(cast, fingerprint="b" * 64)
    gate.refresh_from_db()
    assert gate.state == Gate.State.REPLACED
    assert "signature:business_analyst" in blocked_by(fresh)
    assert "gate:replaced" in blocked_by(gate)
    with pytest.raises(Conflict):
        sign(cast, gate, Role.ML_ENGINEER)


def test_a_signature_for_another_fingerprint_does_not_count(cast: Cast) -> None:
    gate = ask(cast)
    sign(cast, gate, Role.BUSINESS_ANALYST)
    Gate.objects.filter(pk=gate.pk).update(fingerprint="c" * 64)
    gate.refresh_from_db()
    assert "signature:business_analyst" in blocked_by(gate)


def test_signing_needs_the_role_and_the_gate_must_ask_for_it(cast: Cast) -> None:
    gate = ask(cast)
    for by in (Role.OWNER, Role.DATA_SCIENTIST, Role.ML_ENGINEER):
        with pytest.raises(Denied):
            sign(cast, gate, Role.BUSINESS_ANALYST, by=by)
    with pytest.raises(Denied):
        sign_gate(gate, role="ml_engineer", given=True, reason="", by=cast.admin)
    for role in ("data_scientist", "emperor"):
        with pytest.raises(Invalid):
            sign_gate(gate, role=role, given=True, reason="", by=cast[Role.DATA_SCIENTIST])


def test_a_role_signs_once(cast: Cast) -> None:
    gate = ask(cast)
    sign(cast, gate, Role.BUSINESS_ANALYST)
    with pytest.raises(Conflict) as refusal:
        sign(cast, gate, Role.BUSINESS_ANALYST)
    assert refusal.value.code == "already_signed"


def test_a_refusal_needs_a_reason_and_closes_the_gate(cast: Cast) -> None:
    gate = ask(cast)
    with pytest.raises(Invalid):
        sign(cast, gate, Role.BUSINESS_ANALYST, given=False, reason="  ")
    sign(cast, gate, Role.BUSINESS_ANALYST, given=False, reason="Too many wasted calls.")
    gate.refresh_from_db()
    assert gate.state == Gate.State.REFUSED
    with pytest.raises(Conflict):
        sign(cast, gate, Role.ML_ENGINEER)
    assert ask(cast).pk != gate.pk


def test_nobody_signs_for_two_roles_even_where_nobody_else_holds_the_second(cast: Cast) -> None:
    analyst, engineer = cast[Role.BUSINESS_ANALYST], cast[Role.ML_ENGINEER]
    set_roles(cast.project, analyst, roles=ROLES, by=cast[Role.OWNER])
    gate = ask(cast)
    sign(cast, gate, Role.BUSINESS_ANALYST)
    with pytest.raises(Conflict) as refusal:
        sign(cast, gate, Role.ML_ENGINEER, by=Role.BUSINESS_ANALYST)
    assert refusal.value.code == "two_roles"
    assert "ML engineer can" in refusal.value.text
    remove_member(cast.project, engineer, by=cast[Role.OWNER])
    with pytest.raises(Conflict) as refusal:
        sign(cast, gate, Role.ML_ENGINEER, by=Role.BUSINESS_ANALYST)
    assert "one-person team" in refusal.value.text
