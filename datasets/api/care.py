"""Looking after data over REST: finding it, saying what is sensitive, keeping it and letting it go."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from datasets.api.versions import caller, show_dataset
from datasets.models.feeds import RetentionRule
from datasets.models.tags import Sensitivity
from datasets.models.versions import Dataset
from datasets.queries import catalog, seen
from datasets.queries import versions as queries
from datasets.queries.retention import would_go
from datasets.sensitive import suggested
from datasets.services import retention, tags
from projects.access import ProjectEndpoint, roles_in
from projects.queries.projects import visible_to
from projects.results import spoken, words_in
from web.api import Endpoint
from web.pages import SIGNED_IN


def body_of(kind: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """What was sent, checked."""
    body = kind(data=request.data)
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)


class DatasetWordsBody(serializers.Serializer[Any]):
    """The words by which a dataset is found; those that are left out go."""

    words = serializers.ListField(child=serializers.CharField(max_length=60), max_length=50)


class SensitiveBody(serializers.Serializer[Any]):
    """Column -> kind; an empty kind takes the tag away, `none` says that somebody looked."""

    columns = serializers.DictField(child=serializers.ChoiceField(choices=[*Sensitivity.values, ""], allow_blank=True))


class RetentionBody(serializers.Serializer[Any]):
    """Keep the last so many versions, and all younger than so many days."""

    keep_last = serializers.IntegerField(min_value=1, max_value=10_000)
    keep_days = serializers.IntegerField(min_value=0, max_value=10_000)


class Catalog(Endpoint):
    """Datasets of all one's projects."""

    action = SIGNED_IN

    @extend_schema(
        parameters=[
            OpenApiParameter(name, str)
            for name in ("q", "column", "tag", "owner", "state", "fresh", "quality", "sensitive")
        ],
        responses={200: OpenApiTypes.OBJECT},
    )
    def get(self, request: Request) -> Response:
        """Find by name, column, tag, owner, state, days since the newest version, quality, and what columns hold."""
        projects = [project for project in visible_to(caller(request)) if self.reaches(project.key)]
        sought = catalog.Sought.of({name: str(value) for name, value in request.query_params.items()})
        response = self.page_of(catalog.found(projects, sought), lambda dataset: {"dataset": dataset})
        datasets = [row["dataset"] for row in response.data["results"]]
        catalog.with_sensitive(datasets)
        response.data["results"] = [
            show_dataset(one)
            | {
                "project": one.dataset.project.key,
                "words": [word.word for word in one.dataset.words.all()],
                "sensitive": {tag.column: tag.kind for tag in one.dataset.sensitive},  # type: ignore[attr-defined]
            }
            for one in queries.listed(datasets)
        ]
        said = words_in(roles_in(caller(request), {row["project"] for row in response.data["results"]}))
        response.data["results"] = [spoken(row, said[row["project"]]) for row in response.data["results"]]
        return response

    def reaches(self, key: str) -> bool:
        """A token of one project finds in that project only."""
        only = getattr(self.request.auth, "project_key", "")
        return not only or only == key


class Words(ProjectEndpoint):
    """The tags of a dataset."""

    action = {"GET": "data.read", "PUT": "data.tag"}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str) -> Response:
        """List them."""
        return Response({"words": list(queries.dataset_for(self.project, name).words.values_list("word", flat=True))})

    @extend_schema(request=DatasetWordsBody, responses={200: OpenApiTypes.OBJECT, 422: OpenApiTypes.OBJECT})
    def put(self, request: Request, key: str, name: str) -> Response:
        """Set them."""
        dataset, given = queries.dataset_for(self.project, name), body_of(DatasetWordsBody, request)
        return Response({"words": tags.set_words(dataset, given["words"], by=caller(request))})


class SensitiveColumns(ProjectEndpoint):
    """What the columns of a dataset hold."""

    action = {"GET": "data.read", "PUT": "data.tag"}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str) -> Response:
        """What was said, what is suggested by names and values, and which columns are hidden from you."""
        return Response(self.told(queries.dataset_for(self.project, name)))

    def told(self, dataset: Dataset) -> dict[str, Any]:
        """The whole answer."""
        known, newest = catalog.tags_of(dataset), dataset.versions.first()
        guesses = suggested(newest.profile) if newest else {}
        return {
            "columns": known,
            "suggested": {
                column: {"kind": kind, "why": why} for column, (kind, why) in guesses.items() if column not in known
            },
            "hidden": sorted(seen.hidden_of(dataset, self.roles)),
        }

    @extend_schema(request=SensitiveBody, responses={200: OpenApiTypes.OBJECT, 422: OpenApiTypes.OBJECT})
    def put(self, request: Request, key: str, name: str) -> Response:
        """Say it for the columns named; others stay as they are."""
        dataset, given = queries.dataset_for(self.project, name), body_of(SensitiveBody, request)
        tags.tag_columns(dataset, given["columns"], by=caller(request))
        return Response(self.told(dataset))


class Retention(ProjectEndpoint):
    """How long versions stay."""

    action = {"GET": "data.read", "PUT": "data.publish", "DELETE": "data.publish"}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str) -> Response:
        """The rule, and what would go by it now; `?keep_last=&keep_days=` tries another without setting it."""
        dataset = queries.dataset_for(self.project, name)
        if "keep_last" in request.query_params or "keep_days" in request.query_params:
            body = RetentionBody(data=request.query_params)
            body.is_valid(raise_exception=True)
            return Response(self.told(dataset, None, **body.validated_data))
        rule = RetentionRule.objects.filter(dataset=dataset).first()
        return Response(self.told(dataset, rule, rule.keep_last, rule.keep_days) if rule else {"rule": None})

    @staticmethod
    def told(dataset: Dataset, rule: RetentionRule | None, keep_last: int, keep_days: int) -> dict[str, Any]:
        """The rule and its fate."""
        fate = would_go(dataset, keep_last, keep_days)
        return {
            "rule": {"keep_last": rule.keep_last, "keep_days": rule.keep_days} if rule else None,
            "goes": [{"number": version.number, "bytes": size} for version, size in fate.going],
            "stays": [{"number": version.number, "why": why} for version, why in fate.staying],
            "bytes": fate.bytes,
        }

    @extend_schema(request=RetentionBody, responses={200: OpenApiTypes.OBJECT, 422: OpenApiTypes.OBJECT})
    def put(self, request: Request, key: str, name: str) -> Response:
        """Set it. Versions that nothing uses go within the hour."""
        dataset, given = queries.dataset_for(self.project, name), body_of(RetentionBody, request)
        rule = retention.set_rule(dataset, **given, by=caller(request))
        return Response(self.told(dataset, rule, rule.keep_last, rule.keep_days))

    @extend_schema(request=None, responses={204: None, 422: OpenApiTypes.OBJECT})
    def delete(self, request: Request, key: str, name: str) -> Response:
        """Keep every version again."""
        retention.drop_rule(queries.dataset_for(self.project, name), by=caller(request))
        return Response(status=204)
