"""Tasks: of a project, and of a person."""

from collections.abc import Mapping

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from accounts.models import User
from problems.problem import Missing
from projects.models.projects import Project
from projects.models.tasks import Task
from projects.models.team import Membership
from projects.permissions import Role

WHOSE = {"mine": "Mine", "role": "My roles'", "all": "All"}


def tasks_of(
    project: Project, user: User, *, whose: str = "all", state: str = "open", due: str = "", search: str = ""
) -> QuerySet[Task]:
    """The tasks of a project: the soonest due first, then the newest."""
    tasks = Task.objects.filter(project=project)
    if whose == "mine":
        tasks = tasks.filter(assignee=user)
    elif whose == "role":
        tasks = tasks.filter(
            assignee=None, role__in=Membership.objects.filter(project=project, user=user).values("role")
        )
    if state in Task.State.values:
        tasks = tasks.filter(state=state)
    if due == "overdue":
        tasks = tasks.filter(due_on__lt=timezone.localdate(), state=Task.State.OPEN)
    if search:
        tasks = tasks.filter(Q(title__icontains=search) | Q(detail__icontains=search))
    order = (F("due_on").asc(nulls_last=True), "-number")
    return tasks.select_related("assignee", "created_by", "closed_by", "project").order_by(*order)


def task_for(project: Project, number: int) -> Task:
    """One task of the project."""
    tasks = Task.objects.filter(project=project, number=number)
    task = tasks.select_related("assignee", "created_by", "closed_by", "project").first()
    if task is None:
        raise Missing("There is no such task in this project.")
    return task


def tasks_for(user: User, projects: Mapping[Project, frozenset[Role]]) -> list[Task]:
    """Open tasks of a person, or of the roles held in each project, the soonest due first."""
    roles = {role for held in projects.values() for role in held}
    tasks = Task.objects.filter(project__in=list(projects), state=Task.State.OPEN)
    tasks = tasks.filter(Q(assignee=user) | Q(assignee=None, role__in=roles))
    rows = tasks.select_related("project", "created_by").order_by(F("due_on").asc(nulls_last=True), "created_at")
    return [task for task in rows[:200] if task.assignee_id or task.role in projects[task.project]]
