"""Stages and rounds over REST."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from projects.access import ProjectEndpoint
from projects.api.projects import caller
from projects.models.flow import Round, StageAnswer
from projects.overview import STAGES, Stop, rail
from projects.queries.flow import begun_of, rounds_of
from projects.results import Words, words
from projects.reviewing import spoken
from projects.services.flow import answer_stage, set_due
from projects.services.rounds import reached, review_of


class DueBody(serializers.Serializer[Any]):
    """The day of one stage; null takes it back."""

    stage = serializers.ChoiceField(choices=list(STAGES))
    due_on = serializers.DateField(allow_null=True)


class AnswerBody(serializers.Serializer[Any]):
    """The word about a reopened stage. `fingerprint` is that of the stage as the caller has read it."""

    stage = serializers.ChoiceField(choices=list(STAGES))
    choice = serializers.ChoiceField(choices=StageAnswer.Choice.choices)
    fingerprint = serializers.CharField(max_length=64)
    note = serializers.CharField(max_length=4000, required=False, default="", allow_blank=True)


def show_stop(stop: Stop) -> dict[str, Any]:
    """One stage."""
    return {
        "stage": stop.stage,
        "state": stop.state,
        "note": stop.note,
        "holder": stop.holder,
        "owners": stop.owners,
        "due_on": stop.due_on.isoformat() if stop.due_on else None,
        "overdue": stop.overdue,
        "rules": [{"words": words, "holds": holds} for words, holds in stop.rules],
        "reasons": stop.reasons,
        "fingerprint": stop.fingerprint,
        "outcome": stop.outcome.words if stop.outcome else None,
    }


def show_round(each: Round, said: Words) -> dict[str, Any]:
    """One finished round."""
    return {
        "number": each.number,
        "note": each.note,
        "opened_at": each.opened_at.isoformat(),
        "closed_at": each.closed_at.isoformat(),
        "closed_by": each.closed_by.name if each.closed_by else None,
        "signed_as": each.role,
        "reached": each.reached,
        "review": spoken(each.review, said.text),
        "fingerprint": each.fingerprint,
    }


class Stages(ProjectEndpoint):
    """The eight stages."""

    action = {"GET": "project.read", "PUT": "stage.plan"}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """Each with its state, the rules of its exit, its day, and what opened it again."""
        stops = rail(self.project)
        work = stops[0].work if stops else None
        return Response({"work_is_with": work, "stages": [show_stop(stop) for stop in stops]})

    @extend_schema(request=DueBody, responses={200: OpenApiTypes.OBJECT})
    def put(self, request: Request, key: str) -> Response:
        """Say when a stage is due."""
        body = DueBody(data=request.data)
        body.is_valid(raise_exception=True)
        set_due(self.project, **body.validated_data, by=caller(request))
        stage = body.validated_data["stage"]
        return Response(next(show_stop(stop) for stop in rail(self.project) if stop.stage == stage))


class StageAnswers(ProjectEndpoint):
    """Words about reopened stages."""

    action = {"POST": "stage.answer"}

    @extend_schema(request=AnswerBody, responses={201: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str) -> Response:
        """Still fine, or redo. 409 when the stage is not open again, or when more has changed since."""
        body = AnswerBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        answer = answer_stage(self.project, seen=given.pop("fingerprint"), **given, by=caller(request))
        return Response({"stage": answer.stage, "choice": answer.choice, "note": answer.note}, status=201)


class Rounds(ProjectEndpoint):
    """Rounds."""

    action = "project.read"

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """The finished ones with their signed reviews, newest first, and how the one that runs stands (`running`).

        A review is signed in the browser, which opens the next round.
        """
        said = words(self.project.key, self.roles)
        response = self.page_of(rounds_of(self.project), lambda each: show_round(each, said))
        begun = begun_of(self.project)
        now = reached(self.project, rail(self.project))
        assert isinstance(response.data, dict)
        response.data["running"] = {
            "number": begun.number,
            "opened_at": begun.at.isoformat(),
            "reached": now,
            "review": spoken(review_of(self.project, begun, now), said.text),
        }
        return response
