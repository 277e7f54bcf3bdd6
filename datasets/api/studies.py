"""Looking at versions over REST: beside another one, and how their columns go together."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from datasets.api.care import body_of
from datasets.api.versions import caller
from datasets.models.versions import Version
from datasets.profiling.comparison import compare, distance
from datasets.queries import findings, seen
from datasets.queries import versions as queries
from datasets.services import findings as studies
from problems.problem import Invalid
from projects.access import ProjectEndpoint
from projects.queries.work import job_link


class DifferenceBody(serializers.Serializer[Any]):
    """Two versions row by row: the number of the other, and the columns that name one row."""

    before = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    key = serializers.ListField(child=serializers.CharField(max_length=500), min_length=1, max_length=studies.MOST_KEYS)


class AssociationsBody(serializers.Serializer[Any]):
    """The column that one wants to know; none measures pairs only."""

    target = serializers.CharField(required=False, allow_blank=True, max_length=500, default="")


class Difference(ProjectEndpoint):
    """Two versions beside each other."""

    action = {"GET": "data.read", "POST": "data.study"}

    @extend_schema(parameters=[OpenApiParameter("with", int)], responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str, number: int) -> Response:
        """Column by column what moved, most first, and the last match of their rows if there was one."""
        version = seen.seen_version(self.project, name, number, self.roles)
        given = request.query_params.get("with", "")
        if given and not (given.isascii() and given.isdigit() and len(given) < 9):
            raise Invalid("with is the number of a version.", fields={"with": "A whole number."})
        other = (
            seen.seen_version(self.project, name, int(given), self.roles)
            if given
            else seen.seen_before(version, self.roles)
        )
        if other is None:
            return Response({"with": None, "columns": [], "rows": None})
        job = findings.difference_of(version, other, seen.hidden_of(version.dataset, self.roles))
        return Response(
            {
                "with": other.number,
                "columns": moved(other, version),
                "rows": job.result if job else None,
                "job": job_link(job) if job else None,
            }
        )

    @extend_schema(request=DifferenceBody, responses={202: OpenApiTypes.OBJECT, 422: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str, number: int) -> Response:
        """Match the rows by a key; watch the job, then read it here."""
        given = body_of(DifferenceBody, request)
        version = queries.version_for(self.project, name, number)
        other = queries.version_for(self.project, name, given["before"])

        def make() -> tuple[int, dict[str, Any]]:
            return 202, {"job": job_link(studies.start_difference(version, other, given["key"], by=caller(request)))}

        return self.once(make)


def moved(other: Version, version: Version) -> list[dict[str, Any]]:
    """One entry for each column, what moved most first."""
    old = {column["name"]: column for column in other.profile["columns"]}
    now = {column["name"]: column for column in version.profile["columns"]}
    changes = sorted(compare(other.profile, version.profile), key=lambda change: -change.weight)
    return [
        {
            "name": change.name,
            "kind": change.kind,
            "matters": change.matters,
            "psi": change.moved,
            "js": distance(old.get(change.name), now[change.name]) if change.name in now else None,
            "missing_before": change.missing_before,
            "missing_now": change.missing_now,
            "new_values": change.new_values,
            "gone_values": change.gone_values,
        }
        for change in changes
    ]


class Associations(ProjectEndpoint):
    """How the columns of a version go together."""

    action = {"GET": "data.read", "POST": "data.study"}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str, number: int) -> Response:
        """The last measurement: a matrix of strengths, and what tells about the target with hints of leaks."""
        job = findings.associations_of(queries.version_for(self.project, name, number))
        return Response({"result": job.result if job else None, "job": job_link(job) if job else None})

    @extend_schema(request=AssociationsBody, responses={202: OpenApiTypes.OBJECT, 422: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str, number: int) -> Response:
        """Measure it."""
        version, given = queries.version_for(self.project, name, number), body_of(AssociationsBody, request)

        def make() -> tuple[int, dict[str, Any]]:
            return 202, {"job": job_link(studies.start_associations(version, given["target"], by=caller(request)))}

        return self.once(make)
