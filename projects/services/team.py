"""Inviting people, giving them roles, taking them out."""

from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.arrivals import on_arrival
from accounts.limits import INVITING, count
from accounts.models import User
from accounts.one_time import digest, new_secret
from accounts.services import create_user
from audit.actors import Actor, Machine
from audit.services import record
from notices.services import stop_mail, tell
from problems.problem import Conflict, Denied, Gone, Invalid
from projects.models.projects import Project
from projects.models.team import Invitation, Membership
from projects.permissions import Role
from projects.queries.team import invitation_by, inviter_may, member_for, open_invitations
from projects.services.projects import lock_project

INVITATION_DAYS = 7


def checked_roles(roles: Iterable[str]) -> list[Role]:
    """The roles that are meant, in the order of the table; an unknown one or none is refused."""
    given = set(roles)
    unknown = sorted(given - set(Role))
    if unknown or not given:
        text = f"There is no role {unknown[0]}." if unknown else "Choose at least one role."
        raise Invalid(text, fields={"roles": text})
    return [role for role in Role if role in given]


def invite(project: Project, *, email: str, roles: Iterable[str], by: User) -> tuple[Invitation, str]:
    """An invitation and its secret, which is shown once. It takes the place of an open one to the same address."""
    count(INVITING, str(by.pk))
    return _invite(project, email=email, roles=roles, by=by)


@transaction.atomic
def _invite(project: Project, *, email: str, roles: Iterable[str], by: User) -> tuple[Invitation, str]:
    email, held = email.strip().lower(), checked_roles(roles)
    lock_project(project)
    present = set(Membership.objects.filter(project=project, user__email__iexact=email).values_list("role", flat=True))
    if present >= set(held):
        raise Conflict(f"{email} is in the team and holds these roles already.", code="already_member")
    open_invitations(project).filter(email__iexact=email).update(withdrawn_at=timezone.now())
    secret = new_secret("invite")
    invitation = Invitation.objects.create(
        project=project,
        email=email,
        roles=held,
        digest=digest(secret),
        invited_by=by,
        expires_at=timezone.now() + timedelta(days=INVITATION_DAYS),
    )
    record(by, "member.invited", invitation, project_key=project.key, email=email, roles=held)
    return invitation, secret


@transaction.atomic
def withdraw_invitation(invitation: Invitation, *, by: Actor) -> None:
    """The link stops working at once."""
    open_ones = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, withdrawn_at=None)
    if not open_ones.update(withdrawn_at=timezone.now()):
        raise Conflict("This invitation was used or withdrawn already.", code="too_late")
    data = {"project_key": invitation.project.key, "email": invitation.email}
    record(by, "invitation.withdrawn", invitation, **data)


@transaction.atomic
def accept_invitation(secret: str, *, user: User | None, name: str = "", password: str = "") -> tuple[Project, User]:
    """Use an invitation once: its roles go to the account with its e-mail, which is made when there is none."""
    invitation = invitation_by(secret)
    lock_project(invitation.project)
    now = timezone.now()
    unused = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, withdrawn_at=None, expires_at__gt=now)
    if not unused.update(accepted_at=now):
        raise Gone("This invitation was used or withdrawn a moment ago.")
    if user is not None and user.email.lower() != invitation.email.lower():
        raise Denied(f"This invitation is for {invitation.email}; you are signed in as {user.email}. Sign out first.")
    if user is None:
        if User.objects.filter(email__iexact=invitation.email).exists():
            raise Denied(
                "There is an account with this e-mail. Sign in, then open the link again.", code="sign_in_first"
            )
        by = Machine(f"the invitation by {invitation.invited_by.name}")
        user = create_user(email=invitation.email, name=name, password=password, by=by)
    roles = [Role(role) for role in invitation.roles]
    _give(invitation.project, user, roles)
    project = invitation.project
    record(user, "member.joined", invitation, project_key=project.key, email=user.email, roles=roles)
    text, url = f"{user.name} joined {project.name}.", reverse("team", args=[project.key])
    tell([invitation.invited_by_id], text, url=url, project_key=project.key, kind="team")
    return project, user


@on_arrival
def join_by_address(user: User) -> None:
    """Somebody new, whose address single sign-on has confirmed, is let in where that address was invited."""
    now = timezone.now()
    waiting = Invitation.objects.filter(email__iexact=user.email, accepted_at=None, withdrawn_at=None)
    for invitation in waiting.filter(expires_at__gt=now).select_related("project", "invited_by"):
        lock_project(invitation.project)
        if not inviter_may(invitation) or not Invitation.objects.filter(pk=invitation.pk, accepted_at=None).update(
            accepted_at=now
        ):
            continue
        roles = [Role(role) for role in invitation.roles]
        _give(invitation.project, user, roles)
        key = invitation.project.key
        record(user, "member.joined", invitation, project_key=key, email=user.email, roles=roles)


def _give(project: Project, user: User, roles: Iterable[Role]) -> None:
    rows = [Membership(project=project, user=user, role=role) for role in roles]
    Membership.objects.bulk_create(rows, ignore_conflicts=True)


@transaction.atomic
def set_roles(project: Project, user: User, *, roles: Iterable[str], by: Actor) -> None:
    """The roles that a person of the team holds from the next request on."""
    held = checked_roles(roles)
    lock_project(project)
    before = member_for(project, user.pk).roles
    if Role.OWNER not in held:
        _keep_an_owner(project, user)
    Membership.objects.filter(project=project, user=user, group=None).exclude(role__in=held).delete()
    _give(project, user, held)
    data = {"person": user.name, "before": sorted(before), "after": sorted(held)}
    record(by, "member.roles_changed", project, project_key=project.key, **data)
    if user != by:
        text = f"Your roles in {project.name} are now: {', '.join(role.label for role in held)}."
        tell([user.pk], text, url=reverse("team", args=[project.key]), project_key=project.key, kind="team")


@transaction.atomic
def remove_member(project: Project, user: User, *, by: Actor) -> None:
    """Take a person out of the team; nothing of the project answers them any more."""
    lock_project(project)
    member_for(project, user.pk)
    through = Membership.objects.filter(project=project, user=user).exclude(group=None).select_related("group").first()
    if through is not None and through.group is not None:
        text = f"{user.name} is in this team through the group {through.group.name}. Take the group out of the team, "
        raise Conflict(text + "or let an administrator take the person out of the group.", code="in_by_group")
    _keep_an_owner(project, user)
    Membership.objects.filter(project=project, user=user).delete()
    open_invitations(project).filter(email__iexact=user.email).update(withdrawn_at=timezone.now())
    stop_mail(user.pk, project.key)
    record(by, "member.removed", project, project_key=project.key, person=user.name, email=user.email)


def _keep_an_owner(project: Project, leaving: User) -> None:
    owners = Membership.objects.filter(project=project, role=Role.OWNER, user__is_active=True)
    own = owners.filter(user=leaving, group=None)
    if own.exists() and not owners.exclude(pk__in=own.values("pk")).exists():
        text = f"{leaving.name} is the last owner. Make somebody else an owner first."
        raise Conflict(text, code="last_owner")
