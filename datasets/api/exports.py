"""Taking data away over REST: files at once, files by jobs, and addresses that programs read."""

from typing import Any
from uuid import UUID

from django.http.response import HttpResponseBase
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from datasets import exporting
from datasets.api.care import body_of
from datasets.api.versions import caller
from datasets.downloads import file_response
from datasets.models.feeds import Export, Feed
from datasets.queries import catalog
from datasets.queries import exports as export_queries
from datasets.queries import versions as queries
from datasets.services import exports
from projects.access import ProjectEndpoint
from projects.queries.work import job_link
from web.parsing import StrictJSONParser


class ExportBody(serializers.Serializer[Any]):
    """A version as a file."""

    format = serializers.ChoiceField(choices=list(exporting.FORMATS))
    raw = serializers.BooleanField(required=False, default=False)


class FeedBody(serializers.Serializer[Any]):
    """A new address for a program."""

    name = serializers.CharField(max_length=60)
    days = serializers.IntegerField(min_value=1, max_value=exports.MOST_DAYS, default=90)


def show_feed(feed: Feed) -> dict[str, Any]:
    """An address without its secret."""
    return {
        "id": str(feed.pk),
        "name": feed.name,
        "url": reverse("feed", args=[feed.pk]),
        "owner": feed.owner.name,
        "created_at": feed.created_at.isoformat(),
        "expires_at": feed.expires_at.isoformat(),
        "revoked_at": feed.revoked_at.isoformat() if feed.revoked_at else None,
        "last_used_at": feed.last_used_at.isoformat() if feed.last_used_at else None,
    }


def show_export(export: Export) -> dict[str, Any]:
    """A file that a job writes."""
    version = export.version
    key = version.dataset.project.key
    return {
        "id": str(export.pk),
        "format": export.format,
        "raw": export.raw,
        "hidden": export.masked,
        "state": export.state,
        "message": export.message,
        "file": reverse("dataset-export-file", args=[key, version.dataset.name, version.number, export.pk]),
        "expires_at": export.expires_at.isoformat(),
    }


class Feeds(ProjectEndpoint):
    """Addresses from which programs read a dataset."""

    action = {"GET": "data.read", "POST": "data.export"}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str) -> Response:
        """List them, newest first."""
        return self.page_of(queries.dataset_for(self.project, name).feeds.select_related("owner"), show_feed)

    @extend_schema(request=FeedBody, responses={201: OpenApiTypes.OBJECT, 422: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str) -> Response:
        """Make one. `secret` is shown this once; what it reads is masked as for you."""
        dataset, given = queries.dataset_for(self.project, name), body_of(FeedBody, request)

        def make() -> tuple[int, dict[str, Any]]:
            feed, secret = exports.make_feed(dataset, name=given["name"], days=given["days"], by=caller(request))
            return 201, show_feed(feed) | {"secret": secret}

        return self.once(make)


class FeedRevoke(ProjectEndpoint):
    """Closing an address."""

    action = "data.export"
    parser_classes = [StrictJSONParser, MultiPartParser]

    @extend_schema(request=None, responses={200: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str, feed: UUID) -> Response:
        """Close it for good."""
        found = catalog.feed_for(queries.dataset_for(self.project, name), feed)
        exports.check_revoke(found, self.roles, by=caller(request))
        return self.once(lambda: (200, show_feed(exports.revoke_feed(found, by=caller(request)))))


class VersionFile(ProjectEndpoint):
    """A version as a file, now."""

    action = "data.export"

    @extend_schema(request=ExportBody, responses={200: OpenApiTypes.BINARY, 413: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str, number: int) -> HttpResponseBase:
        """The bytes in the wanted format, written down as taken away. 413 where a job must write it."""
        version, given = queries.version_for(self.project, name, number), body_of(ExportBody, request)
        kind, raw = given["format"], given["raw"]
        exporting.check(kind, version.rows)
        exporting.check_quick(kind, version.rows, len(version.schema))
        masked = export_queries.masked_names(version, self.roles)
        response = file_response(version, kind, masked, raw=raw)
        exports.note_download(version, kind=kind, raw=raw, masked=masked, by=caller(request))
        return response


class Exports(ProjectEndpoint):
    """Files that jobs write."""

    action = {"GET": "data.read", "POST": "data.export"}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str, number: int) -> Response:
        """List those that are kept."""
        version = queries.version_for(self.project, name, number)
        return self.page_of(export_queries.exports_of(version), show_export)

    @extend_schema(request=ExportBody, responses={202: OpenApiTypes.OBJECT, 413: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str, number: int) -> Response:
        """Have one written; it is kept for a week."""
        version, given = queries.version_for(self.project, name, number), body_of(ExportBody, request)

        def make() -> tuple[int, dict[str, Any]]:
            kind, raw = given["format"], given["raw"]
            made, job = exports.start_export(version, kind=kind, raw=raw, roles=self.roles, by=caller(request))
            return 202, show_export(made) | {"job": job_link(job)}

        return self.once(make)
