"""Groups of people, and the roles that they bring to a project, over REST."""

from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.groups import all_groups, group_for, people_at
from accounts.models import Group
from projects.access import ProjectEndpoint
from projects.api.projects import RolesBody, caller
from projects.queries.groups import Seat, groups_of, seat_for
from projects.services.groups import change_group, delete_group, remove_group, set_group_roles
from web.api import Endpoint
from web.pages import ADMIN


class GroupBody(serializers.Serializer[Any]):
    """A group's name and the e-mail addresses of all its members."""

    name = serializers.CharField(max_length=80)
    members = serializers.ListField(child=serializers.EmailField(), max_length=5000, required=False, default=list)


class SeatBody(RolesBody):
    """Which group, and all roles that it brings its members."""

    group = serializers.UUIDField()


def show_group(group: Group) -> dict[str, Any]:
    """A group with its members."""
    members = [{"id": str(user.pk), "name": user.name, "email": user.email} for user in group.members.all()]
    return {"id": str(group.pk), "name": group.name, "members": members}


def show_seat(seat: Seat) -> dict[str, Any]:
    """A group of a team."""
    return {"id": str(seat.group.pk), "name": seat.group.name, "size": seat.size, "roles": seat.roles}


class GroupList(Endpoint):
    """All groups."""

    action = ADMIN

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request) -> Response:
        """List them with their members."""
        return self.page_of(all_groups().prefetch_related("members"), show_group)

    @extend_schema(request=GroupBody, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Make one."""
        body = GroupBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        members = people_at(given["members"])
        return self.once(
            lambda: (201, show_group(change_group(None, name=given["name"], members=members, by=caller(request))))
        )


class GroupDetail(Endpoint):
    """One group."""

    action = ADMIN

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, group_id: UUID) -> Response:
        """Its name and members."""
        return Response(show_group(group_for(group_id)))

    @extend_schema(request=GroupBody, responses={200: OpenApiTypes.OBJECT})
    def put(self, request: Request, group_id: UUID) -> Response:
        """Another name, other members; it holds from the next request on."""
        group = group_for(group_id)
        body = GroupBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        saved = change_group(group, name=given["name"], members=people_at(given["members"]), by=caller(request))
        return Response(show_group(saved))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, group_id: UUID) -> Response:
        """The group goes, with the roles that it gave."""
        delete_group(group_for(group_id), by=caller(request))
        return Response(status=204)


class TeamGroupList(ProjectEndpoint):
    """The groups of a project's team."""

    action = {"GET": "project.read", "POST": "team.manage"}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """Those that have a role here."""
        return self.page_of(groups_of(self.project), show_seat)

    @extend_schema(request=SeatBody, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str) -> Response:
        """Take a group into the team."""
        body = SeatBody(data=request.data)
        body.is_valid(raise_exception=True)
        group = group_for(body.validated_data["group"])
        set_group_roles(self.project, group, roles=body.validated_data["roles"], by=caller(request))
        return Response(show_seat(seat_for(self.project, group.pk)), status=201)


class TeamGroupDetail(ProjectEndpoint):
    """One group in a project's team."""

    action = "team.manage"

    @extend_schema(request=RolesBody, responses={200: OpenApiTypes.OBJECT})
    def put(self, request: Request, key: str, group_id: UUID) -> Response:
        """Set all roles that the group brings its members here."""
        group = seat_for(self.project, group_id).group
        body = RolesBody(data=request.data)
        body.is_valid(raise_exception=True)
        set_group_roles(self.project, group, roles=body.validated_data["roles"], by=caller(request))
        return Response(show_seat(seat_for(self.project, group_id)))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, key: str, group_id: UUID) -> Response:
        """Take the group out of the team."""
        remove_group(self.project, seat_for(self.project, group_id).group, by=caller(request))
        return Response(status=204)
