"""Pages of incidents: the list, one with its cause and timeline, and what people do there."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from monitoring import seen
from monitoring.forms import CloseForm, NoteForm, RetrainForm, SnoozeForm
from monitoring.models import Incident
from monitoring.pages.asking import page_of, person
from monitoring.queries import incidents as queries
from monitoring.queries.incident_view import incident_view
from monitoring.services import incidents
from projects.access import ProjectPage


class Incidents(ProjectPage):
    """The incidents of a project, newest first."""

    action = "monitor.read"
    stage = "monitor"
    template = "monitoring/incidents.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show them."""
        return self.show(page_obj=page_of(request, queries.incidents_of(self.project)))


class IncidentPage(ProjectPage):
    """One incident: what is wrong, where it comes from, what was done."""

    action = "monitor.read"
    stage = "monitor"
    template = "monitoring/incident.html"

    def get(self, request: HttpRequest, number: int) -> HttpResponse:
        """Show it."""
        return show_incident(self, queries.incident_for(self.project, number))


def show_incident(page: ProjectPage, incident: Incident, status: int = 200, **context: Any) -> HttpResponse:
    """The incident's page, also with a form that was refused."""
    eyes = seen.eyes_on(incident.monitor.deployment, page.roles)
    view = incident_view(incident, eyes, page.roles)
    shown = {
        "incident": incident,
        "view": view,
        "note_form": NoteForm(),
        "close_form": CloseForm(),
        "snooze_form": SnoozeForm(initial={"hours": 24}),
        "retrain_form": RetrainForm(initial={"cause": f"Incident {incident.number}: {view.headline}"[:300]}),
    }
    return page.show(template="monitoring/incident.html", status=status, **(shown | context))


class TakeIncident(ProjectPage):
    """Take an incident with its alerts."""

    action = "alert.handle"
    stage = "monitor"

    def post(self, request: HttpRequest, number: int) -> HttpResponse:
        """Take it."""
        incidents.take_incident(queries.incident_for(self.project, number), by=person(request))
        messages.success(request, f"Incident {number} is yours now.")
        return redirect("incident", self.project.key, number)


class NoteIncident(ProjectPage):
    """Write down what was found."""

    action = "alert.handle"
    stage = "monitor"

    def post(self, request: HttpRequest, number: int) -> HttpResponse:
        """Keep it, or say what is missing."""
        incident = queries.incident_for(self.project, number)
        form = NoteForm(request.POST)
        if not form.is_valid():
            return show_incident(self, incident, status=422, note_form=form)
        incidents.note_incident(incident, text=form.cleaned_data["text"], by=person(request))
        return redirect("incident", self.project.key, number)


class SnoozeIncident(ProjectPage):
    """Leave its alerts alone for some hours."""

    action = "alert.handle"
    stage = "monitor"

    def post(self, request: HttpRequest, number: int) -> HttpResponse:
        """Snooze them, or say what is wrong."""
        incident = queries.incident_for(self.project, number)
        form = SnoozeForm(request.POST)
        if not form.is_valid():
            return show_incident(self, incident, status=422, snooze_form=form)
        incidents.snooze_incident(incident, hours=form.cleaned_data["hours"], by=person(request))
        messages.success(request, f"Its alerts are left alone for {form.cleaned_data['hours']} hours.")
        return redirect("incident", self.project.key, number)


class CloseIncident(ProjectPage):
    """Close an incident with its alerts."""

    action = "alert.handle"
    stage = "monitor"

    def post(self, request: HttpRequest, number: int) -> HttpResponse:
        """Close it, or say what is missing."""
        incident = queries.incident_for(self.project, number)
        form = CloseForm(request.POST)
        if not form.is_valid():
            return show_incident(self, incident, status=422, close_form=form)
        incidents.close_incident(incident, note=form.cleaned_data["note"], by=person(request))
        messages.success(request, f"Incident {number} is closed.")
        return redirect("incident", self.project.key, number)
