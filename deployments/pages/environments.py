"""Environments: what lives where, what could go on, and what each of them asks for."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from datasets.models.versions import Dataset
from deployments import findings
from deployments.forms import EnvironmentForm
from deployments.gate_rules import ENVIRONMENTS
from deployments.pages.versions import person
from deployments.queries.board import lives, places_of
from deployments.queries.environments import PRODUCTION, environment_of
from deployments.services.environments import drop_environment, set_up_environment
from problems.problem import Denied, Missing, Problem
from projects.access import ProjectPage
from projects.permissions import holders

MOST_DATASETS = 200


class Environments(ProjectPage):
    """All of them side by side."""

    action = "model.read"
    template = "deployments/environments.html"
    stage = "deploy"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show them."""
        places, lines = places_of(self.project), lives(self.project)
        order = [place.name for place in places if place.is_set_up]
        waits = sum(1 for _, cells, new in lines for cell in [*cells, *([new] if new else [])] if cell.on)
        used = sum(1 for _, cells, _ in lines for cell in cells if cell.release and cell.name == PRODUCTION)
        return self.show(
            environments=places, lines=lines, order=order, finding=findings.of_environments(order, used, waits)
        )


class EnvironmentPages(ProjectPage):
    """What all addresses of one environment share: its whole page."""

    template = "deployments/environment.html"
    stage = "deploy"

    def page(self, name: str, status: int = 200, **changed: Any) -> HttpResponse:
        """The whole page, with some of its content put in by the caller."""
        if name not in ENVIRONMENTS:
            raise Missing(f"There is no environment {name[:40]}. There are {', '.join(ENVIRONMENTS)}.")
        (place,) = places_of(self.project, name)
        context: dict[str, Any] = {"place": place, "form": self.form(name), "changers": holders("project.change")}
        return self.show(status=status, **(context | changed))

    def form(self, name: str, data: Any = None) -> EnvironmentForm:
        """The form, with what is said now."""
        said = environment_of(self.project, name)
        initial = {"signers": said.signers, "datasets": said.datasets, **said.conditions} if said else {}
        names = Dataset.objects.filter(project=self.project).order_by("name").values_list("name", flat=True)
        offered = list(names[:MOST_DATASETS])
        return EnvironmentForm(
            data, initial=initial, datasets=offered, may_name_signers=name != PRODUCTION, auto_id="env_%s"
        )

    def refused(self, name: str, problem: Problem, **changed: Any) -> HttpResponse:
        """The page again, saying why; doors that are shut stay shut."""
        if isinstance(problem, (Denied, Missing)):
            raise problem
        return self.page(name, status=problem.status, problem=problem, **changed)


class EnvironmentPage(EnvironmentPages):
    """One environment: read by everybody, changed by the owner."""

    action = {"GET": "model.read", "POST": "project.change"}

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """Show it."""
        return self.page(name)

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Set it up, or say otherwise."""
        if name not in ENVIRONMENTS:
            raise Missing(f"There is no environment {name[:40]}.")
        form = self.form(name, request.POST)
        if not form.is_valid():
            return self.page(name, status=422, form=form)
        try:
            set_up_environment(self.project, name, **form.values(), by=person(request))
        except Problem as problem:
            return self.refused(name, problem, form=form)
        messages.success(request, f"{name.capitalize()} is set up. Whoever signed under other rules is asked again.")
        return redirect("environment", self.project.key, name)


class EnvironmentDrop(EnvironmentPages):
    """Versions no longer go through it."""

    action = {"POST": "project.change"}

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Do it."""
        found = environment_of(self.project, name)
        if found is None:
            raise Missing("The project says nothing of this environment.")
        try:
            drop_environment(found, by=person(request))
        except Problem as problem:
            return self.refused(name, problem)
        words = "asks for nothing of its own any more" if name == PRODUCTION else "is no longer on the way of a version"
        messages.success(request, f"{name.capitalize()} {words}.")
        return redirect("environments", self.project.key)
