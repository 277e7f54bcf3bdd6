"""Pages of monitors: the list, one deployment, and what people do there."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from deployments.queries.deployments import deployment_for
from jobs.queries import latest_of
from monitoring import seen
from monitoring.forms import OutcomesForm, RetrainForm
from monitoring.models import Monitor
from monitoring.pages import reading
from monitoring.pages.asking import PER_PAGE, awaited, page_of, person
from monitoring.queries import watch as queries
from monitoring.services import monitors, outcomes, retrainings
from problems.problem import Problem
from projects.access import ProjectPage
from projects.results import words
from web.figures import templates

RANGES = {"24h": 1, "7d": 7, "30d": 30, "60d": 60}


class Monitors(ProjectPage):
    """The monitors of a project; the only one's page where there is one."""

    action = "monitor.read"
    stage = "monitor"
    template = "monitoring/monitors.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show them."""
        found = list(queries.monitors_of(self.project)[: PER_PAGE + 1])
        if len(found) == 1:
            return redirect("monitor-deployment", self.project.key, found[0].deployment.name)
        rows = page_of(request, queries.monitors_of(self.project))
        open_alerts = queries.open_alert_counts([monitor.pk for monitor in rows])
        return self.show(page_obj=rows, open_alerts=open_alerts)


class MonitorPage(ProjectPage):
    """How one deployment does: what moved, whether it matters, what is known of the truth."""

    action = "monitor.read"
    stage = "monitor"
    template = "monitoring/monitor.html"

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """Show it; while a check runs, the page asks whether it is over."""
        monitor = queries.monitor_for(self.project, name)
        if getattr(request, "htmx", False):
            job = latest_of(monitor)
            return awaited(job is not None and job.is_open)
        return show_monitor(self, monitor)


def show_monitor(page: ProjectPage, monitor: Monitor, status: int = 200, **context: Any) -> HttpResponse:
    """The monitor's page, also with a form that was refused."""
    request = page.request
    days = RANGES.get(request.GET.get("range", ""), 60)
    eyes = seen.eyes_on(monitor.deployment, page.roles)
    view = reading.monitor_view(monitor, eyes, days=days, chosen=request.GET.get("input", ""))
    job = latest_of(monitor)
    shown = {
        "view": view,
        "monitor": monitor,
        "late": queries.late_at(monitor) if view.release else None,
        "job": job,
        "job_said": eyes.text(job.message) if job else "",
        "ranges": [(name, f"{name[:-1]} {name[-1]}", length == days) for name, length in RANGES.items()],
        "page_obj": page_of(
            request, queries.windows_of(monitor).defer("inputs", "answers", "performance", *queries.LIGHT)
        ),
        "retrain_form": RetrainForm(initial={"cause": view.cause}),
        "outcomes_form": OutcomesForm(),
        "chart_templates": templates(),
        "base_url": settings.BASE_URL,
    }
    return page.show(template="monitoring/monitor.html", status=status, **(shown | context))


class CheckNow(ProjectPage):
    """Start a check of one deployment."""

    action = "monitor.check"
    stage = "monitor"

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Start it."""
        monitor = queries.monitor_for(self.project, name)
        monitors.check_now(monitor, by=person(request))
        messages.info(request, "The check has started. The numbers below follow in a few seconds.")
        return redirect("monitor-deployment", self.project.key, name)


class Retrain(ProjectPage):
    """Start a retraining, with its cause."""

    action = "model.retrain"
    stage = "monitor"

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Start it, or show the monitor again with what is wrong."""
        monitor = queries.monitor_for(self.project, name)
        form = RetrainForm(request.POST)
        if not form.is_valid():
            return show_monitor(self, monitor, status=422, retrain_form=form)
        number = request.POST.get("alert", "")
        alert = queries.alert_for(self.project, int(number)) if number.isdecimal() and len(number) < 10 else None
        retraining = retrainings.retrain(monitor, cause=form.cleaned_data["cause"], alert=alert, by=person(request))
        return redirect("retraining", self.project.key, retraining.pk)


class UploadOutcomes(ProjectPage):
    """Outcomes from a small CSV."""

    action = "outcome.send"
    stage = "monitor"

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Keep all of them, or show the monitor again with what is wrong and where."""
        monitor = queries.monitor_for(self.project, name)
        form = OutcomesForm(request.POST, request.FILES)
        if form.is_valid():
            deployment = deployment_for(self.project, name)
            try:
                with words(self.project.key, self.roles).refusals():
                    received = outcomes.send_outcomes(deployment, form.cleaned_data["file"], by=person(request))
            except Problem as problem:
                form.add_error("file", problem.text)
            else:
                messages.success(request, f"{received.new} outcomes kept; {received.known} were known already.")
                return redirect("monitor-deployment", self.project.key, name)
        return show_monitor(self, monitor, status=422, outcomes_form=form)
