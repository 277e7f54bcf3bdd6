"""Projects, their teams and invitations over REST."""

from typing import Any
from uuid import UUID

from django.db import transaction
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken, User
from problems.problem import Denied
from projects.access import ProjectEndpoint
from projects.models.projects import Kind, Project
from projects.models.team import Invitation
from projects.naming import KEY_LENGTH, NAME_LENGTH, QUESTION_LENGTH
from projects.overview import holder, rails
from projects.permissions import Role
from projects.queries.projects import visible_to
from projects.queries.team import Member, invitation_for, member_for, members_of, open_invitations
from projects.services.blueprints import create_from
from projects.services.projects import change_project, create_project, mark_one_person
from projects.services.team import accept_invitation, invite, remove_member, set_roles, withdraw_invitation
from web.api import Endpoint
from web.pages import PUBLIC, SIGNED_IN
from web.sessions import guarded_links


def caller(request: Request) -> User:
    """The person who calls; endpoints behind a declared action always have one."""
    assert isinstance(request.user, User)
    return request.user


class ProjectBody(serializers.Serializer[Any]):
    """A new project. Without a key one is made from the name."""

    name = serializers.CharField(max_length=NAME_LENGTH)
    question = serializers.CharField(max_length=QUESTION_LENGTH)
    kind = serializers.ChoiceField(choices=Kind.choices, default=Kind.BINARY)
    key = serializers.CharField(max_length=KEY_LENGTH, required=False, default="", allow_blank=True)
    roles = serializers.ListField(
        child=serializers.ChoiceField(choices=Role.pairs()), max_length=len(Role), required=False, default=list
    )
    one_person_team = serializers.BooleanField(required=False, default=False)
    template = serializers.CharField(
        max_length=60,
        required=False,
        default="",
        allow_blank=True,
        help_text="yes_no, number, or project: and the key of a project of yours.",
    )


class RenameBody(serializers.Serializer[Any]):
    """Another name or question, and whether one person works here alone."""

    name = serializers.CharField(max_length=NAME_LENGTH, required=False)
    question = serializers.CharField(max_length=QUESTION_LENGTH, required=False)
    one_person_team = serializers.BooleanField(required=False)


class RolesBody(serializers.Serializer[Any]):
    """All roles that a person is to hold."""

    roles = serializers.ListField(child=serializers.ChoiceField(choices=Role.pairs()), max_length=len(Role))


class InvitationBody(RolesBody):
    """Whom to invite, to which roles."""

    email = serializers.EmailField(max_length=254)


class AcceptBody(serializers.Serializer[Any]):
    """The one-time secret of an invitation; a new person also gives a name and a password."""

    secret = serializers.CharField(max_length=200)
    name = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)
    password = serializers.CharField(
        max_length=200, required=False, default="", allow_blank=True, trim_whitespace=False
    )


def show_project(project: Project) -> dict[str, Any]:
    """A project as answers have it."""
    return {
        "key": project.key,
        "name": project.name,
        "question": project.question,
        "kind": project.kind,
        "round": project.round,
        "one_person_team": project.one_person,
        "created_at": project.created_at.isoformat(),
        "url": f"/api/v1/projects/{project.key}/",
    }


def show_member(member: Member) -> dict[str, Any]:
    """A person of the team."""
    user = member.user
    return {"id": str(user.pk), "name": user.name, "email": user.email, "roles": member.sorted_roles}


def show_invitation(invitation: Invitation) -> dict[str, Any]:
    """An open invitation; its secret is known to nobody any more."""
    return {
        "id": str(invitation.pk),
        "email": invitation.email,
        "roles": invitation.roles,
        "invited_by": invitation.invited_by.name,
        "created_at": invitation.created_at.isoformat(),
        "expires_at": invitation.expires_at.isoformat(),
    }


def _unbound(request: Request) -> None:
    """A token that is bound to one project does nothing outside it."""
    if isinstance(request.auth, ApiToken) and request.auth.project_key:
        raise Denied("This token belongs to one project; it cannot do this.")


class ProjectList(Endpoint):
    """The projects that one may read."""

    action = SIGNED_IN

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request) -> Response:
        """List them, `?q=` searches."""
        projects = visible_to(caller(request), request.query_params.get("q", "").replace("\x00", "")[:100])
        if isinstance(request.auth, ApiToken) and request.auth.project_key:
            projects = projects.filter(key=request.auth.project_key)
        return self.page_of(projects, show_project)

    @extend_schema(request=ProjectBody, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Start one; the caller becomes its owner."""
        _unbound(request)
        body = ProjectBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data | {"roles": [Role(role) for role in body.validated_data["roles"]]}
        given["one_person"] = given.pop("one_person_team")
        template = given.pop("template")

        def make() -> tuple[int, dict[str, Any]]:
            by = caller(request)
            made = create_from(template, **given, by=by) if template else create_project(**given, by=by)
            return 201, show_project(made)

        return self.once(make)


class ProjectDetail(ProjectEndpoint):
    """One project."""

    action = {"GET": "project.read", "PATCH": "project.change"}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """The project, its stages, whom it waits for, and the caller's roles."""
        stops = rails([self.project])[self.project.pk]
        return Response(
            show_project(self.project)
            | {
                "work_is_with": holder(stops),
                "stages": [{"stage": stop.stage, "state": stop.state, "note": stop.note} for stop in stops],
                "my_roles": sorted(self.roles),
            }
        )

    @extend_schema(request=RenameBody, responses={200: OpenApiTypes.OBJECT})
    def patch(self, request: Request, key: str) -> Response:
        """Change its name or question, or mark it as a one-person team."""
        body = RenameBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = {"name": self.project.name, "question": self.project.question} | body.validated_data
        alone = given.pop("one_person_team", self.project.one_person)
        by = caller(request)
        with transaction.atomic():
            change_project(self.project, **given, by=by)
            return Response(show_project(mark_one_person(self.project, on=alone, by=by)))


class Members(ProjectEndpoint):
    """The team."""

    action = "project.read"

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """Everybody in it, with all roles."""
        return self.page_of(members_of(self.project), show_member)


class MemberDetail(ProjectEndpoint):
    """One person of the team."""

    action = {"GET": "project.read", "PUT": "team.manage", "DELETE": "team.manage"}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, user_id: UUID) -> Response:
        """The person and the roles."""
        return Response(show_member(member_for(self.project, user_id)))

    @extend_schema(request=RolesBody, responses={200: OpenApiTypes.OBJECT})
    def put(self, request: Request, key: str, user_id: UUID) -> Response:
        """Set all roles; they hold from the next request on."""
        member = member_for(self.project, user_id)
        body = RolesBody(data=request.data)
        body.is_valid(raise_exception=True)
        set_roles(self.project, member.user, roles=body.validated_data["roles"], by=caller(request))
        return Response(show_member(member_for(self.project, user_id)))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, key: str, user_id: UUID) -> Response:
        """Take the person out of the team."""
        member = member_for(self.project, user_id)
        remove_member(self.project, member.user, by=caller(request))
        return Response(status=204)


class Invitations(ProjectEndpoint):
    """Invitations to the team."""

    action = "team.manage"

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """Those that nobody has used or withdrawn."""
        return self.page_of(open_invitations(self.project), show_invitation)

    @extend_schema(request=InvitationBody, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str) -> Response:
        """Invite. `secret` and `link` are in this answer and nowhere else, so a repeat does not get them again."""
        body = InvitationBody(data=request.data)
        body.is_valid(raise_exception=True)
        invitation, secret = invite(self.project, **body.validated_data, by=caller(request))
        link = request.build_absolute_uri(f"/invite/{secret}/")
        return Response(show_invitation(invitation) | {"secret": secret, "link": link}, status=201)


class InvitationDetail(ProjectEndpoint):
    """One invitation."""

    action = "team.manage"

    @extend_schema(responses={204: None})
    def delete(self, request: Request, key: str, invitation_id: UUID) -> Response:
        """Withdraw it: its link stops working."""
        withdraw_invitation(invitation_for(self.project, invitation_id), by=caller(request))
        return Response(status=204)


class Accept(Endpoint):
    """Use an invitation."""

    action = PUBLIC

    @extend_schema(request=AcceptBody, responses={200: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Join: without a token as a new person with name and password, with a token as oneself. Works once."""
        _unbound(request)
        if isinstance(request.auth, ApiToken) and request.auth.read_only:
            raise Denied("This token may only read.")
        body = AcceptBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        user = request.user if isinstance(request.user, User) else None
        with guarded_links(request._request):
            project, joined = accept_invitation(given.pop("secret"), user=user, **given)
        member = member_for(project, joined.pk)
        return Response({"project": show_project(project), "member": show_member(member)})
