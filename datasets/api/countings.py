"""KPIs that are read from a dataset, over REST."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from datasets.api.care import body_of
from datasets.api.versions import caller
from datasets.models.countings import Counting
from datasets.queries.versions import dataset_for
from datasets.services.countings import count_from, stop_counting
from projects.access import ProjectEndpoint
from projects.queries.kpis import kpi_for
from projects.queries.work import job_link


class CountBody(serializers.Serializer[Any]):
    """A KPI by its key, and the columns with its days and its numbers."""

    kpi = serializers.SlugField(max_length=40)
    day = serializers.CharField(max_length=200)
    value = serializers.CharField(max_length=200)


def show_counting(one: Counting) -> dict[str, Any]:
    """A KPI that is read from here, and how the last reading went."""
    return {
        "kpi": one.kpi.key,
        "day": one.day,
        "value": one.value,
        "state": one.state,
        "version": one.number,
        "message": one.message,
        "read_at": one.read_at.isoformat() if one.read_at else None,
    }


class Countings(ProjectEndpoint):
    """The KPIs that are read from a dataset."""

    action = {"GET": "data.read", "POST": "kpi.enter"}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str) -> Response:
        """List them by name."""
        return self.page_of(dataset_for(self.project, name).countings.select_related("kpi"), show_counting)

    @extend_schema(request=CountBody, responses={202: OpenApiTypes.OBJECT, 422: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str) -> Response:
        """Read a KPI from two columns of the newest published version, and of every one that follows."""
        dataset, given = dataset_for(self.project, name), body_of(CountBody, request)
        kpi = kpi_for(self.project, given["kpi"])

        def make() -> tuple[int, dict[str, Any]]:
            columns = {"day": given["day"], "value": given["value"]}
            counting, job = count_from(dataset, kpi, **columns, roles=self.roles, by=caller(request))
            return 202, show_counting(counting) | {"job": job_link(job)}

        return self.once(make)


class CountingDetail(ProjectEndpoint):
    """One KPI that is read from a dataset."""

    action = "kpi.enter"

    @extend_schema(responses={204: None, 404: OpenApiTypes.OBJECT})
    def delete(self, request: Request, key: str, name: str, kpi: str) -> Response:
        """Read it from here no more. Its values stay."""
        stop_counting(dataset_for(self.project, name), kpi, by=caller(request))
        return Response(status=204)
