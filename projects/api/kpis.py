"""What the business counts, over REST; values are taken once for each day, however often they are sent."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from problems.problem import Invalid
from projects.access import ProjectEndpoint
from projects.api.projects import caller
from projects.kinds import CADENCES, SOURCES
from projects.models.kpis import KpiValue
from projects.permissions import holders
from projects.points import MOST_POINTS, Point
from projects.queries.define import contract_in_force, goals_of
from projects.queries.kpis import Figure, figures, kpi_for, kpis_of, values_of
from projects.services.kpis import define_kpi, put_values

OWNERS = [role.value for role in holders("kpi.enter")]


class KpiBody(serializers.Serializer[Any]):
    """Something to count. The key comes from the name when it is left out."""

    key = serializers.SlugField(max_length=40, required=False)
    name = serializers.CharField(max_length=80)
    unit = serializers.CharField(max_length=30, required=False, allow_blank=True)
    direction = serializers.ChoiceField(choices=["at_least", "at_most"])
    baseline = serializers.FloatField(required=False, allow_null=True)
    owner = serializers.ChoiceField(choices=OWNERS, required=False)
    cadence = serializers.ChoiceField(choices=list(CADENCES), required=False)
    source = serializers.ChoiceField(choices=list(SOURCES), required=False)  # type: ignore[assignment]  # a field


class ValueBody(serializers.Serializer[Any]):
    """A value on a day; `low` and `high` are the ends of its 95% interval, both or neither."""

    date = serializers.DateField()
    value = serializers.FloatField()
    low = serializers.FloatField(required=False, allow_null=True, default=None)
    high = serializers.FloatField(required=False, allow_null=True, default=None)
    note = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class ValuesBody(serializers.Serializer[Any]):
    """Values to put down, all or none."""

    values = ValueBody(many=True)


def show_kpi(one: Figure, contract: int | None) -> dict[str, Any]:
    """A KPI with its newest value, and the verdict by the target of the contract in force that names it."""
    kpi, judged = one.kpi, one.judged
    return {
        "key": kpi.key,
        "name": kpi.name,
        "unit": kpi.unit,
        "direction": kpi.direction,
        "baseline": kpi.baseline,
        "owner": kpi.owner,
        "cadence": kpi.cadence,
        "source": kpi.source,
        "last": show_value(one.last) if one.last else None,
        "due": one.due.isoformat() if one.due else None,
        "late": one.late,
        "target": one.goal.threshold if one.goal else None,
        "verdict": judged.verdict.value if judged else None,
        "sentence": judged.sentence if judged else None,
        "contract": contract if judged else None,
    }


def show_value(value: KpiValue) -> dict[str, Any]:
    """A value on its day."""
    return {
        "date": value.on.isoformat(),
        "value": value.value,
        "low": value.low,
        "high": value.high,
        "note": value.note,
        "source": value.source,
        "by": value.by.name if value.by else None,
    }


class KpiEndpoint(ProjectEndpoint):
    """What endpoints of KPIs share: how one of them is shown."""

    def shown(self, *keys: str) -> list[dict[str, Any]]:
        """These KPIs by the targets in force."""
        contract = contract_in_force(self.project)
        kpis = list(kpis_of(self.project).filter(key__in=keys))
        number = contract.version if contract else None
        return [show_kpi(one, number) for one in figures(kpis, goals_of(contract))]


class Kpis(KpiEndpoint):
    """Everything that the business counts here."""

    action = {"GET": "project.read", "POST": "kpi.define"}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """List them by name, each with its newest value and verdict."""
        page = self.page_of(kpis_of(self.project), lambda kpi: {"key": kpi.key})
        by_key = {row["key"]: row for row in self.shown(*(row["key"] for row in page.data["results"]))}
        page.data["results"] = [by_key[row["key"]] for row in page.data["results"]]
        return page

    @extend_schema(request=KpiBody, responses={201: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str) -> Response:
        """Begin to count something."""
        body = KpiBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        named = given.pop("key", "")

        def make() -> tuple[int, dict[str, Any]]:
            kpi = define_kpi(self.project, by=caller(request), metric=named, **given)
            return 201, self.shown(kpi.key)[0]

        return self.once(make)


class KpiDetail(KpiEndpoint):
    """One KPI."""

    action = "project.read"

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, kpi: str) -> Response:
        """Where it stands."""
        return Response(self.shown(kpi_for(self.project, kpi).key)[0])


class Values(KpiEndpoint):
    """The values of one KPI."""

    action = {"GET": "project.read", "POST": "kpi.enter"}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, kpi: str) -> Response:
        """Newest first."""
        return self.page_of(values_of(kpi_for(self.project, kpi)), show_value)

    @extend_schema(request=ValuesBody, responses={200: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, kpi: str) -> Response:
        """Put values down, all or none. Sent again, the same values change nothing; another value for a day takes the
        place of the one before."""
        found = kpi_for(self.project, kpi)
        body = ValuesBody(data=request.data)
        body.is_valid(raise_exception=True)
        rows = body.validated_data["values"]
        if len(rows) > MOST_POINTS:
            raise Invalid(f"Send at most {MOST_POINTS} values at once.", fields={"values": f"At most {MOST_POINTS}."})
        points = [Point(row["date"], row["value"], row["low"], row["high"], row["note"]) for row in rows]
        changed = put_values(found, points, source=KpiValue.Source.SENT, by=caller(request), first=0)
        return Response({"received": len(points), "changed": changed, **self.shown(found.key)[0]})
