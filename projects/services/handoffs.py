"""Offering work to the next role, accepting it, sending it back, and naming what broke later."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from audit.services import record
from notices.services import tell
from problems.problem import Conflict, Denied, Invalid
from projects import handing
from projects.handing import REASONS
from projects.models.handoffs import Breakage, Handoff
from projects.models.projects import Project
from projects.models.team import Membership
from projects.overview import checklist
from projects.permissions import Role
from projects.queries.team import members_with
from projects.services.projects import lock_project
from projects.services.tasks import About, open_task

LONGEST, MOST_QUESTIONS = 4000, 20


def address_of(handoff: Handoff) -> str:
    """The page of a hand-off."""
    return reverse("handoff", args=[handoff.project.key, handoff.number])


def _hold(project: Project, role: Role, by: User, what: str) -> None:
    if Membership.objects.filter(project=project, user=by, role=role).exists():
        return
    people = ", ".join(person.name for person in members_with(project, [role])[:5]) or "nobody yet"
    raise Denied(f"{what} needs the role {role.label} in this project. Here that is {people}.", roles=[role.value])


def _role(value: str, field: str) -> Role:
    if value not in set(Role):
        raise Invalid("There is no such role.", fields={field: "Choose a role."})
    return Role(value)


@transaction.atomic
def offer(
    project: Project,
    *,
    from_role: str,
    to_role: str,
    by: User,
    note: str = "",
    questions: Sequence[str] = (),
    due_on: date | None = None,
) -> Handoff:
    """Hand work over. While a point of the checklist fails it cannot be offered, and the refusal says which."""
    giver, receiver = _role(from_role, "from_role"), _role(to_role, "to_role")
    asked = _checked(giver, receiver, note, questions)
    _hold(project, giver, by, "Handing this over")
    receivers = members_with(project, [receiver])
    if not receivers:
        text = f"Nobody holds the role {receiver.label} here, so nobody could accept. Invite somebody first."
        raise Conflict(text, code="nobody_there")
    lock_project(project)
    project.refresh_from_db(fields=["round"])
    _refuse_failing(checklist(project, giver, receiver), note)
    _refuse_second(project, giver, receiver)
    last = Handoff.objects.filter(project=project).aggregate(last=Max("number"))["last"] or 0
    points = [
        {"key": point.key, "words": point.words, "holds": point.holds, "name": point.name, "url": point.url}
        for point in checklist(project, giver, receiver)
    ]
    handoff = Handoff.objects.create(
        project=project,
        number=last + 1,
        round=project.round,
        from_role=giver,
        to_role=receiver,
        checklist=points,
        questions=asked,
        note=note.strip(),
        due_on=due_on,
        offered_by=by,
    )
    _record(handoff, "handoff.offered", by)
    text = f"{by.name} hands over to you as {receiver.label}: hand-off {handoff.number} of {project.name}."
    people = [person.pk for person in receivers if person != by]
    tell(people, text, url=address_of(handoff), project_key=project.key)
    return handoff


def _checked(giver: Role, receiver: Role, note: str, questions: Sequence[str]) -> list[str]:
    if giver == receiver:
        text = "Work is handed from one role to another one."
        raise Invalid(text, fields={"to_role": text})
    asked = [text.strip() for text in questions if text.strip()]
    if len(asked) > MOST_QUESTIONS or len(note) > LONGEST or any(len(text) > LONGEST for text in asked):
        text = f"At most {MOST_QUESTIONS} questions, each of them and the note with up to {LONGEST} characters."
        raise Invalid(text, fields={"questions": text})
    return asked


def _refuse_failing(points: Sequence[handing.Evidence], note: str) -> None:
    failing = handing.failing(points, note)
    if failing:
        text = "This cannot be handed over yet. " + " ".join(point.todo or point.words for point in failing)
        raise Conflict(text, code="blocked", blocked_by=[f"point:{point.key}" for point in failing])


def _refuse_second(project: Project, giver: Role, receiver: Role) -> None:
    waiting = Handoff.objects.filter(project=project, state=Handoff.State.OFFERED, from_role=giver, to_role=receiver)
    if earlier := waiting.first():
        text = f"Hand-off {earlier.number} waits for {receiver.label} already. Withdraw it to offer another one."
        raise Conflict(text, code="already_offered", number=earlier.number)


def _record(handoff: Handoff, name: str, by: User, **facts: Any) -> None:
    about = {"number": handoff.number, "giver": handoff.giver.label, "receiver": handoff.receiver.label}
    record(by, name, handoff, project_key=handoff.project.key, **about, **facts)


def _end(handoff: Handoff, state: str, by: User, **fields: Any) -> Handoff:
    """End the waiting, once; of two people at the same moment one is told that it is over."""
    lock_project(handoff.project)
    waiting = Handoff.objects.filter(pk=handoff.pk, state=Handoff.State.OFFERED)
    if not waiting.update(state=state, answered_by=by, answered_at=timezone.now(), **fields):
        row = Handoff.objects.get(pk=handoff.pk)
        text = f"Hand-off {row.number} waits no more: {row.get_state_display().lower()}."
        raise Conflict(text, code="too_late", state=row.state)
    return Handoff.objects.select_related("project", "offered_by", "answered_by").get(pk=handoff.pk)


@transaction.atomic
def accept(handoff: Handoff, *, by: User) -> Handoff:
    """Take the work over; from now on it is with the receiving role."""
    _hold(handoff.project, handoff.receiver, by, "Accepting this")
    row = _end(handoff, Handoff.State.ACCEPTED, by)
    _record(row, "handoff.accepted", by)
    _tell_giver(row, f"{by.name} accepted hand-off {row.number} of {row.project.name}.", by)
    return row


@transaction.atomic
def send_back(handoff: Handoff, *, reason: str, text: str, by: User) -> Handoff:
    """Send the work back with a reason; the giving role gets a task."""
    _hold(handoff.project, handoff.receiver, by, "Sending this back")
    if reason not in REASONS:
        raise Invalid("Choose a reason.", fields={"reason": f"One of: {', '.join(REASONS)}."})
    text = text.strip()
    if (reason == "other" and not text) or len(text) > LONGEST:
        raise Invalid("Say in a sentence what is wrong.", fields={"text": f"1 to {LONGEST} characters."})
    row = _end(handoff, Handoff.State.RETURNED, by, reason=reason, reason_text=text)
    words = REASONS[reason].lower()
    row.task = open_task(
        row.project,
        title=f"Hand-off {row.number} came back: {words}",
        detail=text,
        role=row.giver,
        due_on=row.due_on,
        about=About("projects.handoff", str(row.pk), str(row), address_of(row)),
        by=by,
    )
    row.save(update_fields=["task"])
    _record(row, "handoff.returned", by, reason=words, text=text)
    return row


@transaction.atomic
def withdraw(handoff: Handoff, *, by: User) -> Handoff:
    """Take an offer back before it is answered."""
    _hold(handoff.project, handoff.giver, by, "Withdrawing this")
    row = _end(handoff, Handoff.State.WITHDRAWN, by)
    _record(row, "handoff.withdrawn", by)
    return row


@transaction.atomic
def report_breakage(handoff: Handoff, *, words: str, url: str = "", by: User) -> Breakage:
    """Something broke that came from an accepted hand-off: it is named there, and the giving role gets a task.

    `url` is the page of what broke, such as an alert of this project.
    """
    row = Handoff.objects.select_for_update(of=("self",)).select_related("project").get(pk=handoff.pk)
    if row.state != Handoff.State.ACCEPTED:
        raise Conflict(
            f"Hand-off {row.number} was never accepted: {row.get_state_display().lower()}.", code="too_early"
        )
    words = words.strip()
    if not words or len(words) > 300:
        raise Invalid("Say in a sentence what broke.", fields={"words": "1 to 300 characters."})
    if url and (not url.startswith(f"/p/{handoff.project.key}/") or len(url) > 300):
        raise Invalid("Give an address of this project.", fields={"url": f"It begins with /p/{handoff.project.key}/."})
    task = open_task(
        row.project,
        title=f"Something of hand-off {row.number} broke: {words}"[:200],
        role=row.giver,
        about=About("projects.handoff", str(row.pk), str(row), url or address_of(row)),
        by=by,
    )
    breakage = Breakage.objects.create(handoff=row, words=words, url=url, by=by, task=task)
    _record(row, "handoff.broke", by, words=words)
    return breakage


def _tell_giver(handoff: Handoff, text: str, by: User) -> None:
    if handoff.offered_by_id and handoff.offered_by_id != by.pk:
        tell([handoff.offered_by_id], text, url=address_of(handoff), project_key=handoff.project.key)
