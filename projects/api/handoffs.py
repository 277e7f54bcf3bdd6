"""Hand-offs over REST."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from problems.problem import Invalid
from projects.access import ProjectEndpoint
from projects.api.projects import caller
from projects.handing import REASONS, Boundary, failing
from projects.models.handoffs import Handoff
from projects.overview import checklist
from projects.permissions import Role
from projects.queries.handoffs import boundaries_of, handoff_for, handoffs_of
from projects.services.handoffs import MOST_QUESTIONS, accept, offer, report_breakage, send_back, withdraw


class OfferBody(serializers.Serializer[Any]):
    """What is handed over, to whom."""

    from_role = serializers.ChoiceField(choices=Role.pairs())
    to_role = serializers.ChoiceField(choices=Role.pairs())
    note = serializers.CharField(max_length=4000, required=False, default="", allow_blank=True)
    questions = serializers.ListField(
        child=serializers.CharField(max_length=4000), max_length=MOST_QUESTIONS, required=False, default=list
    )
    due_on = serializers.DateField(required=False, allow_null=True, default=None)


class ReturnBody(serializers.Serializer[Any]):
    """Why it goes back."""

    reason = serializers.ChoiceField(choices=list(REASONS.items()))
    text = serializers.CharField(max_length=4000, required=False, default="", allow_blank=True)


class BreakageBody(serializers.Serializer[Any]):
    """What broke; `url` is its page in this project."""

    words = serializers.CharField(max_length=300)
    url = serializers.CharField(max_length=300, required=False, default="", allow_blank=True)


def show_handoff(handoff: Handoff) -> dict[str, Any]:
    """One hand-off."""
    return {
        "number": handoff.number,
        "round": handoff.round,
        "from_role": handoff.from_role,
        "to_role": handoff.to_role,
        "state": handoff.state,
        "checklist": handoff.checklist,
        "questions": handoff.questions,
        "note": handoff.note,
        "due_on": handoff.due_on.isoformat() if handoff.due_on else None,
        "offered_by": handoff.offered_by.name if handoff.offered_by else None,
        "offered_at": handoff.offered_at.isoformat(),
        "answered_by": handoff.answered_by.name if handoff.answered_by else None,
        "answered_at": handoff.answered_at.isoformat() if handoff.answered_at else None,
        "reason": handoff.reason or None,
        "reason_text": handoff.reason_text,
    }


def show_boundary(each: Boundary) -> dict[str, Any]:
    """How one boundary does; waits are in seconds."""
    return {
        "from_role": each.giver,
        "to_role": each.receiver,
        "count": each.count,
        "waiting": each.waiting,
        "accepted": each.accepted,
        "returned": each.returned,
        "median_wait": each.median_seconds,
        "longest_wait": each.longest_seconds,
        "bounce_rate": each.bounce_rate,
        "reasons": each.reasons,
    }


class Handoffs(ProjectEndpoint):
    """The hand-offs of a project."""

    action = {"GET": "project.read", "POST": "handoff.offer"}

    @extend_schema(responses={200: OpenApiTypes.OBJECT}, parameters=[OpenApiParameter("state", str)])
    def get(self, request: Request, key: str) -> Response:
        """Newest first; `?state=` offered, accepted, returned or withdrawn."""
        return self.page_of(handoffs_of(self.project, state=request.query_params.get("state", "")), show_handoff)

    @extend_schema(request=OfferBody, responses={201: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str) -> Response:
        """Hand over. 409 with `blocked_by` while points of the checklist fail."""
        body = OfferBody(data=request.data)
        body.is_valid(raise_exception=True)
        return self.once(lambda: (201, show_handoff(offer(self.project, **body.validated_data, by=caller(request)))))


class Checklist(ProjectEndpoint):
    """What must hold before one role hands on to another."""

    action = "project.read"

    @extend_schema(
        responses={200: OpenApiTypes.OBJECT},
        parameters=[OpenApiParameter("from_role", str), OpenApiParameter("to_role", str)],
    )
    def get(self, request: Request, key: str) -> Response:
        """The points as they stand now; `?from_role=` and `?to_role=`."""
        names = ("from_role", "to_role")
        wrong = [name for name in names if request.query_params.get(name) not in set(Role)]
        if wrong:
            raise Invalid("Name both roles.", fields={name: f"One of: {', '.join(Role)}." for name in wrong})
        giver, receiver = (Role(request.query_params[name]) for name in names)
        points = checklist(self.project, giver, receiver)
        lacking = failing(points, "")
        return Response(
            {
                "points": [{**vars(point)} for point in points],
                "blocked_by": [f"point:{point.key}" for point in lacking],
                "excused_by_a_note": [f"point:{point.key}" for point in lacking if point.note_excuses],
            }
        )


class Statistics(ProjectEndpoint):
    """How the boundaries between roles do."""

    action = "project.read"

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """Waiting times, bounces and their reasons, for each pair of roles."""
        return Response({"boundaries": [show_boundary(each) for each in boundaries_of(self.project)]})


class HandoffDetail(ProjectEndpoint):
    """One hand-off."""

    action = "project.read"

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, number: int) -> Response:
        """What was handed over, and what became of it."""
        handoff = handoff_for(self.project, number)
        broken = [
            {"words": each.words, "url": each.url, "at": each.created_at.isoformat()}
            for each in handoff.breakages.all()
        ]
        return Response(show_handoff(handoff) | {"breakages": broken})


class HandoffAccept(ProjectEndpoint):
    """Take the work over."""

    action = {"POST": "handoff.answer"}

    @extend_schema(request=None, responses={200: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, number: int) -> Response:
        """Do it."""
        return Response(show_handoff(accept(handoff_for(self.project, number), by=caller(request))))


class HandoffReturn(ProjectEndpoint):
    """Send the work back."""

    action = {"POST": "handoff.answer"}

    @extend_schema(request=ReturnBody, responses={200: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, number: int) -> Response:
        """With a reason; the giving role gets a task."""
        handoff = handoff_for(self.project, number)
        body = ReturnBody(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(show_handoff(send_back(handoff, **body.validated_data, by=caller(request))))


class HandoffWithdraw(ProjectEndpoint):
    """Take an offer back."""

    action = {"POST": "handoff.offer"}

    @extend_schema(request=None, responses={200: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, number: int) -> Response:
        """Do it."""
        return Response(show_handoff(withdraw(handoff_for(self.project, number), by=caller(request))))


class HandoffBreakages(ProjectEndpoint):
    """What broke after a hand-off was accepted."""

    action = {"POST": "handoff.answer"}

    @extend_schema(request=BreakageBody, responses={201: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, number: int) -> Response:
        """Name it; the giving role gets a task."""
        handoff = handoff_for(self.project, number)
        body = BreakageBody(data=request.data)
        body.is_valid(raise_exception=True)
        broken = report_breakage(handoff, **body.validated_data, by=caller(request))
        return Response({"words": broken.words, "url": broken.url}, status=201)
