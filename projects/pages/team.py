"""The team: who is in it, who may do what, invitations and joining."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from problems.problem import Problem
from projects.access import ProjectPage
from projects.forms.team import InviteForm, JoinForm, RolesForm
from projects.models.team import Invitation
from projects.pages.projects import person
from projects.permissions import Role
from projects.queries.team import invitation_by, invitation_for, member_for, members_of, open_invitations
from projects.services.team import (
    INVITATION_DAYS,
    accept_invitation,
    invite,
    remove_member,
    set_roles,
    withdraw_invitation,
)
from web.pages import PUBLIC, FormPage, put_on_form
from web.sessions import guarded_links, open_session


class Team(ProjectPage, FormPage):
    """The people, the invitations and the table of rights."""

    action = {"GET": "project.read", "POST": "team.manage"}
    template = "projects/team.html"

    def make_form(self, data: Any = None, files: Any = None) -> InviteForm:
        return InviteForm(data)

    def context(self, form: Any) -> dict[str, Any]:
        return {
            "members": members_of(self.project),
            "invitations": list(open_invitations(self.project)) if self.may("team.manage") else [],
            "now": timezone.now(),
            "days": INVITATION_DAYS,
        }

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Invite, and show the link: only now, because only its hash is kept."""
        form = self.make_form(request.POST)
        if not form.is_valid():
            return self.show(form=form, status=422, **self.context(form))
        try:
            invitation, secret = invite(self.project, **form.cleaned_data, by=person(request))
        except Problem as problem:
            put_on_form(form, problem)
            return self.show(form=form, status=problem.status, **self.context(form))
        link = request.build_absolute_uri(reverse("invitation", args=[secret]))
        fresh = self.make_form()
        return self.show(form=fresh, link=link, invited=invitation, **self.context(fresh))


class Member(ProjectPage, FormPage):
    """The roles of one person."""

    action = "team.manage"
    template = "projects/member.html"

    def make_form(self, data: Any = None, files: Any = None) -> RolesForm:
        self.member = member_for(self.project, self.kwargs["user_id"])
        return RolesForm(data, initial={"roles": [role.value for role in self.member.roles]})

    def act(self, form: RolesForm) -> str:
        set_roles(self.project, self.member.user, roles=form.cleaned_data["roles"], by=person(self.request))
        messages.success(self.request, f"The roles of {self.member.user.name} are saved.")
        return reverse("team", args=[self.project.key])

    def context(self, form: Any) -> dict[str, Any]:
        return {"member": self.member}


class MemberRemove(ProjectPage):
    """Take a person out of the team."""

    action = {"POST": "team.manage"}

    def post(self, request: HttpRequest, user_id: UUID) -> HttpResponse:
        """Do it."""
        member = member_for(self.project, user_id)
        remove_member(self.project, member.user, by=person(request))
        messages.success(request, f"{member.user.name} is no longer in the team.")
        return redirect("projects") if member.user == request.user else redirect("team", self.project.key)


class InvitationWithdraw(ProjectPage):
    """Make an invitation's link stop working."""

    action = {"POST": "team.manage"}

    def post(self, request: HttpRequest, invitation_id: UUID) -> HttpResponse:
        """Do it."""
        invitation = invitation_for(self.project, invitation_id)
        withdraw_invitation(invitation, by=person(request))
        messages.success(request, f"The invitation of {invitation.email} is withdrawn.")
        return redirect("team", self.project.key)


class Join(FormPage):
    """What an invited person sees: who invites, to what, and one button."""

    action = PUBLIC
    template = "projects/join.html"
    invitation: Invitation

    def make_form(self, data: Any = None, files: Any = None) -> JoinForm:
        self.invitation = invitation_by(self.kwargs["secret"])
        form = JoinForm(data)
        if self.request.user.is_authenticated:
            form.fields.clear()
        return form

    def act(self, form: JoinForm) -> str:
        user = self.request.user if isinstance(self.request.user, User) else None
        with guarded_links(self.request):
            project, joined = accept_invitation(self.kwargs["secret"], user=user, **form.cleaned_data)
        if user is None:
            open_session(self.request, joined, "invitation")
        messages.success(self.request, f"You are in the team of {project.name}.")
        return reverse("project", args=[project.key])

    def context(self, form: Any) -> dict[str, Any]:
        user, email = self.request.user, self.invitation.email
        return {
            "invitation": self.invitation,
            "roles": [Role(role) for role in self.invitation.roles],
            "known": User.objects.filter(email__iexact=email).exists(),
            "fits": isinstance(user, User) and user.email.lower() == email.lower(),
        }
