"""Named views of the runs, the price of computing, and series over REST."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from experiments.listing import PARTS
from experiments.models.records import ComputingPrice, RunView
from experiments.queries.records import record_of, series_of, summaries_of, view_for, views_of
from experiments.queries.runs import run_for
from experiments.services.records import price_of, set_price
from experiments.services.views import delete_view, save_view
from problems.problem import Invalid, Missing
from projects.access import ProjectEndpoint
from projects.api.projects import caller

MOST_POINTS = 10_000


class ViewBody(serializers.Serializer[Any]):
    """A name, and how the runs are looked at under it."""

    name = serializers.CharField(max_length=60)
    filter = serializers.CharField(required=False, allow_blank=True, max_length=4000)
    order = serializers.CharField(required=False, allow_blank=True, max_length=300)
    columns = serializers.CharField(required=False, allow_blank=True, max_length=4000)


class PriceBody(serializers.Serializer[Any]):
    """What an hour of computing costs from now on."""

    an_hour = serializers.FloatField(min_value=0)
    currency = serializers.CharField(max_length=3)


def show_view(view: RunView) -> dict[str, Any]:
    """A named view."""
    return {"name": view.name, **{part: getattr(view, part) for part in PARTS}} | {
        "created_by": view.created_by.name if view.created_by else None,
        "changed_at": view.changed_at.isoformat(),
    }


def show_price(price: ComputingPrice | None) -> dict[str, Any]:
    """The price of an hour; null where nobody named one."""
    return {"an_hour": price.an_hour if price else None, "currency": price.currency if price else None}


class Views(ProjectEndpoint):
    """The named views of a project's runs."""

    action = {"GET": "run.read", "POST": "view.save"}

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, key: str) -> Response:
        """By name."""
        return self.page_of(views_of(self.project), show_view)

    @extend_schema(request=ViewBody, responses={201: OpenApiTypes.OBJECT, 422: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str) -> Response:
        """Keep one; a name that is taken is written over."""
        body = ViewBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)

        def make() -> tuple[int, dict[str, Any]]:
            return 201, show_view(save_view(self.project, name=given["name"], look=given, by=caller(request)))

        return self.once(make)


class ViewDetail(ProjectEndpoint):
    """One named view."""

    action = {"GET": "run.read", "DELETE": "view.save"}

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, key: str, name: str) -> Response:
        """Its filter, order and columns, as the list of runs takes them."""
        return Response(show_view(view_for(self.project, name)))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, key: str, name: str) -> Response:
        """Take it away."""
        delete_view(view_for(self.project, name), by=caller(request))
        return Response(status=204)


class Price(ProjectEndpoint):
    """What an hour of computing costs the project."""

    action = {"GET": "run.read", "POST": "price.change"}

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, key: str) -> Response:
        """What it costs now."""
        return Response(show_price(price_of(self.project)))

    @extend_schema(request=PriceBody, responses={201: OpenApiTypes.OBJECT, 422: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str) -> Response:
        """Say what it costs from now on; runs that have ended keep their cost."""
        body = PriceBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        return self.once(lambda: (201, show_price(set_price(self.project, **given, by=caller(request)))))


class Series(ProjectEndpoint):
    """The metrics of a run over its steps."""

    action = "run.read"

    @extend_schema(
        parameters=[
            OpenApiParameter("metric", str, description="Without it all metrics are listed, without their points."),
            OpenApiParameter("most", int, description="At most so many points, 4 to 10000; usually 2000."),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request, key: str, number: int) -> Response:
        """Latest value, lowest and highest with their steps; with `metric` also its points, thinned to draw alike."""
        record = record_of(run_for(self.project, number))
        if record is None:
            raise Missing(f"Run {number} has no record.")
        known = {name: one[record.pk] for name, one in summaries_of([record]).items()}
        name, most = request.query_params.get("metric", ""), request.query_params.get("most", "2000")
        if not name:
            return Response({"metrics": {metric: vars(one) for metric, one in known.items()}})
        if name not in known:
            raise Missing(f"Run {number} has no metric “{name[:60]}”.")
        if not (most.isascii() and most.isdecimal() and len(most) < 6 and 4 <= int(most) <= MOST_POINTS):
            raise Invalid("Ask for 4 to 10000 points.", fields={"most": "A whole number from 4 to 10000."})
        points = series_of([record], name, int(most))[record.pk]
        told = [{"step": step, "at": at, "value": value} for step, at, value in points]
        return Response({"metric": name, **vars(known[name]), "drawn": told})
