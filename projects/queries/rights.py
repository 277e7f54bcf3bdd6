"""Who may do what in a project, from the one table of actions and the people who hold its roles here."""

from collections.abc import Collection
from dataclasses import dataclass

from django.urls import reverse

from accounts.models import User
from problems.problem import Denied
from projects.models.projects import Project
from projects.models.tasks import Task
from projects.permissions import ACTIONS, Role, allows, holders
from projects.queries.team import Member, members_of

RIGHT = "right"
NAMED = 5


class Refused(Denied):
    """A no that names the way to yes. `asking` is what the page's button sends to ask for it."""

    asking: dict[str, str]


@dataclass(frozen=True)
class Right:
    """One action: what it is in words, for each role whether it may, and who may do it here."""

    action: str
    words: str
    cells: list[tuple[Role, bool]]
    people: list[User]


def rights_in(project: Project) -> list[Right]:
    """The whole table, with the people who hold each right in this project now."""
    team = [member for member in members_of(project) if member.user.is_active]
    return [
        Right(
            action,
            words,
            [(role, role in able) for role in Role],
            [member.user for member in team if allows(member.roles, action)],
        )
        for action, (words, able) in ACTIONS.items()
    ]


def able_to(project: Project, roles: Collection[Role]) -> list[Member]:
    """The people of the team who can still sign in and hold one of these roles."""
    return [member for member in members_of(project) if member.user.is_active and member.roles & set(roles)]


def refusal(project: Project, action: str, address: str = "") -> Refused:
    """The right that is missing, who holds it here, and where to ask them."""
    roles = holders(action)
    people = able_to(project, roles)
    shown = [
        (member.user.name, next(role for role in member.sorted_roles if role in roles)) for member in people[:NAMED]
    ]
    asking = ", ".join(f"{name} ({role.label})" for name, role in shown)
    refused = Refused(
        f"You can read this project. “{ACTIONS[action][0]}” needs one of these roles: "
        f"{', '.join(role.label for role in roles)}."
        + (f" Ask {asking}." if people else " Nobody in this project holds one of them yet."),
        action=action,
        roles=[role.value for role in roles],
        people=[{"name": name, "role": role.value} for name, role in shown],
        ask=reverse("api-asks", args=[project.key]),
    )
    refused.asking = {"url": reverse("ask", args=[project.key]), "action": action, "address": address[:300]}
    return refused


def whom_to_ask(project: Project, action: str) -> Role:
    """The role that a request goes to: one that does this work and that somebody holds here, else the owner."""
    roles = [role for role in holders(action) if role != Role.OWNER]
    held = {role for member in able_to(project, roles) for role in member.roles}
    return next((role for role in roles if role in held), Role.OWNER)


def open_ask(project: Project, action: str, asker: User) -> Task | None:
    """The open task by which this person asked for this right, if there is one."""
    known = {"subject_type": RIGHT, "subject_id": f"{action}:{asker.pk}", "state": Task.State.OPEN}
    return Task.objects.filter(project=project, **known).first()
