"""The risk questions and the portfolio over REST."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken
from projects.access import ProjectEndpoint
from projects.api.projects import caller, show_project
from projects.gate_policy import RULES, sentences
from projects.models.appraisals import Appraisal
from projects.models.projects import Project
from projects.models.risk import RiskAnswers
from projects.portfolio import SORTS
from projects.queries.appraisals import appraisals_of, ranked
from projects.queries.projects import visible_to
from projects.queries.risk import risk_history, risk_of, tier_of
from projects.risk import QUESTIONS, UNANSWERED, Tier
from projects.services.appraisals import appraise
from projects.services.risk import answer_risk
from web.api import Endpoint
from web.pages import SIGNED_IN

OBJECT = OpenApiTypes.OBJECT


class AnswersBody(serializers.Serializer[Any]):
    """One word for each question. `version` is that of the answers that were read, 0 for none."""

    version = serializers.IntegerField(min_value=0, max_value=2_000_000_000)
    answers = serializers.DictField(child=serializers.CharField(max_length=20, allow_blank=True))


class AppraisalBody(serializers.Serializer[Any]):
    """1 to 5 on each scale, and why."""

    value = serializers.IntegerField(min_value=1, max_value=5)
    risk = serializers.IntegerField(min_value=1, max_value=5)
    feasibility = serializers.IntegerField(min_value=1, max_value=5)
    reason = serializers.CharField(max_length=2000)


def show_answers(row: RiskAnswers) -> dict[str, Any]:
    """One set of answers."""
    return {
        "version": row.version,
        "answers": row.answers,
        "tier": row.tier,
        "reasons": row.reasons,
        "by": row.created_by.name,
        "at": row.created_at.isoformat(),
    }


def show_appraisal(row: Appraisal) -> dict[str, Any]:
    """One judgement."""
    scales = {name: getattr(row, name) for name in ("version", "value", "risk", "feasibility", "reason")}
    return scales | {"by": row.created_by.name, "at": row.created_at.isoformat()}


def show_risk(project: Project) -> dict[str, Any]:
    """The tier, what it rests on, the questions, and what each tier asks for at the gate."""
    latest = risk_of(project)
    return {
        "tier": tier_of(project).value,
        "answered": latest is not None,
        "latest": show_answers(latest) if latest else None,
        "questions": [
            {"key": q.key, "text": q.text, "answers": {choice.value: choice.words for choice in q.choices}}
            for q in QUESTIONS
        ],
        "gates": [
            {"environment": environment, **rule.as_dict(), "words": sentences(rule)}
            for (_, environment), rule in RULES.items()
        ],
    }


class Risk(ProjectEndpoint):
    """The risk tier."""

    action = {"GET": "project.read", "PUT": "risk.answer"}

    @extend_schema(responses={200: OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """The tier (medium until somebody answers), the questions, and what each tier asks for."""
        return Response(show_risk(self.project))

    @extend_schema(request=AnswersBody, responses={200: OBJECT, 409: OBJECT})
    def put(self, request: Request, key: str) -> Response:
        """Answer all questions; 409 with both answers when somebody answered meanwhile."""
        body = AnswersBody(data=request.data)
        body.is_valid(raise_exception=True)
        answer_risk(self.project, **body.validated_data, by=caller(request))
        return Response(show_risk(self.project))


class RiskHistory(ProjectEndpoint):
    """Every set of answers."""

    action = "project.read"

    @extend_schema(responses={200: OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """Newest first."""
        return self.page_of(risk_history(self.project), show_answers)


class Appraisals(ProjectEndpoint):
    """Value, risk and feasibility of the project."""

    action = {"GET": "project.read", "POST": "project.appraise"}

    @extend_schema(responses={200: OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """Every judgement, newest first."""
        return self.page_of(appraisals_of(self.project), show_appraisal)

    @extend_schema(request=AppraisalBody, responses={201: OBJECT})
    def post(self, request: Request, key: str) -> Response:
        """Judge anew; earlier judgements are kept."""
        body = AppraisalBody(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(show_appraisal(appraise(self.project, **body.validated_data, by=caller(request))), status=201)


class Portfolio(Endpoint):
    """All projects that one may read, side by side."""

    action = SIGNED_IN

    @extend_schema(
        parameters=[
            OpenApiParameter("q", str, description="In name, question or key"),
            OpenApiParameter("tier", str, enum=[*(tier.value for tier in Tier), "unanswered"]),
            OpenApiParameter("sort", str, enum=list(SORTS)),
        ],
        responses={200: OBJECT},
    )
    def get(self, request: Request) -> Response:
        """Each with its risk tier and newest judgement."""
        asked = request.query_params
        projects = visible_to(caller(request), asked.get("q", "").replace("\x00", "")[:100])
        if isinstance(request.auth, ApiToken) and request.auth.project_key:
            projects = projects.filter(key=request.auth.project_key)
        tier = asked.get("tier", "").replace("\x00", "")[:20]
        found = ranked(projects, sort=asked.get("sort", ""), tier=tier)
        return self.page_of(found, _show_ranked)


def _show_ranked(project: Any) -> dict[str, Any]:
    scales = {name: getattr(project, name) for name in ("value", "risk", "feasibility")}
    tier = UNANSWERED.value if project.tier == "unanswered" else project.tier
    return show_project(project) | scales | {"tier": tier, "tier_answered": project.tier != "unanswered"}
