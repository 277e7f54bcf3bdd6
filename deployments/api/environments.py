"""The environments of a project over REST."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from deployments.queries.board import places_of
from deployments.queries.environments import environment_of, environments_of
from deployments.services.environments import drop_environment, set_up_environment
from problems.problem import Missing
from projects.access import ProjectEndpoint
from projects.api.projects import caller
from projects.gate_policy import rule_for
from projects.models.projects import Project
from projects.queries.risk import tier_of

OBJECT = OpenApiTypes.OBJECT


class EnvironmentBody(serializers.Serializer[Any]):
    """`signers`: the roles that sign there, empty as the risk tier has it; `datasets`: what models there may have
    learned from, empty for any; `conditions`: limits that versions keep there: `gap` (points of 100 that groups may lie
    apart), `loss` (per cent of its measure under mild strain), `row_ms`, `megabytes`, `agreed` (per cent of recorded
    requests). A failed one stands with its reason in `blocked_by`."""

    signers = serializers.ListField(child=serializers.CharField(max_length=40), required=False, default=list)
    datasets = serializers.ListField(child=serializers.CharField(max_length=200), required=False, default=list)
    conditions = serializers.DictField(required=False, default=dict)


def show_environment(project: Project, name: str) -> dict[str, Any]:
    """One environment, with who signs there now."""
    said = environment_of(project, name)
    usual = list(rule_for(tier_of(project), name).roles)
    return {
        "name": name,
        "signers": (said.signers if said else []) or usual,
        "datasets": said.datasets if said else [],
        "conditions": said.conditions if said else {},
        "is_set_up": said is not None,
        "in_use": [
            {"deployment": card.deployment.name, "model": used.version.model.name, "version": used.version.number}
            for place in places_of(project, name)
            for card in place.deployments
            if (used := card.champion)
        ],
    }


class Environments(ProjectEndpoint):
    """All environments, in the order in which a version goes through them."""

    action = {"GET": "model.read"}

    @extend_schema(responses={200: OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """List them."""
        return Response({"results": [show_environment(self.project, name) for name in environments_of(self.project)]})


class EnvironmentEndpoint(ProjectEndpoint):
    """One environment."""

    action = {"PUT": "project.change", "DELETE": "project.change"}

    @extend_schema(request=EnvironmentBody, responses={200: OBJECT, 422: OBJECT})
    def put(self, request: Request, key: str, name: str) -> Response:
        """Set it up, or say otherwise."""
        body = EnvironmentBody(data=request.data)
        body.is_valid(raise_exception=True)
        set_up_environment(self.project, name, **body.validated_data, by=caller(request))
        return Response(show_environment(self.project, name))

    @extend_schema(responses={204: None, 404: OBJECT, 409: OBJECT})
    def delete(self, request: Request, key: str, name: str) -> Response:
        """Versions no longer go through it."""
        found = environment_of(self.project, name)
        if found is None:
            raise Missing("The project says nothing of this environment.")
        drop_environment(found, by=caller(request))
        return Response(status=204)
