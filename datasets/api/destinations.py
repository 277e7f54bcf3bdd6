"""Destinations of a dataset over REST: the kinds, register, change, decide, test, write, and what was written."""

from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from datasets.api.care import body_of
from datasets.api.sources import SourceRefusalBody, show_fields
from datasets.api.versions import caller
from datasets.models.destinations import Destination, Writing
from datasets.models.versions import Dataset
from datasets.queries import destinations as queries
from datasets.queries.versions import dataset_for, version_for
from datasets.services import destinations, writings
from datasets.services.versions import address_of
from datasets.writing.catalog import WRITERS, writer_for
from jobs.queries import latest_of
from projects.access import ProjectEndpoint
from projects.queries.work import job_link


def _columns(most: int, help_text: str) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=200), required=False, max_length=most, help_text=help_text
    )


class _DestinationParts(serializers.Serializer[Any]):
    """What a destination says beside its kind; everything may be left out."""

    params = serializers.DictField(required=False, help_text="Those that its kind declares; the password too.")
    mode = serializers.ChoiceField(required=False, choices=Destination.Mode.choices)
    keys = _columns(20, "What tells rows apart, for a merge.")
    columns = _columns(2000, "Those that are written; none: all.")
    when = serializers.ChoiceField(required=False, choices=Destination.When.choices)


class DestinationBody(_DestinationParts):
    """A new destination."""

    name = serializers.CharField(max_length=60)
    connector = serializers.CharField(max_length=40)
    params = serializers.DictField()


class DestinationChangeBody(_DestinationParts):
    """What changes; `seen` is the revision that you read."""

    seen = serializers.IntegerField(min_value=1, max_value=2**31 - 1)


class DestinationApprovalBody(serializers.Serializer[Any]):
    """The revision that is approved, and the sensitive columns that are let go by name."""

    seen = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    released = _columns(2000, "Sensitive columns that may go there.")


class WritingBody(serializers.Serializer[Any]):
    """What is written."""

    number = serializers.IntegerField(min_value=1, max_value=2**31 - 1, help_text="A published version.")


def show_destination(one: Destination) -> dict[str, Any]:
    """A destination without its secrets: of them only which there are."""
    member = writer_for(one.connector)
    return {
        "name": one.name,
        "dataset": one.dataset.name,
        "connector": one.connector,
        "where": member.where(one.params),
        "sentence": member.sentence(one.params),
        "params": one.params,
        "secrets": sorted(one.sealed),
        "mode": one.mode,
        "keys": one.keys,
        "columns": one.columns,
        "when": one.when,
        "released": one.released,
        "state": one.state,
        "decided_by": one.decided_by.name if one.decided_by else None,
        "decided_at": one.decided_at.isoformat() if one.decided_at else None,
        "reason": one.reason,
        "revision": one.revision,
        "url": destinations.address_of(one),
    }


def show_writing(one: Writing) -> dict[str, Any]:
    """One load."""
    return {
        "write": str(one.pk),
        "destination": one.destination.name,
        "version": one.number,
        "version_url": address_of(one.version) if one.version else None,
        "mode": one.mode,
        "state": one.state,
        "message": one.message,
        "by_publication": one.by_publication,
        "by": one.created_by.name if one.created_by else None,
        "rows": one.rows,
        "added": one.added,
        "changed": one.changed,
        "removed": one.removed,
        "seconds": one.seconds,
        "created_at": one.created_at.isoformat(),
        "ended_at": one.ended_at.isoformat() if one.ended_at else None,
    }


class DestinationKinds(ProjectEndpoint):
    """The kinds of destinations."""

    action = "data.read"

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """List them, each with its parameters."""
        kinds = [
            {"connector": one.key, "title": one.title, "help": one.help, "params": show_fields(one)}
            for one in WRITERS.values()
        ]
        return Response({"kinds": kinds})


class OneDataset(ProjectEndpoint):
    """The base of the endpoints of a dataset's destinations."""

    @property
    def dataset(self) -> Dataset:
        """The dataset that the address names."""
        return dataset_for(self.project, self.kwargs["name"])

    @property
    def destination(self) -> Destination:
        """The destination that the address names."""
        return queries.destination_for(self.dataset, self.kwargs["destination"])


class Destinations(OneDataset):
    """The destinations of a dataset."""

    action = {"GET": "data.read", "POST": "source.write"}

    @extend_schema(operation_id="projects_datasets_destinations_list", responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str) -> Response:
        """List them by name."""
        return self.page_of(queries.destinations_of(self.dataset), show_destination)

    @extend_schema(request=DestinationBody, responses={201: OpenApiTypes.OBJECT, 422: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str) -> Response:
        """Register one. Nothing is written before it is approved; its password is never shown again."""
        dataset, given = self.dataset, body_of(DestinationBody, request)
        return self.once(lambda: (201, show_destination(destinations.register(dataset, by=caller(request), **given))))


class DestinationDetail(OneDataset):
    """One destination."""

    action = {"GET": "data.read", "PATCH": "source.write"}

    @extend_schema(operation_id="projects_datasets_destinations_retrieve", responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str, destination: str) -> Response:
        """What it is, and who approved it."""
        return Response(show_destination(self.destination))

    @extend_schema(
        request=DestinationChangeBody,
        responses={200: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT, 422: OpenApiTypes.OBJECT},
    )
    def patch(self, request: Request, key: str, name: str, destination: str) -> Response:
        """Change what is given; it is approved anew. Another place or user needs the password again."""
        given, found = body_of(DestinationChangeBody, request), self.destination
        seen = given.pop("seen")
        return self.once(
            lambda: (200, show_destination(destinations.change(found, seen=seen, by=caller(request), **given)))
        )


class ApproveDestination(OneDataset):
    """Approve a destination."""

    action = {"POST": "source.approve"}

    @extend_schema(request=DestinationApprovalBody, responses={200: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str, destination: str) -> Response:
        """Let it be written to, as you saw it. 409 `sensitive` names columns that have to be released."""
        given, found = body_of(DestinationApprovalBody, request), self.destination
        return self.once(
            lambda: (
                200,
                show_destination(destinations.approve(found, roles=self.roles, by=caller(request), **given)),
            )
        )


class RefuseDestination(OneDataset):
    """Refuse a destination."""

    action = {"POST": "source.approve"}

    @extend_schema(request=SourceRefusalBody, responses={200: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str, destination: str) -> Response:
        """Let nothing be written there, and say why."""
        given, found = body_of(SourceRefusalBody, request), self.destination
        return self.once(lambda: (200, show_destination(destinations.refuse(found, by=caller(request), **given))))


class DestinationTest(OneDataset):
    """The test of a destination."""

    action = {"GET": "data.read", "POST": "source.run"}

    @extend_schema(operation_id="projects_datasets_destinations_test_retrieve", responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str, destination: str) -> Response:
        """The newest one: `state`, and under `result` each step with what it said."""
        job = queries.last_test(self.destination)
        return Response({"state": job.state, "message": job.message, "result": job.result} if job else {"state": None})

    @extend_schema(request=None, responses={202: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str, destination: str) -> Response:
        """Start one: reach, sign in, may write. Nothing is written."""
        found = self.destination
        return self.once(lambda: (202, {"job": job_link(destinations.start_test(found, by=caller(request)))}))


class Writings(OneDataset):
    """The loads into a destination."""

    action = {"GET": "data.read", "POST": "source.run"}

    @extend_schema(operation_id="projects_datasets_destinations_writes_list", responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str, destination: str) -> Response:
        """List them, newest first."""
        return self.page_of(queries.writings_of(self.destination), show_writing)

    @extend_schema(request=WritingBody, responses={202: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str, destination: str) -> Response:
        """Write a published version there, in one transaction. 409 `not_approved`, `sensitive` or `not_published`."""
        found, number = self.destination, body_of(WritingBody, request)["number"]
        version = version_for(self.project, name, number)

        def make() -> tuple[int, dict[str, Any]]:
            writing, job = writings.start_writing(found, version, by=caller(request))
            url = f"/api/v1/projects/{key}/datasets/{name}/destinations/{found.name}/writes/{writing.pk}/"
            return 202, show_writing(writing) | {"url": url, "job": job_link(job)}

        return self.once(make)


class WritingDetail(OneDataset):
    """One load into a destination."""

    action = "data.read"

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str, destination: str, write: UUID) -> Response:
        """How it went: `state` is waiting, done, unchanged, failed or cancelled."""
        found = queries.writing_for(self.destination, write)
        job = latest_of(found)
        return Response(show_writing(found) | {"job": job_link(job) if job else None})
