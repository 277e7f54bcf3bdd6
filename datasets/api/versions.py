"""Datasets over REST: upload, watch, look, publish."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from datasets.models.sources import Pull
from datasets.models.versions import Dataset, Ingestion, SchemaPolicy, Version
from datasets.queries import seen
from datasets.queries import versions as queries
from datasets.reading.options import (
    CHOICES,
    COUNTS,
    LONGEST,
    MOST_LINES,
    TEXTS,
    Options,
)
from datasets.services import versions as services
from datasets.using import uses_of
from jobs.queries import latest_of
from projects.access import ProjectEndpoint
from projects.queries.work import job_link
from storage.models import Blob
from web.parsing import StrictJSONParser

FORM_OVERHEAD = 64 * 1024


def caller(request: Request) -> User:
    """Whoever sent this; endpoints behind a declared action always have one."""
    assert isinstance(request.user, User)
    return request.user


def _stated(choices: dict[str, str]) -> serializers.ChoiceField:
    return serializers.ChoiceField(choices=list(choices), required=False, allow_blank=True)


class OptionsBody(serializers.Serializer[Any]):
    """What is known about a file. Whatever is left out is found out and reported; `types` maps columns to types."""

    types = serializers.JSONField(required=False)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """A field for each option of reading."""
        stated: dict[str, serializers.Field[Any, Any, Any, Any]] = {}
        for name, choices in CHOICES.items():
            stated[name] = _stated(choices)
        for name in COUNTS:
            stated[name] = serializers.IntegerField(required=False, min_value=0, max_value=MOST_LINES)
        for name in TEXTS:
            stated[name] = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST)
        return super().get_fields() | stated


class UploadBody(OptionsBody):
    """One file, and what is known about it. With `preview` it becomes a version only after it was looked at."""

    file = serializers.FileField(max_length=1000)
    preview = serializers.BooleanField(required=False, default=False)


class SchemaPolicyBody(serializers.Serializer[Any]):
    """What happens when the columns of a new version differ from those of the last published one."""

    schema_policy = serializers.ChoiceField(choices=SchemaPolicy.choices)


def show_dataset(one: queries.Listed) -> dict[str, Any]:
    """A dataset with its newest versions and its last load."""
    load = one.load
    return {
        "name": one.dataset.name,
        "description": one.dataset.description,
        "created_at": one.dataset.created_at.isoformat(),
        "schema_policy": one.dataset.schema_policy,
        "versions": len(one.versions),
        "newest": one.newest.number if one.newest else None,
        "published": one.published.number if one.published else None,
        "last_load": {"id": str(load.pk), "file": load.file_name, "state": load.state, "message": load.message}
        if load
        else None,
    }


def show_version(version: Version) -> dict[str, Any]:
    """A version for lists."""
    return {
        "dataset": version.dataset.name,
        "number": version.number,
        "state": version.state,
        "rows": version.rows,
        "refused_rows": version.refused_rows,
        "sha256": version.table_id,
        "created_at": version.created_at.isoformat(),
        "published_at": version.published_at.isoformat() if version.published_at else None,
        "published_by": version.published_by.name if version.published_by else None,
        "url": services.address_of(version),
    }


def show_ingestion(ingestion: Ingestion) -> dict[str, Any]:
    """How an upload went: its job, and the version that it made or why it made none."""
    job = latest_of(ingestion)
    version = Version.objects.filter(ingestion=ingestion).values_list("number", flat=True).first()
    return {
        "ingestion": str(ingestion.pk),
        "file": ingestion.file_name,
        "options": ingestion.options,
        "state": ingestion.state,
        "message": ingestion.message,
        "version": version,
        "job": job_link(job) if job else None,
        "preview": show_preview(ingestion) if ingestion.state == Ingestion.State.PREVIEW else None,
    }


def show_preview(load: Ingestion | Pull) -> dict[str, Any]:
    """How a file was read: guesses, columns, the first rows, what was refused, and why it is no table if it is none."""
    found = load.found or {}
    report = found.get("report", {})
    return {
        "rows": found.get("rows", 0),
        "refused_rows": found.get("refused_rows", 0),
        "schema": found.get("schema", []),
        "first_rows": found.get("profile", {}).get("sample", []),
        "refusal": found.get("refusal"),
        "report": report,
    }


class Datasets(ProjectEndpoint):
    """The datasets of a project."""

    action = "data.read"

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """List them, last touched first."""
        pages = queries.datasets_of([self.project])
        response = self.page_of(pages, lambda dataset: {"dataset": dataset})
        found = queries.listed([row["dataset"] for row in response.data["results"]])
        response.data["results"] = [show_dataset(one) for one in found]
        return response


class Uploads(ProjectEndpoint):
    """Files into one dataset."""

    action = "data.load"
    parser_classes = [MultiPartParser]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """After the door, refuse what is too large before its body is read."""
        super().initial(request, *args, **kwargs)
        length = str(request.META.get("CONTENT_LENGTH") or "0")
        services.check_size((int(length) if length.isdigit() else 0) - FORM_OVERHEAD)

    @extend_schema(
        request={"multipart/form-data": UploadBody},
        responses={202: OpenApiTypes.OBJECT, 413: OpenApiTypes.OBJECT, 422: OpenApiTypes.OBJECT},
    )
    def post(self, request: Request, key: str, name: str) -> Response:
        """Upload a file; a job reads it. With an `Idempotency-Key` the same upload is taken once.

        The dataset is made if it is new. Watch `job.url`, or the upload's own address, for the version it makes or the
        reason why it makes none.
        """
        body = UploadBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        file = given.pop("file")
        self.preview = bool(given.pop("preview", False))
        services.check_size(file.size)
        options = Options.of(given).as_dict()
        clean = services.dataset_name(name)
        self.blob: Blob = services.keep_file(file.chunks())
        return self.once(lambda: self.start(clean, services.file_name(file.name), options))

    def start(self, name: str, file_name: str, options: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Start the load; what `once` does once."""
        ingestion, job = services.start_ingestion(
            self.project,
            name=name,
            file_name=file_name,
            blob=self.blob,
            options=options,
            by=caller(self.request),
            preview=self.preview,
        )
        link = job_link(job)
        url = f"/api/v1/projects/{self.project.key}/datasets/{name}/uploads/{ingestion.pk}/"
        return 202, {"ingestion": str(ingestion.pk), "dataset": name, "url": url, "job": link}


class UploadDetail(ProjectEndpoint):
    """One upload."""

    action = "data.read"

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str, ingestion: UUID) -> Response:
        """How it went: `state` is waiting, preview, read, failed, cancelled or dropped; `version` is what it made."""
        return Response(show_ingestion(seen.seen_ingestion(self.project, name, ingestion, self.roles)))


class LookAgain(ProjectEndpoint):
    """A corrected look at an upload."""

    action = "data.load"

    @extend_schema(request=OptionsBody, responses={202: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str, ingestion: UUID) -> Response:
        """Read the stored file again with these options, to be looked at once more. No version is made."""
        load = queries.ingestion_for(self.project, name, ingestion)
        options = options_of(request)
        return self.once(lambda: (202, {"job": job_link(services.look_again(load, options, by=caller(request)))}))


class ReadIt(ProjectEndpoint):
    """“Read it so”."""

    action = "data.load"
    parser_classes = [StrictJSONParser, MultiPartParser]

    @extend_schema(
        request=OptionsBody,
        responses={201: OpenApiTypes.OBJECT, 202: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT},
    )
    def post(self, request: Request, key: str, name: str, ingestion: UUID) -> Response:
        """Make a draft version: 201 from what was looked at; 202 with a job if other options are given than those."""
        load = queries.ingestion_for(self.project, name, ingestion)
        options = options_of(request) if request.data else None
        return self.once(lambda: self.take(load, options))

    def take(self, load: Ingestion, options: dict[str, Any] | None) -> tuple[int, dict[str, Any]]:
        """What `once` does once."""
        made = services.take_preview(load, options, by=caller(self.request))
        return (201, show_version(made)) if isinstance(made, Version) else (202, {"job": job_link(made)})


class DropIt(ProjectEndpoint):
    """“Start again”."""

    action = "data.load"
    parser_classes = [StrictJSONParser, MultiPartParser]

    @extend_schema(request=None, responses={200: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str, ingestion: UUID) -> Response:
        """Forget what was read. No version is made."""
        load = queries.ingestion_for(self.project, name, ingestion)
        return self.once(lambda: (200, {"state": services.drop_preview(load, by=caller(request)).state}))


def options_of(request: Request) -> dict[str, Any]:
    """How a file is to be read, as the body says it."""
    body = OptionsBody(data=request.data)
    body.is_valid(raise_exception=True)
    return Options.of(body.validated_data).as_dict()


class Columns(ProjectEndpoint):
    """What happens when the columns of a dataset change."""

    action = {"GET": "data.read", "PUT": "data.publish"}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str) -> Response:
        """The policy: block, warn or accept."""
        return Response({"schema_policy": queries.dataset_for(self.project, name).schema_policy})

    @extend_schema(request=SchemaPolicyBody, responses={200: OpenApiTypes.OBJECT})
    def put(self, request: Request, key: str, name: str) -> Response:
        """Set it. It holds for drafts that are there already."""
        body = SchemaPolicyBody(data=request.data)
        body.is_valid(raise_exception=True)
        dataset, policy = queries.dataset_for(self.project, name), body.validated_data["schema_policy"]
        changed = services.set_schema_policy(dataset, policy, by=caller(request))
        return Response({"schema_policy": changed.schema_policy})


class AcceptColumns(ProjectEndpoint):
    """Agreeing to changed columns."""

    action = "data.publish"
    parser_classes = [StrictJSONParser, MultiPartParser]

    @extend_schema(request=None, responses={200: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str, number: int) -> Response:
        """Accept that a draft's columns differ from those of the last published version."""
        version = queries.version_for(self.project, name, number)
        return self.once(lambda: (200, show_version(services.accept_schema(version, by=caller(request)))))


class Versions(ProjectEndpoint):
    """The versions of a dataset."""

    action = "data.read"

    @extend_schema(operation_id="projects_datasets_versions_list", responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str) -> Response:
        """List them, newest first."""
        dataset: Dataset = queries.dataset_for(self.project, name)
        return self.page_of(queries.versions_of(dataset), show_version)


class VersionDetail(ProjectEndpoint):
    """One version."""

    action = "data.read"

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str, number: int) -> Response:
        """All of it: schema, profile, and the report of what was guessed and refused."""
        version = seen.seen_version(self.project, name, number, self.roles)
        before, changes = queries.schema_changes(version)
        whole = {
            "hidden": sorted(seen.hidden_of(version.dataset, self.roles)),
            "used_by": [asdict(use) for use in uses_of(version)],
            "schema": version.schema,
            "profile": version.profile,
            "report": version.report,
            "schema_changes": [
                {"kind": change.kind, "column": change.column, "text": change.text} for change in changes
            ],
            "schema_changed_since": before.number if before else None,
            "schema_accepted": before is not None and version.schema_accepted_against == before.number,
        }
        return Response(show_version(version) | whole)


class Publish(ProjectEndpoint):
    """Publishing a draft."""

    action = "data.publish"
    parser_classes = [StrictJSONParser, MultiPartParser]

    @extend_schema(request=None, responses={200: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str, number: int) -> Response:
        """Let a draft be trained on; a published version never changes. 409 when it is published or holds nothing."""
        version = queries.version_for(self.project, name, number)
        return self.once(lambda: (200, show_version(services.publish(version, by=caller(request)))))
