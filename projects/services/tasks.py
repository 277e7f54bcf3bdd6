"""Asking somebody to do something, and saying that it is done."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts.models import User, as_user
from audit.actors import Actor
from audit.services import record
from notices.services import tell
from problems.problem import Conflict, Invalid
from projects.models.projects import Project
from projects.models.tasks import Task
from projects.models.team import Membership
from projects.permissions import Role
from projects.queries.team import members_with
from projects.services.projects import lock_project


@dataclass(frozen=True)
class About:
    """The object that a task, a question or a hand-off is about: a type word, its id, its name and its address."""

    type: str = ""
    id: str = ""
    name: str = ""
    url: str = ""


@transaction.atomic
def open_task(
    project: Project,
    *,
    title: str,
    by: Actor,
    assignee: User | None = None,
    role: Role | str = "",
    detail: str = "",
    due_on: date | None = None,
    about: About | None = None,
) -> Task:
    """Ask a person, or whoever holds a role here, to do something; they are told."""
    if not title.strip():
        raise Invalid("Say what is to be done.", fields={"title": "Say what is to be done."})
    if assignee is None and not role:
        raise Invalid("Name a person or a role.", fields={"role": "Name a person or a role."})
    about = about or About()
    lock_project(project)
    number = (Task.objects.filter(project=project).aggregate(last=Max("number"))["last"] or 0) + 1
    task = Task.objects.create(
        project=project,
        number=number,
        title=title.strip()[:200],
        detail=detail.strip(),
        assignee=assignee,
        role=str(role),
        due_on=due_on,
        subject_type=about.type,
        subject_id=about.id,
        subject_name=about.name[:160],
        subject_url=about.url,
        created_by=as_user(by),
    )
    record(by, "task.opened", task, project_key=project.key, number=number, title=task.title)
    asked = [assignee] if assignee else members_with(project, [role])
    _tell(task, asked, f"{by.actor_name} asks: {task.title}")
    return task


@transaction.atomic
def close_task(task: Task, *, by: User, done: bool = True) -> Task:
    """Say that it is done, or that nobody need do it any more."""
    row = _open_row(task)
    row.state = Task.State.DONE if done else Task.State.DROPPED
    row.closed_by, row.closed_at = by, timezone.now()
    row.save(update_fields=["state", "closed_by", "closed_at"])
    record(by, "task.closed" if done else "task.dropped", row, project_key=row.project.key, number=row.number)
    return row


def _open_row(task: Task) -> Task:
    row = Task.objects.select_for_update(of=("self",)).select_related("project").get(pk=task.pk)
    if row.state != Task.State.OPEN:
        raise Conflict(f"Task {row.number} is already over: {row.get_state_display().lower()}.")
    return row


@transaction.atomic
def pass_on(task: Task, *, by: User, assignee: User | None = None, role: Role | str = "") -> Task:
    """Give an open task to another person or role; they are told."""
    row = _open_row(task)
    _check_asked(row.project, assignee, role)
    row.assignee, row.role = assignee, str(role)
    row.save(update_fields=["assignee", "role"])
    to = assignee.name if assignee else Role(role).label
    record(by, "task.passed_on", row, project_key=row.project.key, number=row.number, to=to)
    asked = [assignee] if assignee else members_with(row.project, [role])
    text = f"{by.name} passes on to you: {row.title}"
    _tell(row, [person for person in asked if person != by], text)
    return row


@transaction.atomic
def set_due(task: Task, due_on: date | None, *, by: User) -> Task:
    """Another day by which it is to be done, or none."""
    row = _open_row(task)
    if row.due_on != due_on:
        row.due_on = due_on
        row.save(update_fields=["due_on"])
        data = {"number": row.number, "due_on": due_on.isoformat() if due_on else "no day"}
        record(by, "task.due_set", row, project_key=row.project.key, **data)
    return row


def _check_asked(project: Project, assignee: User | None, role: Role | str) -> None:
    """A person of this project or a known role, and not both."""
    if (assignee is None) == (not role):
        raise Invalid("Name a person or a role.", fields={"role": "Name a person or a role, not both."})
    if role and role not in set(Role):
        raise Invalid(f"There is no role {role}.", fields={"role": f"There is no role {role}."})
    if assignee and not Membership.objects.filter(project=project, user=assignee).exists():
        text = f"{assignee.name} is not in this project."
        raise Invalid(text, fields={"assignee": text})


def _tell(task: Task, people: Iterable[User], text: str) -> None:
    url = f"/p/{task.project.key}/tasks/{task.number}/"
    tell([person.pk for person in people], text, url=url, project_key=task.project.key, kind="task")
