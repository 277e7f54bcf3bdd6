"""Gates, what still blocks them, and who may sign or settle what on them."""

from collections.abc import Collection
from uuid import UUID

from django.utils import timezone

from accounts.models import User
from problems.problem import Conflict, Missing
from projects.gate_policy import NEVER_WAIVED, GateRule, rule_of
from projects.models.gates import Gate, Waiver
from projects.models.projects import Project
from projects.permissions import Role
from projects.queries.team import members_with, works_alone


def gate_for(project: Project, gate_id: UUID) -> Gate:
    """One gate of the project."""
    gates = Gate.objects.filter(project=project, pk=gate_id).select_related("requested_by", "project")
    gate = gates.prefetch_related("signatures__user", "waivers__user").first()
    if gate is None:
        raise Missing("There is no such gate in this project.")
    return gate


def rule(gate: Gate) -> GateRule:
    """What this gate was opened under."""
    return rule_of(gate.rule)


def counts(waiver: Waiver, gate: Gate) -> bool:
    """Whether it is for exactly this fingerprint and has not run out."""
    running = waiver.until is None or waiver.until >= timezone.localdate()
    return running and waiver.fingerprint == gate.fingerprint


def settled(gate: Gate) -> dict[str, Waiver]:
    """What settles each check now, by the check's key: a waiver goes before an acceptance, the newest before others."""
    found: dict[str, Waiver] = {}
    for waiver in sorted(gate.waivers.all(), key=lambda one: (one.kind == Waiver.Kind.WAIVED, one.created_at)):
        if counts(waiver, gate):
            found[waiver.check_key] = waiver
    return found


def blocked_by(gate: Gate) -> list[str]:
    """What still stands in the way: a closed gate, failed checks that nobody waived, warnings that wait for a reason,
    missing signatures; only what was given for exactly this fingerprint counts."""
    waits = [f"gate:{gate.state}"] if gate.state in (Gate.State.REFUSED, Gate.State.REPLACED) else []
    done, strict = settled(gate), rule(gate).warnings_need_reason
    for check in gate.checks:
        settles = done.get(check["key"])
        if check.get("state") == "fail" and not (settles and settles.kind == Waiver.Kind.WAIVED):
            waits.append(f"check:{check['key']}" + (f": {check['quote']}" if check.get("quote") else ""))
        elif check.get("state") == "warn" and strict and not settles:
            waits.append(f"warning:{check['key']}")
    given = {
        signature.role
        for signature in gate.signatures.all()
        if signature.given and signature.fingerprint == gate.fingerprint
    }
    return waits + [f"signature:{role}" for role in gate.roles if role not in given]


def open_gates(projects: Collection[Project]) -> list[Gate]:
    """Gates that wait for something, oldest first, with their signatures and waivers."""
    gates = Gate.objects.filter(project__in=projects, state=Gate.State.OPEN)
    gates = gates.select_related("project", "requested_by").prefetch_related("signatures", "waivers__user")
    return list(gates.order_by("created_at"))


def asked_for_it(gate: Gate, by: User) -> bool:
    """Whether the rule keeps this person from signing, because the request is theirs."""
    return gate.requested_by_id == by.pk and not rule(gate).requester_may_sign


def why_not_sign(gate: Gate, role: Role, by: User, *, alone: bool | None = None) -> Conflict | None:
    """Why this person may not sign for a role that they hold, or None. One-person teams may, and it is marked.

    A role signs once. Whoever asks does not sign, and nobody signs for two roles.
    """
    signatures = list(gate.signatures.all())
    if any(signature.role == role for signature in signatures):
        return Conflict(f"{role.label} has signed already.", code="already_signed")
    if works_alone(gate.project) if alone is None else alone:
        return None
    if asked_for_it(gate, by):
        return Conflict(_asked_text(gate, role, by), code="requester_signs")
    if any(signature.user_id == by.pk for signature in signatures):
        text = f"You signed for another role, and nobody signs for two. {_who_else(gate, [role], by)}"
        return Conflict(text, code="two_roles")
    return None


def _asked_text(gate: Gate, role: Role, by: User) -> str:
    text = f"You asked for this, so somebody else signs. {_who_else(gate, [role], by)}"
    return f"{text} Or another person asks for it in your place; then you can sign."


def _who_else(gate: Gate, roles: Collection[Role | str], by: User) -> str:
    others = [user.name for user in members_with(gate.project, roles) if user != by]
    words = " or ".join(Role(role).label for role in roles)
    if not others:
        return f"Nobody else holds the role {words} yet; the owner can invite somebody, or mark a one-person team."
    return f"{', '.join(others[:3])} can, as {words}."


def settling_roles(gate: Gate, kind: str) -> tuple[str, ...]:
    """Who may settle a check: those who sign accept warnings, the role that the rule names waives failures."""
    return tuple(gate.roles) if kind == Waiver.Kind.ACCEPTED else (rule(gate).waiver_role,)


def why_not_settle(gate: Gate, check_key: str, kind: str, by: User, *, alone: bool | None = None) -> Conflict | None:
    """Why this person, who holds the role, may not accept or waive this check, or None."""
    if kind == Waiver.Kind.WAIVED and check_key in NEVER_WAIVED:
        return Conflict("This check is never waived. What it found has to be mended.", code="never_waived")
    if works_alone(gate.project) if alone is None else alone:
        return None
    if asked_for_it(gate, by):
        text = f"You asked for this, so somebody else decides. {_who_else(gate, settling_roles(gate, kind), by)}"
        return Conflict(text, code="requester_signs")
    return None
