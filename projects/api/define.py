"""The contract over REST. Signing is done in the browser only."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from problems.problem import Invalid
from projects import targets
from projects.access import ProjectEndpoint
from projects.api.projects import caller
from projects.contract import Goal, TargetKind
from projects.models.define import Contract
from projects.models.projects import Project
from projects.queries.baseline import baseline_of
from projects.queries.charter import further_points
from projects.queries.define import charter_of, contract_in_force, goals_of, latest_contract, texts_of
from projects.readiness import readiness
from projects.services.define import set_targets


class TargetBody(serializers.Serializer[Any]):
    """One target. `threshold` is in the metric's own unit: 0.7 for 70 of 100, milliseconds, or the unit of a KPI.

    `kind` says what else it needs: a slice a `column` with `equals`, or `floor` and `ceiling`; fairness a `column`;
    a KPI a `name` and a `direction` (its `metric` is the key of the KPI, made from the name when left out).
    """

    kind = serializers.ChoiceField(choices=[kind.value for kind in TargetKind], required=False)
    metric = serializers.CharField(max_length=40, required=False, allow_blank=True)
    threshold = serializers.FloatField()
    name = serializers.CharField(max_length=80, required=False, allow_blank=True)
    direction = serializers.ChoiceField(choices=["at_least", "at_most"], required=False)
    unit = serializers.CharField(max_length=30, required=False, allow_blank=True)
    deciding = serializers.BooleanField(required=False, default=False)
    column = serializers.CharField(max_length=120, required=False, allow_blank=True)
    equals = serializers.CharField(max_length=120, required=False, allow_blank=True)
    floor = serializers.FloatField(required=False, allow_null=True)
    ceiling = serializers.FloatField(required=False, allow_null=True)
    least_group = serializers.IntegerField(required=False, min_value=0)
    baseline = serializers.FloatField(required=False, allow_null=True)
    owner = serializers.CharField(max_length=20, required=False, allow_blank=True)
    cadence = serializers.CharField(max_length=8, required=False, allow_blank=True)
    source = serializers.CharField(max_length=8, required=False, allow_blank=True)  # type: ignore[assignment]  # a field
    by_date = serializers.CharField(max_length=10, required=False, allow_blank=True)


class ContractBody(serializers.Serializer[Any]):
    """The whole list of targets. `fingerprint`, when given, is that of the list that the writer has read."""

    targets = TargetBody(many=True)
    fingerprint = serializers.CharField(max_length=64, required=False)


def show_contract(contract: Contract | None, who: str) -> dict[str, Any] | None:
    """One version of the targets."""
    if contract is None:
        return None
    return {
        "version": contract.version,
        "signed_by": contract.signed_by.name if contract.signed_by else None,
        "signed_at": contract.signed_at.isoformat() if contract.signed_at else None,
        "targets": [
            {**vars(goal), "key": goal.key, "sentence": targets.sentence(goal, who)} for goal in goals_of(contract)
        ],
    }


def show_contracts(project: Project) -> dict[str, Any]:
    """The newest targets, those in force, and what differs."""
    latest, force = latest_contract(project), contract_in_force(project)
    charter = charter_of(project)
    who = charter.positive_word
    signed = force if force and force.signed_at else None
    points = readiness(project.kind, texts_of(charter), goals_of(latest), baseline=baseline_of(project) is not None)
    points += further_points(project, charter)
    return {
        "latest": show_contract(latest, who),
        "in_force": show_contract(signed, who),
        "fingerprint": targets.fingerprint(goals_of(latest)),
        "changes": targets.changes(goals_of(signed), goals_of(latest), who) if signed else [],
        "readiness": [{"key": point.key, "text": point.text, "ready": point.ready} for point in points],
    }


class ContractEndpoint(ProjectEndpoint):
    """The targets."""

    action = {"GET": "project.read", "PUT": "target.change"}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """The newest version, the signed one in force, and what differs."""
        return Response(show_contracts(self.project))

    @extend_schema(request=ContractBody, responses={200: OpenApiTypes.OBJECT})
    def put(self, request: Request, key: str) -> Response:
        """Put a whole list in place. A signed version never changes: it gets an unsigned successor."""
        body = ContractBody(data=request.data)
        body.is_valid(raise_exception=True)
        goals = self._goals(body.validated_data["targets"])
        seen = body.validated_data.get("fingerprint")
        set_targets(self.project, goals, seen=seen, by=caller(request))
        return Response(show_contracts(self.project))

    def _goals(self, rows: list[dict[str, Any]]) -> list[Goal]:
        goals: list[Goal] = []
        wrong: dict[str, str] = {}
        for place, row in enumerate(rows):
            if len(rows) == 1 and row.get("kind", TargetKind.METRIC) == TargetKind.METRIC:
                row = row | {"deciding": True}
            goal, faults = targets.make(self.project.kind, **row)
            wrong |= {f"targets[{place}].{field}": text for field, text in faults.items()}
            goals += [goal] if goal else []
        if wrong:
            raise Invalid(" ".join(wrong.values()), fields=wrong)
        return goals
