"""Accepting warnings and waiving failed checks at a gate."""

from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.services import record
from notices.services import tell
from problems.problem import Conflict, Denied, Invalid
from projects.gate_policy import WAIVER_DAYS
from projects.models.gates import Gate, Waiver
from projects.models.team import Membership
from projects.permissions import Role
from projects.queries.gates import settling_roles, why_not_settle
from projects.queries.team import members_with, works_alone
from projects.services.gates import open_gate_row

REASON_LENGTH = 2000
ACCEPTED, WAIVED = Waiver.Kind.ACCEPTED, Waiver.Kind.WAIVED


@transaction.atomic
def accept_warning(gate: Gate, *, check: str, reason: str, by: User) -> Waiver:
    """One who signs here accepts what is only to look at, with a reason."""
    row = open_gate_row(gate)
    return _settle(row, _check(row, check, ACCEPTED), ACCEPTED, reason, None, by)


@transaction.atomic
def waive_check(gate: Gate, *, check: str, reason: str, until: date, by: User) -> Waiver:
    """The role that the gate's rule names lets a failed check be, until a day, with a reason.

    A waiver of a gate that was passed can be prolonged; what is in use then stays under it.
    """
    row = Gate.objects.select_for_update(of=("self",)).select_related("project").get(pk=gate.pk)
    if row.state != Gate.State.PASSED or not row.waivers.filter(check_key=check, kind=WAIVED).exists():
        row = open_gate_row(row)
    today = timezone.localdate()
    last = today + timedelta(days=WAIVER_DAYS)
    if not today < until <= last:
        text = f"A waiver ends after today and within {WAIVER_DAYS} days, by {last.isoformat()}."
        raise Invalid(text, fields={"until": text})
    return _settle(row, _check(row, check, WAIVED), WAIVED, reason, until, by)


def _check(gate: Gate, key: str, kind: str) -> dict[str, str]:
    found: dict[str, str] | None = next((check for check in gate.checks if check["key"] == key), None)
    if found is None:
        raise Invalid(f"This gate has no check {key[:60]}.", fields={"check": "Not a check of this gate."})
    wanted, words = ("warn", "a warning") if kind == ACCEPTED else ("fail", "failed")
    if found.get("state") != wanted:
        raise Conflict(f"The check “{found['name']}” is not {words} now. Look at it again.", code="wrong_state")
    return found


def _settle(gate: Gate, check: dict[str, str], kind: Waiver.Kind, reason: str, until: date | None, by: User) -> Waiver:
    allowed = settling_roles(gate, kind)
    roles = set(Membership.objects.filter(project=gate.project, user=by).values_list("role", flat=True))
    held = [role for role in allowed if role in roles]
    if not held:
        words = " or ".join(Role(role).label for role in allowed) or "nobody"
        people = ", ".join(user.name for user in members_with(gate.project, allowed)[:3]) or "the project owner"
        verb = "Accepting a warning" if kind == ACCEPTED else "Waiving a failed check"
        raise Denied(f"{verb} here needs the role {words}. Ask {people}.", roles=list(allowed))
    if not 0 < len(reason.strip()) <= REASON_LENGTH:
        text = f"Say why, in up to {REASON_LENGTH} characters."
        raise Invalid(text, fields={"reason": text})
    bar = why_not_settle(gate, check["key"], kind, by, alone=False)
    if bar and (bar.code == "never_waived" or not works_alone(gate.project)):
        raise bar
    waiver = Waiver.objects.create(
        gate=gate,
        check_key=check["key"],
        check_name=check["name"],
        kind=kind,
        reason=reason.strip(),
        until=until,
        role=held[0],
        user=by,
        fingerprint=gate.fingerprint,
        alone=bar is not None,
    )
    _announce(waiver, by)
    return waiver


def _announce(waiver: Waiver, by: User) -> None:
    gate = waiver.gate
    name = "gate.accepted" if waiver.kind == ACCEPTED else "gate.waived"
    about = {"what": gate.subject_name, "environment": gate.environment, "check": waiver.check_name}
    data = about | {"reason": waiver.reason, "until": waiver.until and waiver.until.isoformat(), "role": waiver.role}
    record(by, name, gate, project_key=gate.project.key, **data)
    verb = "accepted the warning" if waiver.kind == ACCEPTED else "waived the failed check"
    text = f"{by.name} {verb} “{waiver.check_name}” of {gate.subject_name}: {waiver.reason}"
    people = {user.pk for user in members_with(gate.project, gate.roles)} | {gate.requested_by_id}
    tell([pk for pk in people if pk and pk != by.pk], text, url=gate.subject_url, project_key=gate.project.key)
