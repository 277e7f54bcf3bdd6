"""Decision policies over REST."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from deployments.queries.decisions import reference_run, rule_for, scores_of
from experiments.evaluation.thresholds import curve
from experiments.value import own_rule
from problems.problem import Invalid, Missing
from projects.access import ProjectEndpoint
from projects.api.projects import caller
from projects.models.policy import Policy
from projects.policies import LARGEST_CAPACITY, MONTH_HAS, sentences
from projects.queries.policies import policies_of, policy_for, policy_in_force
from projects.queries.worth import money_of, worth_of
from projects.services.policies import propose_policy

OBJECT = OpenApiTypes.OBJECT


class PolicyBody(serializers.Serializer[Any]):
    """A decision policy: `threshold` or `capacity` (at most so many yes in each `period`), and perhaps the band
    [person_low, person_high) that goes to a person. Chances lie from 0 to 1. `run`: whose scores give a capacity its
    threshold, by default the model in use."""

    threshold = serializers.FloatField(required=False, allow_null=True, default=None)
    capacity = serializers.IntegerField(required=False, allow_null=True, default=None, max_value=LARGEST_CAPACITY)
    period = serializers.ChoiceField(choices=list(MONTH_HAS), required=False, default="week")
    person_low = serializers.FloatField(required=False, allow_null=True, default=None)
    person_high = serializers.FloatField(required=False, allow_null=True, default=None)
    person_cost = serializers.FloatField(required=False, default=0.0)
    reason = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")
    run = serializers.IntegerField(required=False, allow_null=True, default=None, min_value=1)


def show_policy(policy: Policy) -> dict[str, Any]:
    """One version of the decision policy."""
    fields = ("threshold", "capacity", "period", "cases_a_period", "person_low", "person_high", "person_cost")
    return {
        "version": policy.version,
        **{field: getattr(policy, field) for field in fields},
        "worth": policy.worth.version if policy.worth else None,
        "reference": policy.reference,
        "reason": policy.reason,
        "sentences": sentences(policy),
        "copied_from": policy.copied_from.version if policy.copied_from else None,
        "proposed_by": policy.created_by.name,
        "proposed_at": policy.created_at.isoformat(),
        "signed_by": policy.signed_by.name if policy.signed_by else None,
        "signed_at": policy.signed_at.isoformat() if policy.signed_at else None,
    }


class Policies(ProjectEndpoint):
    """The decision policies of a project; they are signed in the browser only."""

    action = {"GET": "project.read", "POST": "policy.change"}

    @extend_schema(responses={200: OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """All versions, newest first. In force is the newest that is signed."""
        return self.page_of(policies_of(self.project), show_policy)

    @extend_schema(request=PolicyBody, responses={201: OBJECT, 409: OBJECT, 422: OBJECT})
    def post(self, request: Request, key: str) -> Response:
        """Propose one. It is in force from its signature on, which a business role gives in the browser."""
        body = PolicyBody(data=request.data)
        body.is_valid(raise_exception=True)
        values = dict(body.validated_data)
        run = reference_run(self.project, values.pop("run"))
        reference = f"run {run.number}" if run else ""
        given: dict[str, Any] = {"values": values, "bins": scores_of(run), "reference": reference}
        return self.once(lambda: (201, show_policy(propose_policy(self.project, **given, by=caller(request)))))


class PolicyEndpoint(ProjectEndpoint):
    """One version of the decision policy."""

    action = {"GET": "project.read"}

    @extend_schema(responses={200: OBJECT})
    def get(self, request: Request, key: str, number: int) -> Response:
        """Read it, and whether it is the one in force."""
        policy, force = policy_for(self.project, number), policy_in_force(self.project)
        return Response(show_policy(policy) | {"in_force": policy == force})


class PolicyCurve(ProjectEndpoint):
    """What every threshold would do on held-back rows."""

    action = {"GET": "project.read"}

    @extend_schema(parameters=[OpenApiParameter("run", int, description="Whose scores")], responses={200: OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """Each hundredth: found, right calls, called, money for a case. By default the model in use."""
        asked = request.query_params.get("run", "")
        if asked and not (asked.isascii() and asked.isdigit() and len(asked) < 9):
            raise Invalid("`run` is a run's number.", fields={"run": "A number."})
        run = reference_run(self.project, int(asked) if asked else None)
        kept = run.evaluation.get("thresholds") if run else None
        if run is None or not kept:
            raise Missing("There are no held-back scores of a yes-or-no question yet.")
        rule = rule_for(self.project, run) or own_rule(run.evaluation)
        points = curve(kept, rule, money_of(worth_of(self.project)))
        return Response({"run": run.number, "in_force": rule.threshold, "points": [vars(one) for one in points[::10]]})
