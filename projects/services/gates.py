"""Opening gates, signing and passing them."""

from collections.abc import Collection, Mapping
from typing import Any

from django.db import IntegrityError, models, transaction
from django.utils import timezone

from accounts.models import User, as_user
from audit.actors import Actor
from audit.services import record
from notices.services import tell
from problems.problem import Conflict, Denied, Invalid
from projects.models.gates import Gate, Signature
from projects.models.projects import Project
from projects.models.team import Membership
from projects.overview import fingerprint_now
from projects.permissions import Role
from projects.queries.gates import blocked_by, why_not_sign
from projects.queries.team import members_with, works_alone
from projects.services.projects import lock_project
from projects.services.tasks import About, open_task


@transaction.atomic
def open_gate(
    project: Project,
    *,
    subject: models.Model,
    name: str,
    url: str,
    environment: str,
    fingerprint: str,
    checks: list[dict[str, Any]],
    roles: Collection[Role | str],
    comment: str,
    by: Actor,
    rule: Mapping[str, Any] | None = None,
    instead: bool = False,
) -> Gate:
    """Ask to let a subject through. The same fingerprint keeps the open gate and its signatures; another one
    closes it, so that signatures never count for something that was not seen. `rule` is that of the risk tier;
    `instead` puts the asker in the place of whoever asked before."""
    lock_project(project)
    known = {"subject_type": subject._meta.label_lower, "subject_id": str(subject.pk), "environment": environment}
    gate = Gate.objects.select_for_update().filter(state=Gate.State.OPEN, **known).first()
    if gate and gate.fingerprint == fingerprint:
        return _ask_again(gate, checks, comment, by if instead else None)
    about = {"what": name, "environment": environment}
    if gate:
        _close(gate, Gate.State.REPLACED)
        record(by, "gate.replaced", gate, project_key=project.key, **about)
    gate = Gate.objects.create(
        project=project,
        subject_name=name,
        subject_url=url,
        fingerprint=fingerprint,
        checks=checks,
        roles=[Role(role).value for role in roles],
        rule=dict(rule or {}),
        comment=comment,
        requested_by=as_user(by),
        **known,
    )
    record(by, "gate.opened", gate, project_key=project.key, fingerprint=fingerprint, **about)
    signers = [user.pk for user in members_with(project, gate.roles)]
    tell(
        signers,
        f"{name} waits for your signature to go to {environment}.",
        url=url,
        project_key=project.key,
        kind="signature",
    )
    return gate


def _ask_again(gate: Gate, checks: list[dict[str, Any]], comment: str, instead: Actor | None) -> Gate:
    """New findings under the same signatures. Another person may take the request over, so that whoever asked first
    can sign; not one who has signed, because nobody both asks and signs."""
    gate.checks, gate.comment = checks, comment or gate.comment
    person = as_user(instead) if instead else None
    if person and person.pk != gate.requested_by_id:
        if gate.signatures.filter(user=person).exists():
            raise Conflict("You signed here, so the request stays with whoever asked.", code="requester_signs")
        gate.requested_by = person
        about = {"what": gate.subject_name, "environment": gate.environment}
        record(person, "gate.taken_over", gate, project_key=gate.project.key, **about)
    gate.save(update_fields=["checks", "comment", "requested_by"])
    return gate


def _close(gate: Gate, state: Gate.State) -> None:
    gate.state, gate.closed_at = state, timezone.now()
    gate.save(update_fields=["state", "closed_at"])


def open_gate_row(gate: Gate) -> Gate:
    """The gate, locked; refused when it is closed, or when what it asks about is no longer what was seen."""
    row = Gate.objects.select_for_update(of=("self",)).select_related("project").get(pk=gate.pk)
    if row.state != Gate.State.OPEN:
        raise Conflict(f"This gate is closed: {row.get_state_display().lower()}.", code="gate_closed")
    now = fingerprint_now(row.subject_type, row.subject_id, row.environment)
    if now is not None and now != row.fingerprint:
        text = f"{row.subject_name}, its data, its targets or the rules changed since this was asked. Ask again."
        raise Conflict(text, code="changed")
    return row


@transaction.atomic
def sign_gate(gate: Gate, *, role: Role | str, given: bool, reason: str, by: User) -> Signature:
    """One person's word for one role that the gate asks for; a refusal needs a reason and sends the subject back."""
    row = open_gate_row(gate)
    if role not in row.roles:
        raise Invalid("This gate does not ask for that role.", fields={"role": "Not asked for here."})
    role = Role(role)
    if not Membership.objects.filter(project=row.project, user=by, role=role).exists():
        raise Denied(f"Signing as {role.label} needs that role in this project. Ask the project owner.")
    if not given and not reason.strip():
        raise Invalid("Say why you send it back.", fields={"reason": "Say why you send it back."})
    if row.signatures.filter(role=role).exists():
        raise Conflict(f"{role.label} has signed already.", code="already_signed")
    bar = why_not_sign(row, role, by, alone=False) if given else None
    if bar and not works_alone(row.project):
        raise bar
    try:
        with transaction.atomic():
            words = {"given": given, "reason": reason.strip(), "alone": bar is not None}
            signature = Signature.objects.create(gate=row, role=role, user=by, fingerprint=row.fingerprint, **words)
    except IntegrityError:
        raise Conflict(f"{role.label} has signed already.", code="already_signed") from None
    about = {"what": row.subject_name, "environment": row.environment, "role": role.label, **words}
    record(by, "gate.signed" if given else "gate.refused", row, project_key=row.project.key, **about)
    if given:
        _tell_requester(row, f"{by.name} signed {row.subject_name}.", by)
    else:
        _send_back(row, reason.strip(), by)
    return signature


def _tell_requester(gate: Gate, text: str, by: User) -> None:
    if gate.requested_by_id and gate.requested_by_id != by.pk:
        tell([gate.requested_by_id], text, url=gate.subject_url, project_key=gate.project.key, kind="signature")


def _send_back(gate: Gate, reason: str, by: User) -> None:
    """The work goes back to whoever asked, or to the role before the gate, as a task with the reason."""
    _close(gate, Gate.State.REFUSED)
    about = About(gate.subject_type, gate.subject_id, gate.subject_name, gate.subject_url)
    to: dict[str, Any] = {"assignee": gate.requested_by} if gate.requested_by else {"role": Role.DATA_SCIENTIST}
    title = f"{gate.subject_name} was sent back: {reason}"
    open_task(gate.project, title=title, detail=reason, about=about, by=by, **to)


@transaction.atomic
def pass_gate(gate: Gate, *, by: Actor) -> Gate:
    """Use the gate, once everything that it asks for is there."""
    row = open_gate_row(gate)
    if waits := blocked_by(row):
        raise Conflict("This gate is not open yet.", code="blocked", blocked_by=waits)
    _close(row, Gate.State.PASSED)
    about = {"what": row.subject_name, "environment": row.environment}
    record(by, "gate.passed", row, project_key=row.project.key, **about)
    return row
