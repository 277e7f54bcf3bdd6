"""The edge-case book over REST."""

from functools import cached_property
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from datasets import masking
from experiments.models.cases import EdgeCase, EdgeCaseRevision
from experiments.queries.cases import answers_of, case_for, cases_of, hidden_of_cases, hides_answers, must_words
from experiments.services.cases import add_case, change_case, retire_case
from projects.access import ProjectEndpoint
from projects.api.projects import caller


class CaseBody(serializers.Serializer[Any]):
    """A row that must come out so: the `answer`, or a chance (0..1) or number from `low` to `high`."""

    name = serializers.CharField(max_length=100)
    row = serializers.DictField(child=serializers.JSONField(allow_null=True))
    answer = serializers.CharField(required=False, allow_blank=True, max_length=200)
    low = serializers.FloatField(required=False, allow_null=True)
    high = serializers.FloatField(required=False, allow_null=True)
    reason = serializers.CharField(max_length=2000)
    blocking = serializers.BooleanField(required=False, default=True)
    origin = serializers.CharField(required=False, allow_blank=True, max_length=200)


class ChangeBody(CaseBody):
    """The same, and the revision that was read."""

    revision = serializers.IntegerField(min_value=1)


class RetireBody(serializers.Serializer[Any]):
    """Why it counts no longer."""

    reason = serializers.CharField(max_length=2000)


def show_revision(one: EdgeCaseRevision, closed: frozenset[str], must: str) -> dict[str, Any]:
    """What a case says, as the caller may see it."""
    return {
        "revision": one.number,
        "name": one.name,
        "row": masking.visible(one.row, closed),
        "must": must,
        "low": one.low,
        "high": one.high,
        "reason": one.reason,
        "blocking": one.blocking,
        "origin": one.origin,
        "created_by": one.created_by.name if one.created_by else None,
        "created_at": one.created_at.isoformat(),
    }


class _Book(ProjectEndpoint):
    """The base of the book's endpoints."""

    @cached_property
    def closed(self) -> frozenset[str]:
        """The columns whose values the caller must not see."""
        return hidden_of_cases(self.project, self.roles)

    @cached_property
    def hides(self) -> bool:
        """Whether the answers are among them."""
        return hides_answers(self.project, self.closed)

    def show(self, case: EdgeCase) -> dict[str, Any]:
        """A case as it stands."""
        now = next(iter(case.revisions.all()))
        return {
            "number": case.number,
            "owner": case.owner.name if case.owner else None,
            "retired_at": case.retired_at.isoformat() if case.retired_at else None,
            "url": f"/api/v1/projects/{self.project.key}/cases/{case.number}/",
        } | show_revision(now, self.closed, must_words(self.project, now, self.hides))

    def whole(self, number: int) -> dict[str, Any]:
        """A case with how models answer it and what it said before."""
        case, closed = case_for(self.project, number), self.closed
        results = [
            {"run": one.run.number, "passed": one.passed, "said": one.said, "checked_at": one.checked_at.isoformat()}
            for one in answers_of(case, closed)
        ]
        history = [
            show_revision(one, closed, must_words(self.project, one, self.hides)) for one in case.revisions.all()
        ]
        return self.show(case) | {"results": results, "history": history}


class Cases(_Book):
    """The cases that count."""

    action = {"GET": "run.read", "POST": "case.write"}

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, key: str) -> Response:
        """All of them, in their order."""
        return Response({"results": [self.show(case) for case in cases_of(self.project)]})

    @extend_schema(request=CaseBody, responses={201: OpenApiTypes.OBJECT, 422: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str) -> Response:
        """A further case."""
        body = CaseBody(data=request.data)
        body.is_valid(raise_exception=True)
        return self.once(lambda: (201, self._add(dict(body.validated_data))))

    def _add(self, values: dict[str, Any]) -> dict[str, Any]:
        return self.whole(add_case(self.project, values=values, by=caller(self.request)).number)


class CaseDetail(_Book):
    """One case."""

    action = {"GET": "run.read", "PUT": "case.write"}

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, key: str, number: int) -> Response:
        """What it says, how models answer, and what it said before."""
        return Response(self.whole(number))

    @extend_schema(request=ChangeBody, responses=OpenApiTypes.OBJECT)
    def put(self, request: Request, key: str, number: int) -> Response:
        """Another wording, whole. 409 when somebody changed it since it was read."""
        case = case_for(self.project, number)
        body = ChangeBody(data=request.data)
        body.is_valid(raise_exception=True)
        values, now = dict(body.validated_data), next(iter(case.revisions.all()))
        for name in hidden_of_cases(self.project, self.roles):
            if values["row"].get(name) == masking.HIDDEN:  # what the caller must not see stays as it is
                values["row"][name] = now.row.get(name)
        change_case(case, revision=values.pop("revision"), values=values, by=caller(request))
        return Response(self.whole(number))


class Retire(_Book):
    """The end of a case."""

    action = {"POST": "case.write"}

    @extend_schema(request=RetireBody, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, key: str, number: int) -> Response:
        """It counts no longer, for this reason."""
        case = case_for(self.project, number)
        body = RetireBody(data=request.data)
        body.is_valid(raise_exception=True)
        retire_case(case, reason=body.validated_data["reason"], by=caller(request))
        return Response(self.whole(number))
