"""Gates over REST: what they wait for, accepting warnings, waiving failures. Signing is done in the browser only."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from projects.access import ProjectEndpoint
from projects.api.projects import caller
from projects.gate_policy import sentences
from projects.junit import report
from projects.models.gates import Gate, Waiver
from projects.overview import fingerprint_now
from projects.queries.gates import blocked_by, counts, gate_for, rule
from projects.services.waivers import accept_warning, waive_check

OBJECT = OpenApiTypes.OBJECT


class AcceptanceBody(serializers.Serializer[Any]):
    """The key of a warning, and why it may stay."""

    check = serializers.CharField(max_length=60)
    reason = serializers.CharField(max_length=2000)


class WaiverBody(serializers.Serializer[Any]):
    """The key of a failed check, why it may stay, and until which day."""

    check = serializers.CharField(max_length=60)
    reason = serializers.CharField(max_length=2000)
    until = serializers.DateField()


def show_waiver(waiver: Waiver, gate: Gate) -> dict[str, Any]:
    """What settles a check, and whether it still counts."""
    return {
        "check": waiver.check_key,
        "kind": waiver.kind,
        "reason": waiver.reason,
        "until": waiver.until.isoformat() if waiver.until else None,
        "role": waiver.role,
        "by": waiver.user.name,
        "at": waiver.created_at.isoformat(),
        "one_person_team": waiver.alone,
        "counts": counts(waiver, gate),
    }


def show_gate(gate: Gate) -> dict[str, Any]:
    """A gate with everything that was given for it, and what it still waits for."""
    now = fingerprint_now(gate.subject_type, gate.subject_id, gate.environment)
    return {
        "id": str(gate.pk),
        "subject": gate.subject_name,
        "url": gate.subject_url,
        "environment": gate.environment,
        "state": gate.state,
        "fingerprint": gate.fingerprint,
        "changed_since": now is not None and now != gate.fingerprint,
        "requested_by": gate.requested_by.name if gate.requested_by else None,
        "comment": gate.comment,
        "rule": rule(gate).as_dict() | {"roles": gate.roles, "words": sentences(rule(gate))},
        "one_person_team": gate.project.one_person,
        "checks": gate.checks,
        "roles": gate.roles,
        "signatures": [
            {
                "role": signature.role,
                "by": signature.user.name,
                "given": signature.given,
                "reason": signature.reason,
                "at": signature.created_at.isoformat(),
                "one_person_team": signature.alone,
                "counts": signature.given and signature.fingerprint == gate.fingerprint,
            }
            for signature in gate.signatures.all()
        ],
        "waivers": [show_waiver(waiver, gate) for waiver in gate.waivers.all()],
        "blocked_by": blocked_by(gate),
    }


class GateEndpoint(ProjectEndpoint):
    """One gate."""

    action = "project.read"

    @extend_schema(responses={200: OBJECT})
    def get(self, request: Request, key: str, gate_id: UUID) -> Response:
        """Its checks, its signatures and waivers, and what it still waits for."""
        return Response(show_gate(gate_for(self.project, gate_id)))


class GateReport(ProjectEndpoint):
    """One gate as a report for build servers."""

    action = "project.read"

    @extend_schema(responses={(200, "application/xml"): OpenApiTypes.STR})
    def get(self, request: Request, key: str, gate_id: UUID) -> HttpResponse:
        """JUnit XML: a case for each check and each signature; what blocks has failed, what was waived is skipped."""
        text = report(show_gate(gate_for(self.project, gate_id)), self.words.text)
        return HttpResponse(text, content_type="application/xml; charset=utf-8")


class GateAccept(ProjectEndpoint):
    """Accepting a warning."""

    action = "gate.waive"

    @extend_schema(request=AcceptanceBody, responses={201: OBJECT, 409: OBJECT})
    def post(self, request: Request, key: str, gate_id: UUID) -> Response:
        """Accept it with a reason, as one of the roles that sign here; not as whoever asked."""
        gate = gate_for(self.project, gate_id)
        body = AcceptanceBody(data=request.data)
        body.is_valid(raise_exception=True)
        accept_warning(gate, **body.validated_data, by=caller(request))
        return Response(show_gate(gate_for(self.project, gate_id)), status=201)


class GateWaive(ProjectEndpoint):
    """Waiving a failed check."""

    action = "gate.waive"

    @extend_schema(request=WaiverBody, responses={201: OBJECT, 409: OBJECT})
    def post(self, request: Request, key: str, gate_id: UUID) -> Response:
        """Waive it until a day, as the one role that the gate's rule names; not as whoever asked."""
        gate = gate_for(self.project, gate_id)
        body = WaiverBody(data=request.data)
        body.is_valid(raise_exception=True)
        waive_check(gate, **body.validated_data, by=caller(request))
        return Response(show_gate(gate_for(self.project, gate_id)), status=201)
