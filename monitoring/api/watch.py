"""Endpoints of the monitoring room, over the same services as the pages."""

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from deployments.queries.deployments import champion_of, deployment_for
from monitoring import seen
from monitoring.models import Alert, Monitor, Retraining, Window
from monitoring.queries import watch as queries
from monitoring.queries.money import loss_of, practices_of
from monitoring.services import alerts, monitors, outcomes, retrainings
from monitoring.services.incidents import LONGEST_SNOOZE
from projects.access import ProjectEndpoint
from projects.api.projects import caller
from projects.contract import as_row
from projects.queries.define import contract_in_force
from projects.queries.work import job_link

ANSWER = serializers.DictField()


class OutcomesBody(serializers.Serializer[Any]):
    """What really happened, by prediction id."""

    outcomes = inline_serializer(
        "Outcome",
        {"id": serializers.CharField(max_length=64), "value": serializers.JSONField()},
        many=True,
        help_text="At most 10 000. All are kept, or none.",
    )


class RetrainBody(serializers.Serializer[Any]):
    """Why a challenger is trained, and which alert asks for it."""

    cause = serializers.CharField(max_length=300)
    alert = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=2**31 - 1)


class SnoozeBody(serializers.Serializer[Any]):
    """For how many hours nobody is reminded."""

    hours = serializers.IntegerField(min_value=1, max_value=LONGEST_SNOOZE)


class CloseBody(serializers.Serializer[Any]):
    """Why an alert is over."""

    note = serializers.CharField(max_length=300)


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def show_monitor(monitor: Monitor) -> dict[str, Any]:
    """A monitor in the list."""
    return {
        "deployment": monitor.deployment.name,
        "every_seconds": monitor.every_seconds,
        "minimum_rows": monitor.minimum_rows,
        "watch_at": monitor.watch_at,
        "act_at": monitor.act_at,
        "checked_at": _iso(monitor.checked_at),
    }


def show_window(window: Window) -> dict[str, Any]:
    """A window with all that it measured."""
    return {
        "id": str(window.pk),
        "from": _iso(window.from_at),
        "to": _iso(window.to_at),
        "version": window.release.version.number,
        "rows": window.rows,
        "enough": window.enough,
        "inputs": window.inputs,
        "answers": window.answers,
        "service": window.service,
        "performance": window.performance,
        "estimated": window.estimated,
        "measured": window.measured,
    }


def show_alert(alert: Alert) -> dict[str, Any]:
    """An alert."""
    return {
        "number": alert.number,
        "deployment": alert.monitor.deployment.name,
        "incident": alert.incident.number if alert.incident else None,
        "rule": alert.rule,
        "subject": alert.subject,
        "severity": alert.severity,
        "state": alert.state,
        "sentence": alert.sentence,
        "opened_at": _iso(alert.opened_at),
        "last_seen_at": _iso(alert.last_seen_at),
        "taken_by": alert.taken_by.name if alert.taken_by else None,
        "snoozed_until": _iso(alert.snoozed_until),
        "escalated_at": _iso(alert.escalated_at),
        "closed_at": _iso(alert.closed_at),
        "closing_note": alert.closing_note,
    }


def show_retraining(retraining: Retraining) -> dict[str, Any]:
    """A retraining with its comparison."""
    version = getattr(retraining.run, "model_version", None)
    return {
        "retraining": str(retraining.pk),
        "deployment": retraining.monitor.deployment.name,
        "state": retraining.state,
        "cause": retraining.cause,
        "trigger": retraining.trigger,
        "alert": retraining.alert.number if retraining.alert else None,
        "run": retraining.run.number,
        "champion": retraining.champion.version.number,
        "model_version": version.number if version else None,
        "comparison": retraining.comparison,
        "message": retraining.message,
        "trial": {"number": retraining.plan.number, "state": retraining.plan.state} if retraining.plan else None,
        "trial_note": retraining.trial_note,
        "created_at": _iso(retraining.created_at),
        "compared_at": _iso(retraining.compared_at),
    }


class Outcomes(ProjectEndpoint):
    """The truth as it arrives."""

    action = {"POST": "outcome.send"}

    @extend_schema(request=OutcomesBody, responses={201: ANSWER})
    def post(self, request: Request, key: str, name: str) -> Response:
        """Send outcomes by prediction id; all are kept, or none. A second, different word for an id is 409."""
        deployment = deployment_for(self.project, name)
        body = OutcomesBody(data=request.data)
        body.is_valid(raise_exception=True)
        rows = body.validated_data["outcomes"]

        def make() -> tuple[int, dict[str, Any]]:
            with self.words.refusals():
                received = outcomes.send_outcomes(deployment, rows, by=caller(request))
            return 201, {"new": received.new, "known": received.known}

        return self.once(make)


class Monitors(ProjectEndpoint):
    """The monitors of a project."""

    action = {"GET": "monitor.read"}

    @extend_schema(responses=ANSWER)
    def get(self, request: Request, key: str) -> Response:
        """List them."""
        return self.page_of(queries.monitors_of(self.project), show_monitor)


class MonitorDetail(ProjectEndpoint):
    """One monitor with its newest window."""

    action = {"GET": "monitor.read"}

    @extend_schema(responses=ANSWER)
    def get(self, request: Request, key: str, name: str) -> Response:
        """Show it, and how many answers wait for the next check."""
        monitor = queries.monitor_for(self.project, name)
        window, eyes = queries.windows_of(monitor).first(), seen.eyes_on(monitor.deployment, self.roles)
        contract, loss = contract_in_force(self.project), loss_of(window) if window else None
        practices = practices_of(monitor, window.release) if window else []
        found = show_monitor(monitor) | {
            "contract": contract.version if contract else None,
            "verdicts": [as_row(judged) for judged in queries.judged_live(window, self.project, contract)],
            "in_use": champion_of(monitor.deployment) is not None,
            "loss": asdict(loss) | {"words": loss.words} if loss else None,
            "uplift": practices[0] if practices else None,
            "waiting_rows": queries.waiting_rows(monitor),
            "latest_window": show_window(eyes.window(window)) if window else None,
            "open_alerts": [
                show_alert(eyes.alert(alert))
                for alert in queries.open_alerts_of(monitor).select_related("monitor__deployment")
            ],
        }
        return Response(found)


class Check(ProjectEndpoint):
    """A check at once."""

    action = {"POST": "monitor.check"}

    @extend_schema(request=None, responses={202: ANSWER})
    def post(self, request: Request, key: str, name: str) -> Response:
        """Start it; while one is under way, that one is the answer."""
        monitor = queries.monitor_for(self.project, name)
        return self.once(lambda: (202, {"job": job_link(monitors.check_now(monitor, by=caller(request)))}))


class Windows(ProjectEndpoint):
    """All windows of a monitor."""

    action = {"GET": "monitor.read"}

    @extend_schema(responses=ANSWER)
    def get(self, request: Request, key: str, name: str) -> Response:
        """List them, newest first."""
        monitor = queries.monitor_for(self.project, name)
        eyes = seen.eyes_on(monitor.deployment, self.roles)
        return self.page_of(queries.windows_of(monitor), lambda window: show_window(eyes.window(window)))


class Retrain(ProjectEndpoint):
    """A challenger in the making."""

    action = {"POST": "model.retrain"}

    @extend_schema(request=RetrainBody, responses={202: ANSWER})
    def post(self, request: Request, key: str, name: str) -> Response:
        """Train like the model in use on the newest published data; 409 while one is under way."""
        monitor = queries.monitor_for(self.project, name)
        body = RetrainBody(data=request.data)
        body.is_valid(raise_exception=True)
        number = body.validated_data.get("alert")
        alert = queries.alert_for(self.project, number) if number else None

        def make() -> tuple[int, dict[str, Any]]:
            cause = body.validated_data["cause"]
            retraining = retrainings.retrain(monitor, cause=cause, alert=alert, by=caller(request))
            url = reverse("api-retraining", args=[self.project.key, retraining.pk])
            return 202, {"retraining": str(retraining.pk), "run": retraining.run.number, "url": url}

        return self.once(make)


class Alerts(ProjectEndpoint):
    """The alerts of a project."""

    action = {"GET": "monitor.read"}

    @extend_schema(responses=ANSWER)
    def get(self, request: Request, key: str) -> Response:
        """List them, newest first; `?state=open`, `taken` or `closed` keeps one state."""
        rows = queries.alerts_of(self.project)
        state = request.query_params.get("state")
        held = {self.project.pk: self.roles}
        return self.page_of(
            rows.filter(state=state) if state else rows, show_alert, lambda found: seen.alerts(found, held)
        )


class AlertEndpoint(ProjectEndpoint):
    """What all addresses of an alert share."""

    def shown(self, alert: Alert) -> dict[str, Any]:
        """The alert as the caller may see it."""
        return show_alert(seen.eyes_on(alert.monitor.deployment, self.roles).alert(alert))


class AlertDetail(AlertEndpoint):
    """One alert."""

    action = {"GET": "monitor.read"}

    @extend_schema(responses=ANSWER)
    def get(self, request: Request, key: str, number: int) -> Response:
        """Show it."""
        return Response(self.shown(queries.alert_for(self.project, number)))


class TakeAlert(AlertEndpoint):
    """Take an alert."""

    action = {"POST": "alert.handle"}

    @extend_schema(request=None, responses=ANSWER)
    def post(self, request: Request, key: str, number: int) -> Response:
        """It is yours now; 409 when somebody else has it."""
        alert = queries.alert_for(self.project, number)
        return self.once(lambda: (200, self.shown(alerts.take_alert(alert, by=caller(request)))))


class SnoozeAlert(AlertEndpoint):
    """Leave an alert alone."""

    action = {"POST": "alert.handle"}

    @extend_schema(request=SnoozeBody, responses=ANSWER)
    def post(self, request: Request, key: str, number: int) -> Response:
        """For some hours; it stays open."""
        alert = queries.alert_for(self.project, number)
        body = SnoozeBody(data=request.data)
        body.is_valid(raise_exception=True)
        hours = body.validated_data["hours"]
        return self.once(lambda: (200, self.shown(alerts.snooze_alert(alert, hours=hours, by=caller(request)))))


class CloseAlert(AlertEndpoint):
    """Close an alert."""

    action = {"POST": "alert.handle"}

    @extend_schema(request=CloseBody, responses=ANSWER)
    def post(self, request: Request, key: str, number: int) -> Response:
        """It is over, with a note why."""
        alert = queries.alert_for(self.project, number)
        body = CloseBody(data=request.data)
        body.is_valid(raise_exception=True)
        note = body.validated_data["note"]
        return self.once(lambda: (200, self.shown(alerts.close_alert(alert, note=note, by=caller(request)))))


class Retrainings(ProjectEndpoint):
    """The retrainings of a project."""

    action = {"GET": "monitor.read"}

    @extend_schema(responses=ANSWER)
    def get(self, request: Request, key: str) -> Response:
        """List them, newest first."""
        rows = queries.retrainings_of(self.project)
        return self.page_of(rows, show_retraining, lambda found: seen.retrainings(found, self.project, self.roles))


class RetrainingDetail(ProjectEndpoint):
    """One retraining."""

    action = {"GET": "monitor.read"}

    @extend_schema(responses=ANSWER)
    def get(self, request: Request, key: str, identifier: UUID) -> Response:
        """Show it with its comparison."""
        found = queries.retraining_for(self.project, identifier)
        return Response(show_retraining(seen.retrainings([found], self.project, self.roles)[0]))
