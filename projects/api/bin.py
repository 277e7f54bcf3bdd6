"""The bin, deleted projects and archiving over REST."""

from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken
from problems.problem import Denied
from projects.access import ProjectEndpoint
from projects.api.projects import caller, show_project
from projects.discarding import KINDS, kind_of
from projects.models.bin import Binned
from projects.permissions import allows
from projects.queries.bin import bin_of, binned_for, binned_project_for, binned_projects
from projects.queries.rights import refusal
from projects.services.archive import archive, unarchive
from projects.services.bin import delete_now, discard, restore
from web.api import Endpoint
from web.pages import SIGNED_IN


class DiscardBody(serializers.Serializer[Any]):
    """Which thing goes to the bin.

    `dataset` customers, `version` customers/v2, `source` orders, `recipe` tidy, `run` 5, `model` churn/v2.
    """

    kind = serializers.ChoiceField(choices=["dataset", "version", "source", "recipe", "run", "model"])
    subject = serializers.CharField(max_length=80)


class NameBody(serializers.Serializer[Any]):
    """The thing's name, so that nobody deletes for good by a slip."""

    name = serializers.CharField(max_length=160)


class ArchiveBody(serializers.Serializer[Any]):
    """Whether the project rests. `even_live` chooses that a model in use goes on answering."""

    archived = serializers.BooleanField()
    even_live = serializers.BooleanField(required=False, default=False)


def show_binned(binned: Binned) -> dict[str, Any]:
    """One thing in the bin."""
    return {
        "id": str(binned.pk),
        "kind": binned.kind,
        "name": binned.name,
        "deleted_by": binned.deleted_by.name if binned.deleted_by else None,
        "deleted_at": binned.deleted_at.isoformat(),
        "gone_at": binned.purge_at.isoformat(),
    }


class Bin(ProjectEndpoint):
    """The bin of a project."""

    action = {"GET": "project.read", "POST": "bin.use"}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """What lies in it."""
        return self.page_of(bin_of(self.project), show_binned)

    @extend_schema(request=DiscardBody, responses={201: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str) -> Response:
        """Delete a thing. 409 with `blocked_by` when something still needs it."""
        body = DiscardBody(data=request.data)
        body.is_valid(raise_exception=True)
        sort = KINDS[body.validated_data["kind"]]
        if not allows(self.roles, sort.action):
            raise refusal(self.project, sort.action)
        thing = sort.find(self.project, body.validated_data["subject"])
        return Response(show_binned(discard(self.project, sort.word, thing, by=caller(request))), status=201)


class BinRestore(ProjectEndpoint):
    """Taking a thing out of the bin."""

    action = {"POST": "bin.use"}

    @extend_schema(request=None, responses={204: None, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, binned_id: UUID) -> Response:
        """Do it."""
        binned = binned_for(self.project, binned_id)
        if not allows(self.roles, kind_of(binned.kind).action):
            raise refusal(self.project, kind_of(binned.kind).action)
        restore(binned, by=caller(request))
        return Response(status=204)


class BinDelete(ProjectEndpoint):
    """Deleting for good."""

    action = {"POST": "project.delete"}

    @extend_schema(request=NameBody, responses={200: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, binned_id: UUID) -> Response:
        """Do it; says how many bytes were freed."""
        binned = binned_for(self.project, binned_id)
        body = NameBody(data=request.data)
        body.is_valid(raise_exception=True)
        return Response({"freed_bytes": delete_now(binned, **body.validated_data, by=caller(request))})


class ProjectArchive(ProjectEndpoint):
    """Whether a project rests."""

    action = {"PUT": "project.archive"}

    @extend_schema(request=ArchiveBody, responses={200: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def put(self, request: Request, key: str) -> Response:
        """Archive it or open it again. 409 while work is under way, or while a model is in use and nobody chose."""
        body = ArchiveBody(data=request.data)
        body.is_valid(raise_exception=True)
        if body.validated_data["archived"]:
            project = archive(self.project, even_live=body.validated_data["even_live"], by=caller(request))
        else:
            project = unarchive(self.project, by=caller(request))
        at = project.archived_at.isoformat() if project.archived_at else None
        return Response(show_project(project) | {"archived_at": at})


class ProjectDelete(ProjectEndpoint):
    """Deleting a whole project."""

    action = {"POST": "project.delete"}

    @extend_schema(request=None, responses={201: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str) -> Response:
        """Put it into the bin. 409 with `blocked_by` while something of it is live or under way."""
        return Response(show_binned(discard(self.project, "project", self.project, by=caller(request))), status=201)


def _unbound(request: Request) -> None:
    if isinstance(request.auth, ApiToken) and request.auth.project_key:
        raise Denied("This token belongs to one project; it cannot do this.")


class DeletedProjects(Endpoint):
    """The deleted projects that the caller owns."""

    action = SIGNED_IN

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request) -> Response:
        """List them."""
        _unbound(request)
        return self.page_of(binned_projects(caller(request)), show_binned)


class DeletedProjectRestore(Endpoint):
    """Taking a project out of the bin."""

    action = {"POST": SIGNED_IN}

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, binned_id: UUID) -> Response:
        """Do it."""
        _unbound(request)
        restore(binned_project_for(caller(request), binned_id), by=caller(request))
        return Response(status=204)


class DeletedProjectDelete(Endpoint):
    """Deleting a project for good."""

    action = {"POST": SIGNED_IN}

    @extend_schema(request=NameBody, responses={200: OpenApiTypes.OBJECT})
    def post(self, request: Request, binned_id: UUID) -> Response:
        """Do it; says how many bytes were freed."""
        _unbound(request)
        binned = binned_project_for(caller(request), binned_id)
        body = NameBody(data=request.data)
        body.is_valid(raise_exception=True)
        return Response({"freed_bytes": delete_now(binned, **body.validated_data, by=caller(request))})
