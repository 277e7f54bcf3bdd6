"""Who can do what in a project, and asking for a right, over REST."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from projects.access import ProjectEndpoint
from projects.api.projects import caller
from projects.queries.rights import Right, rights_in
from projects.services.asks import ask_for


class AskBody(serializers.Serializer[Any]):
    """The action that was refused, and the page where."""

    action = serializers.CharField(max_length=60)
    address = serializers.CharField(max_length=300, required=False, default="", allow_blank=True)


def show_right(right: Right) -> dict[str, Any]:
    """One action, its roles and the people who may do it here."""
    return {
        "action": right.action,
        "what": right.words,
        "roles": [role.value for role, able in right.cells if able],
        "people": [{"id": str(user.pk), "name": user.name} for user in right.people],
    }


class RightsEndpoint(ProjectEndpoint):
    """The live table of who may do what."""

    action = "project.read"

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """All actions at once: the table has a fixed size."""
        return Response({"results": [show_right(right) for right in rights_in(self.project)]})


class AsksEndpoint(ProjectEndpoint):
    """Asking whoever holds a right."""

    action = {"POST": "project.read"}

    @extend_schema(request=AskBody, responses={201: OpenApiTypes.OBJECT, 200: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str) -> Response:
        """Open a task for them. Asking again while it is open answers 200 with the same task."""
        body = AskBody(data=request.data)
        body.is_valid(raise_exception=True)
        task, new = ask_for(self.project, **body.validated_data, by=caller(request))
        answer = {"task": task.number, "role": task.role, "title": task.title}
        return Response(answer, status=201 if new else 200)
