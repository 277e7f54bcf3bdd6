"""Which groups have roles in a project."""

from dataclasses import dataclass
from uuid import UUID

from accounts.models import Group
from problems.problem import Missing
from projects.models.projects import Project
from projects.models.team import GroupRole
from projects.permissions import Role


@dataclass(frozen=True)
class Seat:
    """A group of the team, with its roles there and the number of its members."""

    group: Group
    roles: list[Role]
    size: int


def groups_of(project: Project) -> list[Seat]:
    """The groups that have a role here, by name."""
    found: dict[Group, set[str]] = {}
    for row in GroupRole.objects.filter(project=project).select_related("group").order_by("group__name"):
        found.setdefault(row.group, set()).add(row.role)
    sizes = _sizes(list(found))
    return [Seat(group, [role for role in Role if role in held], sizes[group.pk]) for group, held in found.items()]


def _sizes(groups: list[Group]) -> dict[UUID, int]:
    sizes: dict[UUID, int] = {group.pk: 0 for group in groups}
    members = Group.members.through.objects.filter(group_id__in=sizes)
    for group_id in members.values_list("group_id", flat=True):
        sizes[group_id] += 1
    return sizes


def seat_for(project: Project, group_id: UUID) -> Seat:
    """One group of the team."""
    seat = next((seat for seat in groups_of(project) if seat.group.pk == group_id), None)
    if seat is None:
        raise Missing("There is no such group in this project.")
    return seat
