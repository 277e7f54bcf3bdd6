"""Endpoints of incidents and of how alerts speak, over the same services as their pages."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from monitoring import seen, speaking
from monitoring.api.watch import CloseBody, SnoozeBody, show_alert
from monitoring.models import AlertSettings, Incident
from monitoring.queries import incidents as queries
from monitoring.queries import watch
from monitoring.queries.incident_view import incident_view
from monitoring.queries.speaking import settings_of, speaking_of
from monitoring.services import incidents
from monitoring.services.speaking import change_settings
from projects.access import ProjectEndpoint
from projects.api.projects import caller

ANSWER = serializers.DictField()


class NoteBody(serializers.Serializer[Any]):
    """What was found out."""

    text = serializers.CharField(max_length=1000)


class SettingsBody(serializers.Serializer[Any]):
    """How the rules speak from now on; what is left out is usual. `seen` is the newest version that was read."""

    rules = serializers.DictField(child=serializers.DictField(), default=dict)
    quiet = serializers.DictField(default=dict)
    escalate_hours = serializers.IntegerField(min_value=1, max_value=speaking.MOST_ESCALATE, default=24)
    seen = serializers.IntegerField(min_value=0, max_value=2**31 - 1)
    reason = serializers.CharField(max_length=300)


def show_incident(incident: Incident) -> dict[str, Any]:
    """An incident in the list."""
    return {
        "number": incident.number,
        "deployment": incident.monitor.deployment.name,
        "opened_at": incident.opened_at.isoformat(),
        "closed_at": incident.closed_at.isoformat() if incident.closed_at else None,
        "closing_note": incident.closing_note,
        "taken_by": incident.taken_by.name if incident.taken_by else None,
    }


class Incidents(ProjectEndpoint):
    """The incidents of a project."""

    action = {"GET": "monitor.read"}

    @extend_schema(responses=ANSWER)
    def get(self, request: Request, key: str) -> Response:
        """List them, newest first; `?open=true` keeps those that are open."""
        rows = queries.incidents_of(self.project)
        return self.page_of(rows.filter(closed_at=None) if request.query_params.get("open") else rows, show_incident)


class IncidentEndpoint(ProjectEndpoint):
    """What all addresses of an incident share."""

    def shown(self, incident: Incident) -> dict[str, Any]:
        """The incident with its cause, alerts and timeline, as the caller may see it."""
        view = incident_view(incident, seen.eyes_on(incident.monitor.deployment, self.roles), self.roles)
        cause = view.cause
        return show_incident(incident) | {
            "severity": view.severity,
            "loss": view.loss,
            "cause": {
                "sentence": cause.sentence,
                "inputs": [
                    {name: entry.get(name) for name in ("name", "psi", "weight", "change")} for entry in cause.inputs
                ],
                "since": cause.since.isoformat() if cause.since else None,
                "first": cause.first,
                "slice": cause.slice,
                "data": [words for words, _ in view.upstream],
            },
            "alerts": [show_alert(alert) for alert in view.alerts],
            "retrainings": [str(one.pk) for one in view.retrainings],
            "timeline": [{"at": one.at.isoformat(), "kind": one.kind, "words": one.words} for one in view.lines],
        }


class IncidentDetail(IncidentEndpoint):
    """One incident."""

    action = {"GET": "monitor.read"}

    @extend_schema(responses=ANSWER)
    def get(self, request: Request, key: str, number: int) -> Response:
        """Show it."""
        return Response(self.shown(queries.incident_for(self.project, number)))


class TakeIncident(IncidentEndpoint):
    """Take an incident."""

    action = {"POST": "alert.handle"}

    @extend_schema(request=None, responses=ANSWER)
    def post(self, request: Request, key: str, number: int) -> Response:
        """It is yours now, with its alerts; 409 when somebody else has it."""
        incident = queries.incident_for(self.project, number)
        return self.once(lambda: (200, self.shown(incidents.take_incident(incident, by=caller(request)))))


class NoteIncident(IncidentEndpoint):
    """A note in the timeline."""

    action = {"POST": "alert.handle"}

    @extend_schema(request=NoteBody, responses={201: ANSWER})
    def post(self, request: Request, key: str, number: int) -> Response:
        """Keep it."""
        incident = queries.incident_for(self.project, number)
        body = NoteBody(data=request.data)
        body.is_valid(raise_exception=True)

        def make() -> tuple[int, dict[str, Any]]:
            incidents.note_incident(incident, text=body.validated_data["text"], by=caller(request))
            return 201, self.shown(incident)

        return self.once(make)


class SnoozeIncident(IncidentEndpoint):
    """Leave its alerts alone."""

    action = {"POST": "alert.handle"}

    @extend_schema(request=SnoozeBody, responses=ANSWER)
    def post(self, request: Request, key: str, number: int) -> Response:
        """For some hours; they stay open."""
        incident = queries.incident_for(self.project, number)
        body = SnoozeBody(data=request.data)
        body.is_valid(raise_exception=True)
        hours = body.validated_data["hours"]
        return self.once(
            lambda: (200, self.shown(incidents.snooze_incident(incident, hours=hours, by=caller(request))))
        )


class CloseIncident(IncidentEndpoint):
    """Close an incident."""

    action = {"POST": "alert.handle"}

    @extend_schema(request=CloseBody, responses=ANSWER)
    def post(self, request: Request, key: str, number: int) -> Response:
        """It is over, with its alerts and a note why."""
        incident = queries.incident_for(self.project, number)
        body = CloseBody(data=request.data)
        body.is_valid(raise_exception=True)
        note = body.validated_data["note"]
        return self.once(lambda: (200, self.shown(incidents.close_incident(incident, note=note, by=caller(request)))))


def show_settings(row: AlertSettings) -> dict[str, Any]:
    """One version."""
    return {
        "version": row.version,
        "rules": row.rules,
        "quiet": row.quiet,
        "escalate_hours": row.escalate_hours,
        "reason": row.reason,
        "by": row.created_by.name if row.created_by else None,
        "at": row.created_at.isoformat(),
    }


class AlertSettingsEndpoint(ProjectEndpoint):
    """How the rules of alerts speak at one deployment."""

    action = {"GET": "monitor.read", "POST": "alert.settings"}

    @extend_schema(responses=ANSWER)
    def get(self, request: Request, key: str, name: str) -> Response:
        """What counts now, every rule with what is usual where nobody said otherwise, and all versions."""
        monitor = watch.monitor_for(self.project, name)
        now = speaking_of(monitor)
        _, quiet = speaking.as_rows(now)
        rules = {rule: vars(now.rule(rule)) for rule in speaking.RULES}
        versions = [show_settings(row) for row in settings_of(monitor)]
        return Response({"rules": rules, "quiet": quiet, "escalate_hours": now.escalate_hours, "versions": versions})

    @extend_schema(request=SettingsBody, responses={201: ANSWER})
    def post(self, request: Request, key: str, name: str) -> Response:
        """Keep the next version; 409 when somebody changed them since `seen`."""
        monitor = watch.monitor_for(self.project, name)
        body = SettingsBody(data=request.data)
        body.is_valid(raise_exception=True)
        values = dict(body.validated_data)
        return self.once(lambda: (201, show_settings(change_settings(monitor, **values, by=caller(request)))))
