"""Giving groups roles in projects, and keeping what their members hold true when members come and go."""

from collections.abc import Iterable

from django.db import transaction
from django.urls import reverse

from accounts import groups
from accounts.models import Group, User
from audit.actors import Actor
from audit.services import record
from notices.services import tell
from problems.problem import Conflict
from projects.models.projects import Project
from projects.models.team import GroupRole, Membership
from projects.permissions import Role
from projects.services.projects import lock_project
from projects.services.team import checked_roles


def _derive(project: Project, group: Group) -> list[User]:
    """Make the rows of a group's members in a project what its roles there say; returns who came in by it."""
    roles = list(GroupRole.objects.filter(project=project, group=group).values_list("role", flat=True))
    mine = Membership.objects.filter(project=project, group=group)
    before = set(mine.values_list("user", flat=True))
    members = list(group.members.all())
    mine.exclude(role__in=roles, user__in=members).delete()
    rows = [Membership(project=project, user=user, role=role, group=group) for user in members for role in roles]
    Membership.objects.bulk_create(rows, ignore_conflicts=True)
    return [user for user in members if roles and user.pk not in before]


def _keep_an_owner(project: Project) -> None:
    if not Membership.objects.filter(project=project, role=Role.OWNER, user__is_active=True).exists():
        raise Conflict(f"{project.name} would have no owner. Make somebody else an owner first.", code="last_owner")


@transaction.atomic
def set_group_roles(project: Project, group: Group, *, roles: Iterable[str], by: Actor) -> None:
    """The roles that every member of a group holds here from the next request on."""
    held = checked_roles(roles)
    lock_project(project)
    GroupRole.objects.filter(project=project, group=group).exclude(role__in=held).delete()
    rows = [GroupRole(project=project, group=group, role=role) for role in held]
    GroupRole.objects.bulk_create(rows, ignore_conflicts=True)
    came = _derive(project, group)
    _keep_an_owner(project)
    record(by, "group.roles_set", project, project_key=project.key, group=group.name, roles=held)
    text = f"The group {group.name} brings you into {project.name}."
    tell([user.pk for user in came], text, url=reverse("project", args=[project.key]), project_key=project.key)


@transaction.atomic
def remove_group(project: Project, group: Group, *, by: Actor) -> None:
    """Take a group out of the team; who was in only through it is out at once."""
    lock_project(project)
    GroupRole.objects.filter(project=project, group=group).delete()
    _derive(project, group)
    _keep_an_owner(project)
    record(by, "group.removed", project, project_key=project.key, group=group.name)


def _projects_of(group: Group) -> list[Project]:
    """The projects where the group has a role, locked in one order."""
    found = list(Project.objects.filter(group_roles__group=group).distinct().order_by("pk"))
    for project in found:
        lock_project(project)
    return found


@transaction.atomic
def change_group(group: Group | None, *, name: str, members: list[User], by: Actor) -> Group:
    """Make a group, or change one; every project where it has a role follows in the same transaction."""
    touched = _projects_of(group) if group else []
    saved = groups.save_group(group, name=name, members=members, by=by)
    for project in touched:
        _derive(project, saved)
        _keep_an_owner(project)
    return saved


@transaction.atomic
def delete_group(group: Group, *, by: Actor) -> None:
    """The group goes, and with it what it gave."""
    touched = _projects_of(group)
    groups.delete_group(group, by=by)
    for project in touched:
        _keep_an_owner(project)
