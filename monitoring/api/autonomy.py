"""Endpoints of the rule by which a model is retrained by itself, over the same services as its page."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from monitoring import autonomy, seen
from monitoring.models import RetrainPolicy
from monitoring.queries import rule as standing
from monitoring.queries import watch as queries
from monitoring.services import policies
from projects.access import ProjectEndpoint
from projects.api.projects import caller

ANSWER = serializers.DictField()


class AutonomyBody(serializers.Serializer[Any]):
    """The next version of the rule."""

    level = serializers.ChoiceField(choices=list(autonomy.LEVELS.items()))
    every_days = serializers.IntegerField(min_value=0, max_value=3650, default=0)
    on_new_data = serializers.BooleanField(default=True)
    on_drift = serializers.BooleanField(default=True)
    on_performance = serializers.BooleanField(default=True)
    on_kpi = serializers.BooleanField(default=False)
    cool_down_hours = serializers.IntegerField(min_value=1, max_value=8760, default=24)
    most_a_day = serializers.IntegerField(min_value=1, max_value=24, default=1)
    minutes_a_month = serializers.IntegerField(min_value=0, max_value=100_000, default=600)
    least_new_rows = serializers.IntegerField(min_value=0, max_value=10**9, default=0)
    share = serializers.IntegerField(min_value=1, max_value=50, default=10)
    trial_minutes = serializers.IntegerField(min_value=1, max_value=20_160, default=60)
    answer_shift = serializers.FloatField(min_value=0, max_value=1, default=0.25)
    window = serializers.ChoiceField(choices=["all", "rows", "days", "since"], default="all")
    window_size = serializers.IntegerField(min_value=0, max_value=10**9, default=0)
    window_since = serializers.DateField(required=False, allow_null=True, default=None)
    window_column = serializers.CharField(max_length=200, allow_blank=True, default="")
    reason = serializers.CharField(max_length=300)


def show_policy(policy: RetrainPolicy) -> dict[str, Any]:
    """One version of the rule."""
    return {
        "version": policy.version,
        **{name: getattr(policy, name) for name in (*policies.FIELDS, *policies.MORE)},
        "signatures": [
            {"side": one.side, "by": one.user.name if one.user else None} for one in policy.signatures.all()
        ],
        "level_now": policy.level_now,
        "reason": policy.reason,
        "proposed_at": policy.proposed_at.isoformat(),
        "signed_at": policy.signed_at.isoformat() if policy.signed_at else None,
        "signed_by": policy.signed_by.name if policy.signed_by else None,
        "lowered_at": policy.lowered_at.isoformat() if policy.lowered_at else None,
        "lowered_reason": policy.lowered_reason,
    }


class Autonomy(ProjectEndpoint):
    """The rule of one deployment."""

    action = {"GET": "monitor.read", "POST": "autonomy.change"}

    @extend_schema(responses=ANSWER)
    def get(self, request: Request, key: str, name: str) -> Response:
        """The version in force, all versions, what asks for a retraining now and what holds it back."""
        monitor = queries.monitor_for(self.project, name)
        in_force, now = standing.policy_in_force(monitor), standing.standing_of(monitor)
        due = autonomy.due(standing.rules_of(in_force), now.facts) if in_force and now else None
        eyes = seen.eyes_on(monitor.deployment, self.roles)
        told = {"trigger": due.trigger, "cause": eyes.text(due.cause), "held": due.held} if due else None
        versions = [show_policy(policy) for policy in standing.policies_of(monitor)]
        return Response({"in_force": in_force.version if in_force else None, "due": told, "versions": versions})

    @extend_schema(request=AutonomyBody, responses={201: ANSWER})
    def post(self, request: Request, key: str, name: str) -> Response:
        """Propose the next version; one that only tells is in force at once, others are signed in the browser."""
        monitor = queries.monitor_for(self.project, name)
        body = AutonomyBody(data=request.data)
        body.is_valid(raise_exception=True)
        values = dict(body.validated_data)
        reason = values.pop("reason")

        def make() -> tuple[int, dict[str, Any]]:
            return 201, show_policy(policies.propose_policy(monitor, values=values, reason=reason, by=caller(request)))

        return self.once(make)
