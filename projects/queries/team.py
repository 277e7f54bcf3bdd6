"""Who is in a team, and who is invited."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from accounts.one_time import digest
from problems.problem import Gone, Missing
from projects.models.projects import Project
from projects.models.team import Invitation, Membership
from projects.permissions import Role, allows


@dataclass(frozen=True)
class Member:
    """One person of a team, with all roles held there."""

    user: User
    roles: frozenset[Role]

    @property
    def sorted_roles(self) -> list[Role]:
        """In the order of the table of roles."""
        return [role for role in Role if role in self.roles]


def roles_by_project(user: User) -> dict[Project, frozenset[Role]]:
    """The projects whose team this person is in, with the roles held there."""
    found: dict[Project, set[Role]] = {}
    memberships = (
        Membership.objects.filter(user=user, project__deleted_at=None)
        .select_related("project")
        .order_by("project__name")
    )
    for membership in memberships:
        found.setdefault(membership.project, set()).add(Role(membership.role))
    return {project: frozenset(roles) for project, roles in found.items()}


def members_of(project: Project) -> list[Member]:
    """Everybody in the team, by name."""
    found: dict[User, set[Role]] = {}
    memberships = Membership.objects.filter(project=project).select_related("user")
    for membership in memberships.order_by("user__name", "user__email"):
        found.setdefault(membership.user, set()).add(Role(membership.role))
    return [Member(user, frozenset(roles)) for user, roles in found.items()]


def member_for(project: Project, user_id: UUID) -> Member:
    """One person of the team."""
    memberships = list(Membership.objects.filter(project=project, user_id=user_id).select_related("user"))
    if not memberships:
        raise Missing("There is no such person in this project.")
    return Member(memberships[0].user, frozenset(Role(membership.role) for membership in memberships))


def members_with(project: Project, roles: Iterable[Role | str]) -> list[User]:
    """The active people of the team who hold one of these roles."""
    held = Membership.objects.filter(project=project, role__in=[str(role) for role in roles]).values("user")
    return list(User.objects.filter(pk__in=held, is_active=True).order_by("name"))


def open_invitations(project: Project) -> QuerySet[Invitation]:
    """Invitations that can still be accepted or have run out unused, newest first."""
    return project.invitations.filter(accepted_at=None, withdrawn_at=None).select_related("invited_by")


def invitation_for(project: Project, invitation_id: UUID) -> Invitation:
    """One invitation of the project."""
    invitation = Invitation.objects.filter(project=project, pk=invitation_id).first()
    if invitation is None:
        raise Missing("There is no such invitation in this project.")
    return invitation


def invitation_by(secret: str) -> Invitation:
    """The invitation behind a one-time link, while it can be accepted."""
    known = len(secret) <= 200 and secret.isascii()
    invitations = Invitation.objects.select_related("project", "invited_by")
    invitation = invitations.filter(digest=digest(secret), project__deleted_at=None).first() if known else None
    if invitation is None:
        raise Missing("There is no such invitation. Check that the whole link was copied.")
    if invitation.accepted_at:
        raise Gone("This invitation was used. If that was you, sign in.")
    if invitation.withdrawn_at:
        raise Gone(f"This invitation was withdrawn. Ask {invitation.invited_by.name} for a new one.")
    if invitation.expires_at <= timezone.now():
        raise Gone(f"This invitation has expired. Ask {invitation.invited_by.name} for a new one.")
    if not inviter_may(invitation):
        name = invitation.invited_by.name
        raise Gone(f"{name} no longer invites people to this project. Ask its owner for a new invitation.")
    return invitation


def inviter_may(invitation: Invitation) -> bool:
    """Whether whoever invited may still do so: a link does not outlive the right behind it."""
    inviter = invitation.invited_by
    held = Membership.objects.filter(project=invitation.project, user=inviter).values_list("role", flat=True)
    return inviter.is_admin or allows(frozenset(map(Role, held)), "team.manage")


def works_alone(project: Project) -> bool:
    """Whether the rules that need two people give way: the project is marked so, and nobody else works in it."""
    return project.one_person and len(workers(project)) < 2


def workers(project: Project) -> set[UUID]:
    """The active people who hold any role but that of a viewer."""
    held = Membership.objects.filter(project=project, user__is_active=True).exclude(role=Role.VIEWER)
    return set(held.values_list("user_id", flat=True))
