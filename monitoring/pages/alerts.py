"""Pages of alerts."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from monitoring import seen
from monitoring.forms import CloseForm, RetrainForm, SnoozeForm
from monitoring.models import Alert
from monitoring.pages import reading
from monitoring.pages.asking import page_of, person
from monitoring.queries import watch as queries
from monitoring.services import alerts
from projects.access import ProjectPage, roles_in
from web.figures import templates
from web.pages import SIGNED_IN, Page


class AllAlerts(Page):
    """Alerts of all projects that this person is in."""

    action = SIGNED_IN
    template = "monitoring/all_alerts.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show them, open ones first; `?state=all` shows closed ones too."""
        rows = queries.alerts_seen_by(person(request))
        show_all = request.GET.get("state") == "all"
        rows = rows if show_all else rows.exclude(state=Alert.State.CLOSED)
        page = page_of(request, rows)
        projects = {alert.monitor.deployment.project for alert in page.object_list}
        held = roles_in(person(request), [project.key for project in projects])
        page.object_list = seen.alerts(page.object_list, {project.pk: held[project.key] for project in projects})
        return self.show(page_obj=page, show_all=show_all, place="alerts")


class AlertPage(ProjectPage):
    """One alert: what is wrong, since when, what shows it, who looks after it."""

    action = "monitor.read"
    stage = "monitor"
    template = "monitoring/alert.html"

    def get(self, request: HttpRequest, number: int) -> HttpResponse:
        """Show it."""
        return show_alert(self, queries.alert_for(self.project, number))


def show_alert(page: ProjectPage, alert: Alert, status: int = 200, **context: Any) -> HttpResponse:
    """The alert's page, also with a form that was refused."""
    eyes = seen.eyes_on(alert.monitor.deployment, page.roles)
    view = reading.alert_view(eyes.alert(alert), eyes)
    shown = {
        "alert": alert,
        "view": view,
        "close_form": CloseForm(),
        "snooze_form": SnoozeForm(initial={"hours": 24}),
        "snoozed": alert.snoozed_until is not None and alert.snoozed_until > timezone.now(),
        "retrain_form": RetrainForm(initial={"cause": f"Alert {alert.number}: {alert.sentence}"[:300]}),
        "chart_templates": templates(),
    }
    return page.show(template="monitoring/alert.html", status=status, **(shown | context))


class TakeAlert(ProjectPage):
    """Take an alert."""

    action = "alert.handle"
    stage = "monitor"

    def post(self, request: HttpRequest, number: int) -> HttpResponse:
        """Take it."""
        alert = alerts.take_alert(queries.alert_for(self.project, number), by=person(request))
        messages.success(request, f"Alert {alert.number} is yours now.")
        return redirect("alert", self.project.key, number)


class CloseAlert(ProjectPage):
    """Close an alert with a note."""

    action = "alert.handle"
    stage = "monitor"

    def post(self, request: HttpRequest, number: int) -> HttpResponse:
        """Close it, or say what is missing."""
        alert = queries.alert_for(self.project, number)
        form = CloseForm(request.POST)
        if not form.is_valid():
            return show_alert(self, alert, status=422, close_form=form)
        alerts.close_alert(alert, note=form.cleaned_data["note"], by=person(request))
        messages.success(request, f"Alert {alert.number} is closed.")
        return redirect("alert", self.project.key, number)


class SnoozeAlert(ProjectPage):
    """Leave an alert alone for some hours."""

    action = "alert.handle"
    stage = "monitor"

    def post(self, request: HttpRequest, number: int) -> HttpResponse:
        """Snooze it, or say what is wrong."""
        alert = queries.alert_for(self.project, number)
        form = SnoozeForm(request.POST)
        if not form.is_valid():
            return show_alert(self, alert, status=422, snooze_form=form)
        alerts.snooze_alert(alert, hours=form.cleaned_data["hours"], by=person(request))
        messages.success(request, f"Alert {alert.number} is left alone for {form.cleaned_data['hours']} hours.")
        return redirect("alert", self.project.key, number)
