"""Scoring data in batches on the pages: what came out, what was refused, and what starts by itself."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from datasets.queries.versions import dataset_for, version_for
from deployments.forms import BatchForm, PlanForm
from deployments.models import Deployment
from deployments.pages.versions import person
from deployments.queries.batches import (
    batch_for,
    batches_of,
    plan_for,
    plans_for,
    refused_rows,
    scored_rows,
    versions_to_score,
)
from deployments.queries.deployments import champion_of, deployment_for
from deployments.services.batch_plans import end_plan, make_plan, words_of
from deployments.services.batches import start_batch
from jobs.queries import latest_of
from problems.problem import Denied, Missing, Problem
from projects.access import ProjectPage
from projects.permissions import holders

ROWS, SHOWN, LONGEST = 25, 20, 80


class BatchPages(ProjectPage):
    """What all addresses of the batches of a deployment share: the page that lists them."""

    template = "deployments/batches.html"
    stage = "deploy"

    def page(self, deployment: Deployment, status: int = 200, **changed: Any) -> HttpResponse:
        """The whole page, with some of its content put in by the caller."""
        offered = versions_to_score(self.project)
        context: dict[str, Any] = {
            "deployment": deployment,
            "champion": champion_of(deployment),
            "page_obj": Paginator(batches_of(deployment), ROWS).get_page(self.request.GET.get("page")),
            "plans": [(plan, words_of(plan)) for plan in plans_for(deployment)[:ROWS]],
            "batch_form": BatchForm(offered=offered, deployment=deployment, auto_id="batch_%s") if offered else None,
            "plan_form": PlanForm(offered=offered, deployment=deployment, auto_id="plan_%s") if offered else None,
            "starters": holders("batch.start"),
        }
        return self.show(status=status, **(context | changed))

    def refused(self, deployment: Deployment, problem: Problem, **changed: Any) -> HttpResponse:
        """The page again, saying why; doors that are shut stay shut."""
        if isinstance(problem, (Denied, Missing)):
            raise problem
        return self.page(deployment, status=problem.status, problem=problem, **changed)


class Batches(BatchPages):
    """The list, and the start of one."""

    action = {"GET": "data.read", "POST": "batch.start"}

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """Show it."""
        return self.page(deployment_for(self.project, name))

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Start one, and go to it."""
        deployment = deployment_for(self.project, name)
        form = BatchForm(
            request.POST, offered=versions_to_score(self.project), deployment=deployment, auto_id="batch_%s"
        )
        if not form.is_valid():
            return self.page(deployment, status=422, batch_form=form)
        dataset, number = form.chosen()
        given = {"key": form.cleaned_data["key"].strip(), "target": form.cleaned_data["target"]}
        try:
            source = version_for(self.project, dataset, number)
            batch, _ = start_batch(deployment, source, **given, by=person(request))
        except Problem as problem:
            return self.refused(deployment, problem, batch_form=form)
        return redirect("batch", self.project.key, name, batch.number)


class BatchPage(ProjectPage):
    """One batch: how it went, what came out, what was refused."""

    action = "data.read"
    template = "deployments/batch.html"
    stage = "deploy"

    def get(self, request: HttpRequest, name: str, number: int) -> HttpResponse:
        """Show it. A waiting page asks again until the batch has ended."""
        deployment = deployment_for(self.project, name)
        batch = batch_for(deployment, number)
        job = latest_of(batch)
        waits = bool(job and job.is_open)
        if getattr(request, "htmx", False) and "open" in request.GET:
            return HttpResponse(status=204) if waits else HttpResponse(headers={"HX-Refresh": "true"})
        rows = scored_rows(batch, self.roles, limit=SHOWN)
        refused = refused_rows(batch, limit=SHOWN)
        return self.show(
            deployment=deployment,
            batch=batch,
            job=job,
            waits=waits,
            names=[(name, _is_number(value)) for name, value in rows[0].items()] if rows else [],
            rows=[[(_short(value), _is_number(value)) for value in row.values()] for row in rows],
            refused=refused,
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(value: Any) -> Any:
    """A cell as people read it; the dataset holds it whole."""
    if isinstance(value, float):
        return round(value, 4)
    return f"{value[:LONGEST]}…" if isinstance(value, str) and len(value) > LONGEST else value


class PlanMake(BatchPages):
    """Make a plan."""

    action = {"POST": "batch.start"}

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Do it."""
        deployment = deployment_for(self.project, name)
        form = PlanForm(request.POST, offered=versions_to_score(self.project), deployment=deployment, auto_id="plan_%s")
        if not form.is_valid():
            return self.page(deployment, status=422, plan_form=form)
        given = dict(form.cleaned_data)
        try:
            dataset = dataset_for(self.project, given.pop("dataset"))
            plan = make_plan(deployment, dataset, **given | {"weekday": int(given["weekday"])}, by=person(request))
        except Problem as problem:
            return self.refused(deployment, problem, plan_form=form)
        messages.success(request, f"{dataset.name} is scored {words_of(plan)}.")
        return redirect("batches", self.project.key, name)


class PlanEnd(BatchPages):
    """End a plan."""

    action = {"POST": "batch.start"}

    def post(self, request: HttpRequest, name: str, number: int) -> HttpResponse:
        """Do it."""
        deployment = deployment_for(self.project, name)
        try:
            end_plan(plan_for(deployment, number), by=person(request))
        except Problem as problem:
            return self.refused(deployment, problem)
        messages.success(request, "It scores nothing more by itself. What it made stays.")
        return redirect("batches", self.project.key, name)
