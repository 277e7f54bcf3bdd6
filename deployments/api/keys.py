"""The keys of applications over REST: made, changed, revoked, and what they asked."""

from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from deployments.models import ConsumerKey
from deployments.queries.deployments import deployment_for, key_for
from deployments.queries.keys import DAYS, days_of, key_in, keys_for, keys_in, totals_of
from deployments.services.keys import (
    DEFAULT_DAYS,
    MOST_A_MINUTE,
    MOST_DAYS,
    MOST_ROWS_A_DAY,
    change_key,
    make_key,
    revoke_key,
)
from problems.problem import Invalid
from projects.access import ProjectEndpoint
from projects.api.projects import caller

OBJECT = OpenApiTypes.OBJECT
LONGEST_DAYS = 366


class LimitsBody(serializers.Serializer[Any]):
    """`per_minute`: requests that each prediction server takes in a minute; `rows_per_day`: rows that all servers
    together answer on a day of UTC; null for as many as there are. `also`: further deployments of the project."""

    per_minute = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=MOST_A_MINUTE)
    rows_per_day = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=MOST_ROWS_A_DAY)
    also = serializers.ListField(child=serializers.CharField(max_length=60), required=False)


class KeyBody(LimitsBody):
    """A key for one application."""

    name = serializers.CharField(max_length=80)
    days = serializers.IntegerField(required=False, default=DEFAULT_DAYS, min_value=1, max_value=MOST_DAYS)


def show_key(key: ConsumerKey) -> dict[str, Any]:
    """A key without its secret."""
    return {
        "id": str(key.pk),
        "name": key.name,
        "prefix": key.prefix,
        "deployment": key.deployment.name,
        "also": [one.name for one in key.also.all()],
        "per_minute": key.per_minute,
        "rows_per_day": key.rows_per_day,
        "created_at": key.created_at.isoformat(),
        "expires_at": key.expires_at.isoformat(),
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
    }


class Keys(ProjectEndpoint):
    """The keys of a deployment's callers."""

    action = {"GET": "key.manage", "POST": "key.manage"}

    @extend_schema(responses={200: OBJECT})
    def get(self, request: Request, key: str, name: str) -> Response:
        """List them."""
        return self.page_of(keys_for(deployment_for(self.project, name)), show_key)

    @extend_schema(request=KeyBody, responses={201: OBJECT, 422: OBJECT})
    def post(self, request: Request, key: str, name: str) -> Response:
        """Make one. `secret` is in this answer and never again."""
        deployment = deployment_for(self.project, name)
        body = KeyBody(data=request.data)
        body.is_valid(raise_exception=True)
        made, secret = make_key(deployment, **body.validated_data, by=caller(request))
        return Response(show_key(made) | {"secret": secret}, status=201)


class KeyEndpoint(ProjectEndpoint):
    """One key."""

    action = {"PATCH": "key.manage", "DELETE": "key.manage"}

    @extend_schema(request=LimitsBody, responses={200: OBJECT, 409: OBJECT, 422: OBJECT})
    def patch(self, request: Request, key: str, name: str, key_id: UUID) -> Response:
        """Other limits or deployments; what is left out stays."""
        found = key_for(deployment_for(self.project, name), key_id)
        body = LimitsBody(data=request.data)
        body.is_valid(raise_exception=True)
        now: dict[str, Any] = {"per_minute": found.per_minute, "rows_per_day": found.rows_per_day}
        now["also"] = [one.name for one in found.also.all()]
        changed = change_key(found, **(now | body.validated_data), by=caller(request))
        return Response(show_key(changed))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, key: str, name: str, key_id: UUID) -> Response:
        """Revoke it; it takes effect within a second."""
        found = key_for(deployment_for(self.project, name), key_id)
        revoke_key(found, by=caller(request))
        return Response(status=204)


class ProjectKeys(ProjectEndpoint):
    """The keys of all applications of a project."""

    action = {"GET": "key.manage"}

    @extend_schema(responses={200: OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """List them. What each asked is at `…/keys/<id>/usage/`."""
        return self.page_of(keys_in(self.project), show_key)


class KeyUsage(ProjectEndpoint):
    """What one key asked."""

    action = {"GET": "key.manage"}

    @extend_schema(
        parameters=[OpenApiParameter("days", int, description=f"How many days back, at most {LONGEST_DAYS}")],
        responses={200: OBJECT},
    )
    def get(self, request: Request, key: str, key_id: UUID) -> Response:
        """Today, and by day of UTC, oldest first. Servers hand their counts over every two seconds."""
        found, asked = key_in(self.project, key_id), request.query_params.get("days", str(DAYS))
        if not (asked.isascii() and asked.isdigit() and 1 <= int(asked[:9]) <= LONGEST_DAYS):
            raise Invalid(f"`days` must be from 1 to {LONGEST_DAYS}.", fields={"days": f"1 to {LONGEST_DAYS}."})
        days = [one.__dict__ for one in days_of(found, int(asked))]
        return Response({"key": show_key(found), "today": totals_of([found])[found.pk], "days": days})
