"""Archives of whole projects over REST."""

from typing import Any
from uuid import UUID

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken
from problems.problem import Denied
from projects.access import ProjectEndpoint
from projects.api.projects import caller
from projects.models.transfers import Export, Import
from projects.naming import KEY_LENGTH, NAME_LENGTH
from projects.queries.transfers import export_for, exports_of, file_of, import_for, imports_of
from projects.queries.work import job_link
from projects.services.exports import start_export
from projects.services.imports import check_beginning, check_key, check_size, start_import
from storage import blobs
from web.api import Endpoint
from web.pages import SIGNED_IN

FORM_OVERHEAD = 64 * 1024


class ImportBody(serializers.Serializer[Any]):
    """An archive, and the free key that its project is to have here."""

    file = serializers.FileField()
    key = serializers.CharField(max_length=KEY_LENGTH)
    name = serializers.CharField(max_length=NAME_LENGTH, required=False, default="", allow_blank=True)


def show_export(export: Export) -> dict[str, Any]:
    """One archive; `file` is there while it can be downloaded."""
    url = f"/api/v1/projects/{export.project.key}/exports/{export.pk}/"
    return {
        "id": str(export.pk),
        "state": export.state,
        "message": export.message,
        "counts": export.counts,
        "bytes": export.file.size if export.file else None,
        "sha256": export.file_id,
        "created_at": export.created_at.isoformat(),
        "expires_at": export.expires_at.isoformat() if export.expires_at else None,
        "url": url,
        "file": f"{url}file/" if export.file_id else None,
    }


def show_import(brought: Import) -> dict[str, Any]:
    """One import; `message` says why nothing came of it, `report` what came and what stayed out."""
    return {
        "id": str(brought.pk),
        "state": brought.state,
        "message": brought.message,
        "key": brought.key,
        "project": f"/api/v1/projects/{brought.project.key}/" if brought.project else None,
        "report": brought.report,
        "created_at": brought.created_at.isoformat(),
        "url": f"/api/v1/imports/{brought.pk}/",
    }


class Exports(ProjectEndpoint):
    """The archives of a project."""

    action = "project.export"

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """List them, newest first."""
        return self.page_of(exports_of(self.project).select_related("project"), show_export)

    @extend_schema(request=None, responses={202: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str) -> Response:
        """Pack the whole project. Watch `job.url`, then fetch `file` of the archive's own address."""

        def make() -> tuple[int, dict[str, Any]]:
            export, job = start_export(self.project, by=caller(request))
            return 202, show_export(export) | {"job": job_link(job)}

        return self.once(make)


class ExportDetail(ProjectEndpoint):
    """One archive."""

    action = "project.export"

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, export_id: UUID) -> Response:
        """How it stands: `state` is waiting, done, failed or gone."""
        return Response(show_export(export_for(self.project, export_id)))


class ExportFile(ProjectEndpoint):
    """The bytes of an archive."""

    action = "project.export"

    @extend_schema(responses={200: OpenApiTypes.BINARY, 410: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, export_id: UUID) -> FileResponse:
        """Download it."""
        export = export_for(self.project, export_id)
        path = blobs.verified_path(file_of(export))
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-store"}
        name = f"{self.project.key}-{export.created_at:%Y-%m-%d}.zip"
        return FileResponse(
            path.open("rb"), as_attachment=True, filename=name, content_type="application/zip", headers=headers
        )


def _unbound(request: Request) -> None:
    if isinstance(request.auth, ApiToken) and request.auth.project_key:
        raise Denied("This token belongs to one project; it cannot do this.")


class Imports(Endpoint):
    """The archives that the caller brought."""

    action = SIGNED_IN
    parser_classes = [MultiPartParser]

    def enter(self, request: Request) -> None:
        """Refuse what is too large before its body is read."""
        _unbound(request)
        length = str(request.META.get("CONTENT_LENGTH") or "0")
        check_size((int(length) if length.isdigit() else 0) - FORM_OVERHEAD)

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request) -> Response:
        """List them, newest first."""
        return self.page_of(imports_of(caller(request)), show_import)

    @extend_schema(
        request={"multipart/form-data": ImportBody},
        responses={202: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT, 422: OpenApiTypes.OBJECT},
    )
    def post(self, request: Request) -> Response:
        """Make a project of an archive; the caller becomes its owner. Watch `url`: the archive is checked by a job."""
        body = ImportBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        file = given.pop("file")
        check_size(file.size)
        check_beginning(file.read(4))
        check_key(given["key"])
        file.seek(0)
        stored = blobs.put(file.chunks())

        def make() -> tuple[int, dict[str, Any]]:
            brought, _ = start_import(**given, file=stored, file_name=file.name, by=caller(request))
            return 202, show_import(brought)

        return self.once(make)


class ImportDetail(Endpoint):
    """One import of the caller."""

    action = SIGNED_IN

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, import_id: UUID) -> Response:
        """How it stands: `state` is waiting, done or failed."""
        _unbound(request)
        return Response(show_import(import_for(caller(request), import_id)))
