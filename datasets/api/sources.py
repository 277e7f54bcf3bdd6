"""Sources over REST: which kinds there are, register and change them, decide on them, test them, load from them."""

from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from datasets.api.versions import caller, show_preview
from datasets.connectors.base import Connector, Place
from datasets.connectors.catalog import GROUPS, connector_for
from datasets.models.sources import Pull, Source
from datasets.queries import seen
from datasets.queries import sources as queries
from datasets.schedules import in_words
from datasets.services import pulls, sources
from datasets.services.versions import address_of
from jobs.queries import latest_of
from projects.access import ProjectEndpoint
from projects.queries.work import job_link


class _SourceParts(serializers.Serializer[Any]):
    """What a source says beside its connector; everything may be left out."""

    params = serializers.DictField(required=False, help_text="Those that the kind of source declares; secrets too.")
    mode = serializers.ChoiceField(required=False, choices=Source.Mode.choices)
    keys = serializers.ListField(required=False, child=serializers.CharField(max_length=120), max_length=20)
    options = serializers.DictField(required=False, help_text="How its files are read, as at an upload.")
    schedule = serializers.ChoiceField(required=False, choices=Source.Schedule.choices)
    at = serializers.CharField(required=False, max_length=5, help_text="Time of day in UTC, such as 02:00.")
    weekday = serializers.IntegerField(required=False, min_value=0, max_value=6)
    owner = serializers.CharField(required=False, allow_blank=True, max_length=120)
    third_party = serializers.BooleanField(required=False)
    vendor = serializers.CharField(required=False, allow_blank=True, max_length=120)
    licence = serializers.CharField(required=False, allow_blank=True, max_length=200)
    licence_until = serializers.DateField(required=False, allow_null=True)


class SourceBody(_SourceParts):
    """A new source."""

    name = serializers.CharField(max_length=60)
    connector = serializers.CharField(max_length=40)
    dataset = serializers.CharField(max_length=60)
    params = serializers.DictField()


class SourceChangeBody(_SourceParts):
    """What changes; `seen` is the revision that you read."""

    seen = serializers.IntegerField(min_value=1, max_value=2**31 - 1)


class SourceSeenBody(serializers.Serializer[Any]):
    """The revision that is decided on."""

    seen = serializers.IntegerField(min_value=1, max_value=2**31 - 1)


class SourceRefusalBody(SourceSeenBody):
    """Why it may feed nothing."""

    reason = serializers.CharField(max_length=500)


class PullBody(serializers.Serializer[Any]):
    """How to load."""

    again = serializers.BooleanField(required=False, default=False, help_text="From the beginning.")
    preview = serializers.BooleanField(
        required=False, default=False, help_text="It becomes a version only after it was looked at."
    )


def show_fields(place: Place) -> list[dict[str, Any]]:
    """The parameters that a kind of source or destination declares."""
    return [
        {
            "name": one.name,
            "kind": one.kind,
            "label": one.label,
            "help": one.help,
            "required": one.required and one.default is None,
            "default": one.default,
            "choices": dict(one.choices),
            "low": one.low,
            "high": one.high,
            "only": {one.only[0]: list(one.only[1])} if one.only else None,
            "locates": one.locates,
            "incremental": one.incremental,
        }
        for one in place.fields
    ]


def show_connector(connector: Connector) -> dict[str, Any]:
    """A kind of source with the parameters that it declares."""
    words = {"connector": connector.key, "title": connector.title, "help": connector.help}
    return words | {
        "modes": list(connector.modes),
        "reads_files": connector.reads_files,
        "params": show_fields(connector),
    }


def show_source(source: Source) -> dict[str, Any]:
    """A source without its secrets: of them only which there are."""
    connector = connector_for(source.connector)
    return {
        "name": source.name,
        "connector": source.connector,
        "where": connector.where(source.params),
        "sentence": connector.sentence(source.params),
        "params": source.params,
        "secrets": sorted(source.sealed),
        "dataset": source.dataset.name,
        "mode": source.mode,
        "keys": source.keys,
        "options": source.options,
        "until": source.until,
        "schedule": source.schedule,
        "schedule_words": in_words(source.schedule, source.at, source.weekday),
        "next_at": source.next_at.isoformat() if source.next_at else None,
        "owner": source.owner,
        "third_party": source.third_party,
        "vendor": source.vendor,
        "licence": source.licence,
        "licence_until": source.licence_until.isoformat() if source.licence_until else None,
        "state": source.standing,
        "decided_by": source.decided_by.name if source.decided_by else None,
        "decided_at": source.decided_at.isoformat() if source.decided_at else None,
        "reason": source.reason,
        "revision": source.revision,
        "url": sources.address_of(source),
    }


def show_pull(pull: Pull) -> dict[str, Any]:
    """One load."""
    made = pull.version
    return {
        "pull": str(pull.pk),
        "source": pull.source.name,
        "state": pull.state,
        "message": pull.message,
        "notes": pull.notes,
        "again": pull.again,
        "by_schedule": pull.by_schedule,
        "rows_fetched": pull.rows_fetched,
        "bytes_fetched": pull.bytes_fetched,
        "until": pull.until,
        "dataset": made.dataset.name if made else None,
        "version": made.number if made else None,
        "version_url": address_of(made) if made else None,
        "files": [{"name": one.name, "sha256": one.blob_id} for one in pull.files.all()],
        "created_at": pull.created_at.isoformat(),
        "ended_at": pull.ended_at.isoformat() if pull.ended_at else None,
    }


class Connectors(ProjectEndpoint):
    """The kinds of sources."""

    action = "data.read"

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """List them in groups, each with its parameters."""
        return Response({group: [show_connector(one) for one in members] for group, members in GROUPS.items()})


class SourcesList(ProjectEndpoint):
    """The sources of a project."""

    action = {"GET": "data.read", "POST": "source.write"}

    @extend_schema(operation_id="projects_sources_list", responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """List them by name."""
        return self.page_of(queries.sources_of(self.project), show_source)

    @extend_schema(request=SourceBody, responses={201: OpenApiTypes.OBJECT, 422: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str) -> Response:
        """Register one. It feeds nothing before it is approved; its secrets are never shown again."""
        body = SourceBody(data=request.data)
        body.is_valid(raise_exception=True)
        return self.once(
            lambda: (201, show_source(sources.register(self.project, by=caller(request), **body.validated_data)))
        )


class OneSource(ProjectEndpoint):
    """The base of the endpoints of one source."""

    @property
    def source(self) -> Source:
        """The source that the address names."""
        return queries.source_for(self.project, self.kwargs["name"])


class SourceDetail(OneSource):
    """One source."""

    action = {"GET": "data.read", "PATCH": "source.write"}

    @extend_schema(operation_id="projects_sources_retrieve", responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str) -> Response:
        """What it is, and who approved it."""
        return Response(show_source(self.source))

    @extend_schema(
        request=SourceChangeBody,
        responses={200: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT, 422: OpenApiTypes.OBJECT},
    )
    def patch(self, request: Request, key: str, name: str) -> Response:
        """Change what is given; `params` replace all that are no secrets.

        Another place or user needs the secret again (422 `secret_needed`) and voids the approval.
        """
        body = SourceChangeBody(data=request.data)
        body.is_valid(raise_exception=True)
        given, source = dict(body.validated_data), self.source
        seen = given.pop("seen")
        return self.once(lambda: (200, show_source(sources.change(source, seen=seen, by=caller(request), **given))))


class ApproveSource(OneSource):
    """Approve a source."""

    action = {"POST": "source.approve"}

    @extend_schema(request=SourceSeenBody, responses={200: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str) -> Response:
        """Let it feed the project, as you saw it."""
        body = SourceSeenBody(data=request.data)
        body.is_valid(raise_exception=True)
        source, seen = self.source, body.validated_data["seen"]
        return self.once(lambda: (200, show_source(sources.approve(source, seen=seen, by=caller(request)))))


class RefuseSource(OneSource):
    """Refuse a source."""

    action = {"POST": "source.approve"}

    @extend_schema(request=SourceRefusalBody, responses={200: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str) -> Response:
        """Let it feed nothing, and say why."""
        body = SourceRefusalBody(data=request.data)
        body.is_valid(raise_exception=True)
        given, source = body.validated_data, self.source
        return self.once(lambda: (200, show_source(sources.refuse(source, by=caller(request), **given))))


class SourceTest(OneSource):
    """The test of a source."""

    action = {"GET": "data.read", "POST": "source.run"}

    @extend_schema(operation_id="projects_sources_test_retrieve", responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str) -> Response:
        """The newest one: `state`, and under `result` each step with what it said."""
        job = queries.last_test(self.source)
        found = {"state": job.state, "message": job.message, "result": job.result} if job else {"state": None}
        return Response(found)

    @extend_schema(request=None, responses={202: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str) -> Response:
        """Start one: reach, sign in, read. Watch the job, then read it here."""
        source = self.source
        return self.once(lambda: (202, {"job": job_link(sources.start_test(source, by=caller(request)))}))


class Pulls(OneSource):
    """The loads from a source."""

    action = {"GET": "data.read", "POST": "source.run"}

    @extend_schema(operation_id="projects_sources_pulls_list", responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str) -> Response:
        """List them, newest first."""
        return self.page_of(queries.pulls_of(self.source), show_pull)

    @extend_schema(request=PullBody, responses={202: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str) -> Response:
        """Load what is new. 409 `not_approved` or `expired` when it may feed nothing."""
        body = PullBody(data=request.data)
        body.is_valid(raise_exception=True)
        source = self.source
        return self.once(lambda: (202, self.start(source, body.validated_data, request)))

    def start(self, source: Source, how: dict[str, Any], request: Request) -> dict[str, Any]:
        """What `once` does once."""
        pull, job = pulls.start_pull(source, **how, by=caller(request))
        url = f"/api/v1/projects/{self.project.key}/sources/{source.name}/pulls/{pull.pk}/"
        return show_pull(pull) | {"url": url, "job": job_link(job)}


class PullDetail(OneSource):
    """One load from a source."""

    action = "data.read"

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str, pull: UUID) -> Response:
        """How it went: `state` is waiting, preview, made, unchanged, failed, cancelled or dropped.

        While it waits for a look, `preview` says how it was read.
        """
        found = seen.seen_pull(self.source, pull, self.roles)
        job, waits = latest_of(found), found.state == Pull.State.PREVIEW
        more = {"job": job_link(job) if job else None, "preview": show_preview(found) if waits else None}
        return Response(show_pull(found) | more)
