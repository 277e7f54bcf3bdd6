"""The gate of a version as its page shows it: each check with what settles it, each signature with who may give it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.models import User
from deployments.gate_rules import Check
from projects.models.gates import Gate, Signature, Waiver
from projects.permissions import Role
from projects.queries.gates import counts, rule, settling_roles, why_not_settle, why_not_sign
from projects.queries.team import works_alone

WORDS = {
    "business_analyst": "the result is worth launching",
    "domain_expert": "it makes sense to those who know the field",
    "ml_engineer": "the service is sound",
    "leadership": "we stand behind it",
}
SETTLES = {"warn": Waiver.Kind.ACCEPTED, "fail": Waiver.Kind.WAIVED}
DEFAULT_WAIVER_DAYS = 30


@dataclass(frozen=True)
class CheckRow:
    """One check; `verb` is what the reader could do about it, `why_not` says why they may not."""

    check: Check
    waiver: Waiver | None
    counts: bool
    verb: str
    why_not: str


@dataclass(frozen=True)
class SignatureRow:
    """One signature that the gate asks for."""

    role: str
    words: str
    signature: Signature | None
    mine: bool
    why_not: str


def check_rows(gate: Gate | None, checks: Sequence[Check], user: User, roles: frozenset[Role]) -> list[CheckRow]:
    """Every check with the newest word about it."""
    if gate is None:
        return [CheckRow(check, None, False, "", "") for check in checks]
    alone = works_alone(gate.project)
    newest = {waiver.check_key: waiver for waiver in gate.waivers.all() if waiver.fingerprint == gate.fingerprint}
    return [_check_row(gate, check, newest.get(check["key"]), user, roles, alone) for check in checks]


def _check_row(
    gate: Gate, check: Check, waiver: Waiver | None, user: User, roles: frozenset[Role], alone: bool
) -> CheckRow:
    kind = SETTLES.get(check["state"])
    settled = waiver is not None and counts(waiver, gate) and waiver.kind in (kind, Waiver.Kind.WAIVED)
    waived_before = waiver is not None and waiver.kind == Waiver.Kind.WAIVED
    possible = gate.state == Gate.State.OPEN or (gate.state == Gate.State.PASSED and waived_before)
    if kind is None or not possible or (settled and kind == Waiver.Kind.ACCEPTED):
        return CheckRow(check, waiver, settled, "", "")
    verb = "accept" if kind == Waiver.Kind.ACCEPTED else "waive"
    allowed = settling_roles(gate, kind)
    bar = why_not_settle(gate, check["key"], kind, user, alone=alone)
    if bar and bar.code == "never_waived":
        return CheckRow(check, waiver, settled, "", bar.text)
    if not roles & set(allowed):
        words = " or ".join(Role(role).label for role in allowed)
        return CheckRow(check, waiver, settled, "", f"Only {words} may {verb} this." if verb == "waive" else "")
    return CheckRow(check, waiver, settled, "" if bar else verb, bar.text if bar else "")


def signature_rows(gate: Gate, user: User, roles: frozenset[Role]) -> list[SignatureRow]:
    """Every signature that is asked for."""
    given = {one.role: one for one in gate.signatures.all()}
    alone, held = works_alone(gate.project), {str(role) for role in roles}
    rows = []
    for role in gate.roles:
        mine, bar = role in held, None
        if mine and role not in given:
            bar = why_not_sign(gate, Role(role), user, alone=alone)
        rows.append(SignatureRow(role, WORDS.get(role, ""), given.get(role), mine, bar.text if bar else ""))
    return rows


def may_take_over(gate: Gate | None, user: User) -> bool:
    """Whether this person could ask in the place of whoever asked before: not the same one, not one who signed."""
    if gate is None or gate.state != Gate.State.OPEN or gate.requested_by_id == user.pk:
        return False
    return not rule(gate).requester_may_sign and not any(one.user_id == user.pk for one in gate.signatures.all())


def signed_alone(gate: Gate | None) -> bool:
    """Whether something on this gate was given only because one person works here alone."""
    if gate is None:
        return False
    return any(one.alone for one in gate.signatures.all()) or any(one.alone for one in gate.waivers.all())


def waiver_days() -> dict[str, Any]:
    """The days that a waiver's form offers."""
    today = timezone.localdate()
    return {"first": today + timedelta(days=1), "usual": today + timedelta(days=DEFAULT_WAIVER_DAYS)}
