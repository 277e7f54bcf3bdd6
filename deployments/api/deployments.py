"""Promotion, deployments, roll-back and the prediction log over REST."""

from typing import Any

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from deployments import snippets
from deployments.models import Deployment, Release
from deployments.queries.decisions import rule_for
from deployments.queries.deployments import (
    champion_of,
    deployment_for,
    deployments_of,
    release_for,
    releases_of,
    servers_alive,
    ways_back,
)
from deployments.queries.predictions import MOST_ROWS, prediction, recent_predictions
from deployments.services.gates import request_promotion
from deployments.services.releases import promote, roll_back, take_out_of_use
from deployments.services.traffic import change_settings
from deployments.services.trials import Trial
from deployments.traffic import guards_of, planned
from experiments.queries.models import Named, model_version_for
from problems.problem import Conflict, Invalid
from projects.access import ProjectEndpoint
from projects.api.projects import caller
from projects.queries.work import job_link

OBJECT = OpenApiTypes.OBJECT


class PromoteBody(serializers.Serializer[Any]):
    """Where to, and what the signers should know. With `traffic` (shares in percent, such as [10, 50, 100]) it is tried
    first: each share holds for `hold`, perhaps after a `shadow` of so long; `key` names the input by whose value it is
    decided who answers; `guards` stop it; `automatic` false waits for a person before each step."""

    to = serializers.CharField(max_length=20, default="production")
    comment = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")
    traffic = serializers.ListField(child=serializers.IntegerField(min_value=1, max_value=100), required=False)
    hold = serializers.CharField(max_length=20, required=False, default="24h")
    shadow = serializers.CharField(max_length=20, required=False, allow_blank=True, default="")
    key = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    guards = serializers.DictField(required=False, default=dict)
    automatic = serializers.BooleanField(required=False, default=True)


class RollBackBody(serializers.Serializer[Any]):
    """The release to go back to (its id, or the number of its version), and why."""

    release = serializers.UUIDField(required=False)
    version = serializers.IntegerField(required=False, min_value=1)
    reason = serializers.CharField(max_length=2000)


def show_release(release: Release) -> dict[str, Any]:
    """One stay of a version."""
    return {
        "id": str(release.pk),
        "model": release.version.model.name,
        "version": release.version.number,
        "state": release.state,
        "message": release.message,
        "trouble": release.trouble,
        "measured": release.measured,
        "contract": release.contract.version if release.contract else None,
        "verdicts": release.verdicts,
        "went_back_from": release.went_back_from.version.number if release.went_back_from else None,
        "by": release.created_by.name if release.created_by else None,
        "created_at": release.created_at,
        "started_at": release.started_at,
        "ended_at": release.ended_at,
    }


def show_deployment(deployment: Deployment, champion: Release | None) -> dict[str, Any]:
    """A deployment as lists have it."""
    return {
        "name": deployment.name,
        "environment": deployment.environment,
        "predict_url": snippets.predict_url(settings.PREDICT_URL, deployment.name),
        "model": champion.version.model.name if champion else None,
        "version": champion.version.number if champion else None,
        "since": champion.started_at if champion else None,
        "trouble": champion.trouble if champion else "",
        "seconds": deployment.seconds,
        "answers_unlogged": deployment.answers_unlogged,
        "created_at": deployment.created_at,
    }


class PromoteVersion(ProjectEndpoint):
    """Let a model version into production."""

    action = {"POST": "model.promote"}

    @extend_schema(request=PromoteBody, responses={202: OBJECT, 409: OBJECT, 422: OBJECT})
    def post(self, request: Request, key: str, name: str, number: Named) -> Response:
        """Promote. 202 with the job; 409 with `blocked_by` while checks fail or signatures are missing: the `gate` is
        open then, and people can sign in the browser."""
        version = model_version_for(self.project, name, number)
        body = PromoteBody(data=request.data)
        body.is_valid(raise_exception=True)
        asked = {"environment": body.validated_data["to"], "comment": body.validated_data["comment"]}
        trial = trial_of(body.validated_data)
        try:
            return self.once(
                lambda: (202, {"job": job_link(promote(version, **asked, trial=trial, by=caller(request)))})
            )
        except Conflict as conflict:
            if conflict.code == "blocked":  # the refusal undid the request as well; the gate has to stay
                gate = request_promotion(version, **asked, by=caller(request))
                conflict.facts = {**conflict.facts, "gate": f"/api/v1/projects/{key}/gates/{gate.pk}/"}
            raise


def trial_of(asked: dict[str, Any]) -> Trial | None:
    """The plan of a promotion, where one was sent."""
    if not asked.get("traffic"):
        return None
    steps = planned(asked["traffic"], asked["hold"], asked["shadow"])
    return Trial(steps, guards_of(asked["guards"]), asked["key"], asked["automatic"])


class Deployments(ProjectEndpoint):
    """All deployments of a project."""

    action = {"GET": "model.read"}

    @extend_schema(responses={200: OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """List them."""
        return self.page_of(
            deployments_of(self.project),
            lambda one: show_deployment(one, one.champions[0] if one.champions else None),
        )


class SettingsBody(serializers.Serializer[Any]):
    """`seconds`: how long one request may take, null for as long as the server allows. `answers_unlogged`: answer, with
    `logged` false in each row, while the log cannot be written."""

    seconds = serializers.FloatField(required=False, allow_null=True)
    answers_unlogged = serializers.BooleanField(required=False)


class DeploymentEndpoint(ProjectEndpoint):
    """One deployment."""

    action = {"GET": "model.read", "PATCH": "model.promote"}

    @extend_schema(request=SettingsBody, responses={200: OBJECT, 422: OBJECT})
    def patch(self, request: Request, key: str, name: str) -> Response:
        """Change how it answers."""
        deployment = deployment_for(self.project, name)
        body = SettingsBody(data=request.data)
        body.is_valid(raise_exception=True)
        now = {"seconds": deployment.seconds, "answers_unlogged": deployment.answers_unlogged}
        changed = change_settings(deployment, **now | body.validated_data, by=caller(request))
        return Response({"seconds": changed.seconds, "answers_unlogged": changed.answers_unlogged})

    @extend_schema(responses={200: OBJECT})
    def get(self, request: Request, key: str, name: str) -> Response:
        """Read it, with its newest releases."""
        deployment = deployment_for(self.project, name)
        champion = champion_of(deployment)
        releases = [show_release(release) for release in releases_of(deployment)[:50]]
        servers = servers_alive()
        rule = rule_for(self.project, champion.version.run) if champion else None
        policy = {"version": rule.version, "threshold": rule.threshold} if rule else None
        shown = show_deployment(deployment, champion) | {"policy": policy}
        return Response(shown | {"servers": servers, "releases": releases})


class ReasonBody(serializers.Serializer[Any]):
    """Why."""

    reason = serializers.CharField(max_length=2000)


class TakeOut(ProjectEndpoint):
    """Taking a deployment out of use."""

    action = {"POST": "model.roll_back"}

    @extend_schema(request=ReasonBody, responses={204: None, 409: OBJECT})
    def post(self, request: Request, key: str, name: str) -> Response:
        """Stop answering; the model is kept ready."""
        deployment = deployment_for(self.project, name)
        body = ReasonBody(data=request.data)
        body.is_valid(raise_exception=True)
        take_out_of_use(deployment, reason=body.validated_data["reason"], by=caller(request))
        return Response(status=204)


class RollBack(ProjectEndpoint):
    """Going back."""

    action = {"POST": "model.roll_back"}

    @extend_schema(request=RollBackBody, responses={200: OBJECT, 409: OBJECT, 422: OBJECT})
    def post(self, request: Request, key: str, name: str) -> Response:
        """Go back to a version that was in use before, at once. Without `release` or `version`: to the one before."""
        deployment = deployment_for(self.project, name)
        body = RollBackBody(data=request.data)
        body.is_valid(raise_exception=True)
        to = self._target(deployment, body.validated_data)
        reason = body.validated_data["reason"]

        def back() -> tuple[int, dict[str, Any]]:
            release = roll_back(deployment, to=to, reason=reason, by=caller(request))
            return 200, {"release": str(release.pk), "version": release.version.number, "state": release.state}

        return self.once(back)

    def _target(self, deployment: Deployment, asked: dict[str, Any]) -> Release:
        if "release" in asked:
            return release_for(deployment, asked["release"])
        ways = ways_back(deployment)
        if "version" in asked:
            ways = [way for way in ways if way.version.number == asked["version"]]
        if not ways:
            raise Invalid(
                "There is no earlier version to go back to.", fields={"version": "Was not in use here before."}
            )
        return ways[0]


class Predictions(ProjectEndpoint):
    """The prediction log."""

    action = {"GET": "data.read"}

    @extend_schema(
        parameters=[
            OpenApiParameter("before", str, description="The id of a prediction; older ones follow"),
            OpenApiParameter("limit", int, description="At most 200"),
        ],
        responses={200: OBJECT},
    )
    def get(self, request: Request, key: str, name: str) -> Response:
        """Newest first. `next` is what to send as `before` for older ones."""
        deployment = deployment_for(self.project, name)
        limit = request.query_params.get("limit", "50")
        if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:9]) <= MOST_ROWS):
            raise Invalid("`limit` must be from 1 to 200.", fields={"limit": "1 to 200."})
        before = request.query_params.get("before", "")
        rows = recent_predictions(deployment, self.roles, before=before, limit=int(limit))
        following = rows[-1].id if len(rows) == int(limit) else None
        return Response({"results": [row.as_dict() for row in rows], "next": following})


class PredictionEndpoint(ProjectEndpoint):
    """One answered row."""

    action = {"GET": "data.read"}

    @extend_schema(responses={200: OBJECT})
    def get(self, request: Request, key: str, name: str, prediction_id: str) -> Response:
        """Read it."""
        deployment = deployment_for(self.project, name)
        return Response(prediction(deployment, prediction_id, self.roles).as_dict())
