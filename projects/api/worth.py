"""What answers are worth, and what would be done without a model, over REST."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from projects.access import ProjectEndpoint
from projects.api.projects import caller
from projects.baselines import JOINS, KINDS, OPS
from projects.models.baseline import Baseline
from projects.models.worth import Worth
from projects.money import sentences
from projects.queries.baseline import baseline_of
from projects.queries.define import charter_of
from projects.queries.worth import FIELDS, money_of, worth_of
from projects.services.worth import set_baseline, set_worth

OBJECT = OpenApiTypes.OBJECT


def _amount() -> serializers.FloatField:
    return serializers.FloatField(required=False, default=0.0)


class WorthBody(serializers.Serializer[Any]):
    """The table of money, whole: what is left out is 0. Costs are below 0."""

    currency = serializers.CharField(max_length=3, required=False, default="EUR")
    right_yes = _amount()
    wrong_yes = _amount()
    right_no = _amount()
    wrong_no = _amount()
    per_unit_off = _amount()
    cases_a_month = serializers.FloatField(required=False, allow_null=True, default=None)


class ConditionBody(serializers.Serializer[Any]):
    """One condition of a rule. `value` is text, as a person would type it."""

    column = serializers.CharField(max_length=200)
    op = serializers.ChoiceField(choices=list(OPS))
    value = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class BaselineBody(serializers.Serializer[Any]):
    """What is done without a model.

    constant: `answer`. rule: `conditions` joined by `join`, and for numbers `answer` and `otherwise`. last_value:
    `column` (holds the last answer) or `order_by` (says which row came before). column: `column`.
    """

    kind = serializers.ChoiceField(choices=list(KINDS))
    answer = serializers.CharField(max_length=40, required=False)
    otherwise = serializers.CharField(max_length=40, required=False)
    join = serializers.ChoiceField(choices=list(JOINS), required=False)
    conditions = ConditionBody(many=True, required=False)
    column = serializers.CharField(max_length=200, required=False, allow_blank=True)
    order_by = serializers.CharField(max_length=200, required=False, allow_blank=True)


def show_worth(worth: Worth | None, kind: str, who: str) -> dict[str, Any]:
    """One version of the table of money, with its sentences; version 0 while nobody set it."""
    money = money_of(worth)
    if worth is None or money is None:
        return {"version": 0, "sentences": []}
    return {
        "version": worth.version,
        **{field: getattr(worth, field) for field in FIELDS},
        "sentences": sentences(money, kind, who),
        "by": worth.created_by.name,
        "at": worth.created_at.isoformat(),
    }


def show_baseline(baseline: Baseline | None) -> dict[str, Any]:
    """One version of the practice without a model; version 0 while none is named."""
    if baseline is None:
        return {"version": 0, "sentence": ""}
    at = baseline.created_at.isoformat()
    named = {"version": baseline.version, "sentence": baseline.words}
    return {**named, **baseline.spec, "by": baseline.created_by.name, "at": at}


class WorthEndpoint(ProjectEndpoint):
    """What right and wrong answers are worth."""

    action = {"GET": "project.read", "PUT": "worth.change"}

    @extend_schema(responses={200: OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """The newest version."""
        return Response(show_worth(worth_of(self.project), self.project.kind, charter_of(self.project).positive_word))

    @extend_schema(request=WorthBody, responses={200: OBJECT, 422: OBJECT})
    def put(self, request: Request, key: str) -> Response:
        """A new version of the whole table."""
        body = WorthBody(data=request.data)
        body.is_valid(raise_exception=True)
        worth = set_worth(self.project, values=body.validated_data, by=caller(request))
        return Response(show_worth(worth, self.project.kind, charter_of(self.project).positive_word))


class BaselineEndpoint(ProjectEndpoint):
    """What is done without a model."""

    action = {"GET": "project.read", "PUT": "baseline.change"}

    @extend_schema(responses={200: OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """The newest version."""
        return Response(show_baseline(baseline_of(self.project)))

    @extend_schema(request=BaselineBody, responses={200: OBJECT, 422: OBJECT})
    def put(self, request: Request, key: str) -> Response:
        """A new version. Runs started from now on are measured beside it; a live deployment logs its answers."""
        body = BaselineBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        baseline = set_baseline(self.project, kind=given.pop("kind"), values=given, by=caller(request))
        return Response(show_baseline(baseline))
