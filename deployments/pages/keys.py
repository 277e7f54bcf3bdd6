"""Applications that ask for predictions: their keys, what they may, and what they asked."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from deployments import findings
from deployments.charts import uses
from deployments.forms import KeyLimitsForm
from deployments.models import ConsumerKey
from deployments.pages.versions import person
from deployments.queries.deployments import other_names, servers_alive
from deployments.queries.keys import days_of, key_in, keys_in, totals_of
from deployments.services.keys import change_key, revoke_key
from problems.problem import Denied, Missing, Problem
from projects.access import ProjectPage
from projects.permissions import holders
from web.figures import templates

ROWS = 50


class Applications(ProjectPage):
    """Every application that has a key in this project."""

    action = "model.read"
    template = "deployments/applications.html"
    stage = "deploy"

    def get(self, request: HttpRequest) -> HttpResponse:
        """List them."""
        page = Paginator(keys_in(self.project), ROWS).get_page(request.GET.get("page"))
        found = list(page.object_list)
        totals = totals_of(found)
        rows = [(key, totals[key.pk]) for key in found]
        return self.show(rows=rows, page_obj=page, makers=holders("key.manage"))


class ApplicationPages(ProjectPage):
    """What all addresses of one key share: its whole page."""

    template = "deployments/application.html"
    stage = "deploy"

    def page(self, key: ConsumerKey, status: int = 200, **changed: Any) -> HttpResponse:
        """The whole page, with some of its content put in by the caller."""
        days, today = days_of(key), totals_of([key])[key.pk]
        ever = any(day.requests for day in days)
        context: dict[str, Any] = {
            "key": key,
            "today": today,
            "finding": findings.of_key(key.name, today, key.rows_per_day, ever),
            "figure": uses(days, key.rows_per_day) if ever else None,
            "chart_templates": templates(),
            "servers": servers_alive(),
            "works": not key.revoked_at and not key.has_expired,
            "form": self.form(key),
            "makers": holders("key.manage"),
        }
        return self.show(status=status, **(context | changed))

    def form(self, key: ConsumerKey, data: Any = None) -> KeyLimitsForm:
        """The form, with what holds now."""
        now: dict[str, Any] = {"per_minute": key.per_minute, "rows_per_day": key.rows_per_day}
        now["also"] = [one.name for one in key.also.all()]
        return KeyLimitsForm(data, initial=now, others=other_names(key.deployment), auto_id="limit_%s")


class Application(ApplicationPages):
    """One application: read by everybody, changed by those who manage keys."""

    action = {"GET": "model.read", "POST": "key.manage"}

    def get(self, request: HttpRequest, key_id: UUID) -> HttpResponse:
        """Show it."""
        return self.page(key_in(self.project, key_id))

    def post(self, request: HttpRequest, key_id: UUID) -> HttpResponse:
        """Other limits or deployments."""
        key = key_in(self.project, key_id)
        form = self.form(key, request.POST)
        if not form.is_valid():
            return self.page(key, status=422, form=form)
        try:
            change_key(key, **form.limits(), by=person(request))
        except Problem as problem:
            if isinstance(problem, (Denied, Missing)):
                raise
            return self.page(key, status=problem.status, problem=problem, form=form)
        messages.success(request, f"What {key.name} may is changed. Servers know within a second.")
        return redirect("application", self.project.key, key.pk)


class ApplicationRevoke(ApplicationPages):
    """End the key of an application."""

    action = {"POST": "key.manage"}

    def post(self, request: HttpRequest, key_id: UUID) -> HttpResponse:
        """Do it."""
        key = key_in(self.project, key_id)
        revoke_key(key, by=person(request))
        messages.success(request, f"{key.name} may no longer ask. It takes effect within a second.")
        return redirect("application", self.project.key, key.pk)
