"""Trials over REST: read them, start a shadow, go on, stop."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from deployments.models import TrafficPlan
from deployments.queries.deployments import deployment_for
from deployments.queries.traffic import counts_of, plan_to_change, plans_of
from deployments.services.traffic import advance, start_shadow, stop
from deployments.traffic import guards_of, minutes_of
from experiments.queries.models import Named, model_version_for
from projects.access import ProjectEndpoint
from projects.api.projects import caller
from projects.queries.work import job_link

OBJECT = OpenApiTypes.OBJECT


class ShadowBody(serializers.Serializer[Any]):
    """Where, and how long at least it answers beside before it is judged."""

    to = serializers.CharField(max_length=20, default="production")
    hold = serializers.CharField(max_length=20, required=False, default="24h")
    guards = serializers.DictField(required=False, default=dict)


class MoveBody(serializers.Serializer[Any]):
    """Why."""

    reason = serializers.CharField(max_length=2000)


def show_plan(plan: TrafficPlan) -> dict[str, Any]:
    """One trial, with its newest check."""
    check = plan.checks.first()
    return {
        "number": plan.number,
        "version": plan.challenger.version.number,
        "beside": plan.champion.version.number if plan.champion else None,
        "state": plan.state,
        "steps": plan.steps,
        "step": plan.step,
        "step_since": plan.step_since,
        "guards": plan.guards,
        "key": plan.sticky,
        "automatic": plan.is_automatic,
        "reason": plan.reason,
        "stopped_itself": plan.stopped_itself,
        "counts": counts_of(plan, plan.step),
        "checked_at": check.created_at if check else None,
        "finding": check.reason if check else "",
        "findings": check.findings if check else [],
        "by": plan.created_by.name if plan.created_by else None,
        "created_at": plan.created_at,
        "ended_at": plan.ended_at,
    }


class ShadowVersion(ProjectEndpoint):
    """A version in shadow."""

    action = {"POST": "model.promote"}

    @extend_schema(request=ShadowBody, responses={202: OBJECT, 409: OBJECT, 422: OBJECT})
    def post(self, request: Request, key: str, name: str, number: Named) -> Response:
        """Let it answer beside the model in use; nobody gets its answers, so no gate is asked."""
        version = model_version_for(self.project, name, number)
        body = ShadowBody(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        given: dict[str, Any] = {"environment": asked["to"], "minutes": minutes_of(asked["hold"])}
        given["guards"] = guards_of(asked["guards"])
        return self.once(lambda: (202, {"job": job_link(start_shadow(version, **given, by=caller(request)))}))


class Traffic(ProjectEndpoint):
    """The trials of a deployment."""

    action = {"GET": "model.read"}

    @extend_schema(responses={200: OBJECT})
    def get(self, request: Request, key: str, name: str) -> Response:
        """All of them, newest first; `counts` are those of the step that each is or was at, by role."""
        return self.page_of(plans_of(deployment_for(self.project, name)), show_plan)


class Move(ProjectEndpoint):
    """The trial under way, moved by a person."""

    def _moved(self, request: Request, name: str, verb: Any) -> Response:
        deployment = deployment_for(self.project, name)
        body = MoveBody(data=request.data)
        body.is_valid(raise_exception=True)
        reason = body.validated_data["reason"]

        def moved() -> tuple[int, dict[str, Any]]:
            plan = verb(plan_to_change(deployment), reason=reason, by=caller(request))
            return 200, {"number": plan.number, "state": plan.state, "step": plan.step}

        return self.once(moved)


class Advance(Move):
    """One step on."""

    action = {"POST": "model.promote"}

    @extend_schema(request=MoveBody, responses={200: OBJECT, 404: OBJECT, 409: OBJECT, 422: OBJECT})
    def post(self, request: Request, key: str, name: str) -> Response:
        """Go to the next step now; after the last one the challenger is the model in use."""
        return self._moved(request, name, advance)


class Stop(Move):
    """All to the model in use."""

    action = {"POST": "model.roll_back"}

    @extend_schema(request=MoveBody, responses={200: OBJECT, 404: OBJECT, 422: OBJECT})
    def post(self, request: Request, key: str, name: str) -> Response:
        """End the trial: within a second every request goes to the model in use."""
        return self._moved(request, name, stop)
