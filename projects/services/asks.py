"""Asking whoever holds a right to use it, or to give it."""

from django.db import transaction

from accounts.models import User
from problems.problem import Conflict, Invalid
from projects.models.projects import Project
from projects.models.tasks import Task
from projects.permissions import ACTIONS, allows
from projects.queries.rights import RIGHT, open_ask, whom_to_ask
from projects.queries.team import member_for
from projects.services.projects import lock_project
from projects.services.tasks import About, open_task


@transaction.atomic
def ask_for(project: Project, *, action: str, address: str, by: User) -> tuple[Task, bool]:
    """A task for the role that holds the right, and whether it is new: asking twice does not make two."""
    if action not in ACTIONS:
        raise Invalid("There is no such right.", fields={"action": "One of the actions of the table of rights."})
    if by.is_admin or allows(member_for(project, by.pk).roles, action):
        raise Conflict("You hold this right already. Try again.", code="held_already")
    lock_project(project)
    if task := open_ask(project, action, by):
        return task, False
    own = address.startswith(f"/p/{project.key}/") and address.isprintable()
    words = ACTIONS[action][0]
    task = open_task(
        project,
        title=f"{by.name} asks for: {words}",
        role=whom_to_ask(project, action),
        detail=f"{by.name} was refused “{words}”. Do it for them, or let an owner give them a role that may.",
        about=About(RIGHT, f"{action}:{by.pk}", words, address[:300] if own else f"/p/{project.key}/"),
        by=by,
    )
    return task, True
