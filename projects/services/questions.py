"""Asking, answering, editing and settling: every write of a thread."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts.models import User
from audit.services import record
from notices.services import tell
from problems.problem import Conflict, Denied, Invalid
from projects.mentions import mentioned, plain
from projects.models.projects import Project
from projects.models.questions import Asked, Question, Reply, Revision
from projects.permissions import Role
from projects.prose import to_text
from projects.queries.team import Member, members_of
from projects.services.projects import lock_project
from projects.services.tasks import About

MAX_TEXT = 8000


@dataclass(frozen=True)
class Named:
    """What stands behind a mention: people by id, or all who hold a role."""

    people: frozenset[UUID]


def known_names(team: Sequence[Member]) -> dict[str, Named]:
    """Every name that a mention may use: people by name and e-mail, roles by name. Namesakes are all meant."""
    found: dict[str, set[UUID]] = {}
    for member in team:
        for name in (member.user.name, member.user.email):
            found.setdefault(plain(name), set()).add(member.user.pk)
    for role in Role:
        held = {member.user.pk for member in team if role in member.roles}
        for name in (role.label, role.value):
            found.setdefault(plain(name), set()).update(held)
    return {name: Named(frozenset(people)) for name, people in found.items()}


def _checked(text: str) -> str:
    text = text.replace("\r\n", "\n").strip()
    if not 1 <= len(text) <= MAX_TEXT:
        words = f"Write something, at most {MAX_TEXT} characters."
        raise Invalid(words, fields={"text": words})
    return text


def _checked_asked(roles: Collection[str], people: Collection[UUID | str], team: Sequence[Member]) -> set[UUID]:
    unknown = sorted(set(roles) - set(Role))
    if unknown:
        raise Invalid(f"There is no role {unknown[0]}.", fields={"roles": f"There is no role {unknown[0]}."})
    here = {str(member.user.pk): member.user.pk for member in team}
    if any(str(person) not in here for person in people):
        text = "Only people of this project can be asked."
        raise Invalid(text, fields={"people": text})
    return {here[str(person)] for person in people}


@transaction.atomic
def ask(
    project: Project,
    *,
    text: str,
    about: About,
    roles: Collection[str] = (),
    people: Collection[UUID | str] = (),
    by: User,
) -> Question:
    """Begin a thread about an object. Whoever is asked or mentioned is told."""
    text, team = _checked(text), members_of(project)
    asked = _checked_asked(roles, people, team)
    lock_project(project)
    number = (Question.objects.filter(project=project).aggregate(last=Max("number"))["last"] or 0) + 1
    question = Question.objects.create(
        project=project,
        number=number,
        text=text,
        subject_type=about.type,
        subject_id=about.id,
        subject_name=about.name[:160],
        subject_url=about.url,
        created_by=by,
    )
    rows = [Asked(question=question, role=role) for role in Role if role in roles]
    rows += [Asked(question=question, user_id=person) for person in sorted(asked)]
    Asked.objects.bulk_create(rows)
    data = {"number": number, "about": about.name, "roles": sorted(roles)}
    record(by, "question.asked", question, project_key=project.key, **data)
    asked |= {member.user.pk for member in team if member.roles & set(roles)}
    _tell(question, text, by, team, f"{by.name} asks about {question.subject_name}: {_start(text)}", asked)
    return question


def _start(text: str) -> str:
    line = to_text(text)
    return line if len(line) <= 140 else f"{line[:139]}…"


def _tell(question: Question, text: str, by: User, team: Sequence[Member], words: str, asked: set[UUID]) -> None:
    """Those who are mentioned are told that; the others who should know are told what happened. Nobody hears twice."""
    active = {member.user.pk for member in team if member.user.is_active} - {by.pk}
    named = {person for each in mentioned(text, known_names(team)) for person in each.people} & active
    url, key = question_url(question), question.project.key
    mention = f"{by.name} mentions you about {question.subject_name}: {_start(text)}"
    tell(named - asked, mention, url=url, project_key=key, kind="mention")
    tell(asked & active, words, url=url, project_key=key, kind="question")


def question_url(question: Question) -> str:
    """Where a thread is read."""
    return f"/p/{question.project.key}/questions/{question.number}/"


def _open_row(question: Question) -> Question:
    return Question.objects.select_for_update(of=("self",)).select_related("project").get(pk=question.pk)


@transaction.atomic
def reply(question: Question, *, text: str, by: User) -> Reply:
    """Answer. Whoever asked or answered before is told; the thread stays open until somebody says it is answered."""
    text, row = _checked(text), _open_row(question)
    made = Reply.objects.create(question=row, text=text, created_by=by)
    row.replied_at = timezone.now()
    row.save(update_fields=["replied_at"])
    record(by, "question.answered", row, project_key=row.project.key, number=row.number, about=row.subject_name)
    others = set(row.replies.exclude(created_by=None).values_list("created_by", flat=True))
    others |= {row.created_by_id} if row.created_by_id else set()
    team = members_of(row.project)
    words = f"{by.name} answered in question {row.number}: {_start(text)}"
    _tell(row, text, by, team, words, others)
    return made


@transaction.atomic
def resolve(question: Question, *, by: User) -> Question:
    """Say that the question is answered. The second of two people at once is told who was first."""
    row = _open_row(question)
    if row.state == Question.State.RESOLVED:
        who = row.resolved_by.name if row.resolved_by else "Somebody"
        raise Conflict(f"{who} has marked question {row.number} as answered already.", code="resolved")
    row.state, row.resolved_by, row.resolved_at = Question.State.RESOLVED, by, timezone.now()
    row.save(update_fields=["state", "resolved_by", "resolved_at"])
    record(by, "question.resolved", row, project_key=row.project.key, number=row.number, about=row.subject_name)
    if row.created_by_id and row.created_by_id != by.pk:
        words = f"{by.name} marked your question {row.number} as answered."
        tell([row.created_by_id], words, url=question_url(row), project_key=row.project.key, kind="question")
    return row


@transaction.atomic
def reopen(question: Question, *, by: User) -> Question:
    """The answer was not one: the question waits again."""
    row = _open_row(question)
    if row.state == Question.State.OPEN:
        raise Conflict(f"Question {row.number} is open.", code="open")
    row.state, row.resolved_by, row.resolved_at = Question.State.OPEN, None, None
    row.save(update_fields=["state", "resolved_by", "resolved_at"])
    record(by, "question.reopened", row, project_key=row.project.key, number=row.number, about=row.subject_name)
    return row


@transaction.atomic
def edit(question: Question, *, text: str, by: User, answer: Reply | None = None) -> None:
    """Change one's own words. What stood there before is kept for everybody to read; only new mentions are told."""
    text, row = _checked(text), _open_row(question)
    place: Question | Reply = Reply.objects.select_for_update().get(pk=answer.pk) if answer else row
    if place.created_by_id != by.pk:
        raise Denied("You can change only what you wrote yourself. Answer instead.")
    before = place.text
    if before == text:
        return
    Revision.objects.create(question=row, reply=place if isinstance(place, Reply) else None, text=before)
    place.text, place.edited_at = text, timezone.now()
    place.save(update_fields=["text", "edited_at"])
    record(by, "question.edited", row, project_key=row.project.key, number=row.number, about=row.subject_name)
    team = members_of(row.project)
    names = known_names(team)
    known = {person for each in mentioned(before, names) for person in each.people}
    new = {person for each in mentioned(text, names) for person in each.people} - known - {by.pk}
    words = f"{by.name} mentions you about {row.subject_name}: {_start(text)}"
    tell(new, words, url=question_url(row), project_key=row.project.key, kind="mention")
