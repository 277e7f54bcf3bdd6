"""Asking a run's model about one row, and the answer with its reasons."""

from functools import cached_property
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from datasets.queries.seen import hidden_of
from experiments import judging_charts as charts
from experiments.forms.asking import AskForm
from experiments.models.runs import Run
from experiments.queries.runs import hide_values, run_for
from experiments.services.asking import KIND, ask_model, refuse_unaskable
from problems.problem import Invalid, Missing
from projects.access import ProjectPage
from projects.pages.projects import person
from projects.queries.work import job_for
from projects.results import shown_result
from web.figures import templates
from web.pages import FormPage


class Ask(ProjectPage, FormPage):
    """The row's form."""

    action = "run.ask"
    stage = "train"
    template = "experiments/ask.html"

    @cached_property
    def run(self) -> Run:
        """The run that the address names."""
        run = run_for(self.project, self.kwargs["number"])
        refuse_unaskable(run)
        return run

    def make_form(self, data: Any = None, files: Any = None) -> AskForm:
        """The model's inputs, with what the reader may see of them."""
        closed = hidden_of(self.run.data.dataset, self.roles)
        seen = hide_values(run_for(self.project, self.run.number), self.roles)
        return AskForm(data, inputs=seen.evaluation["signature"]["inputs"], closed=closed)

    def context(self, form: Any) -> dict[str, Any]:
        """The run."""
        return {"run": self.run}

    def act(self, form: AskForm) -> str:
        """Ask."""
        try:
            job = ask_model(self.run, row=form.row(), by=person(self.request))
        except Invalid as problem:
            places = {field["name"]: f"v{place}" for place, field in enumerate(form.inputs)}
            fields = {places[name]: text for name, text in problem.fields.items() if name in places}
            raise Invalid(problem.text, fields=fields) from problem
        return reverse("run-answer", args=[self.project.key, self.run.number, job.pk])


class Answered(ProjectPage):
    """The answer to one row: live while it is made, then with its reasons."""

    action = "run.read"
    stage = "train"
    template = "experiments/answered.html"

    def get(self, request: HttpRequest, number: int, job_id: UUID) -> HttpResponse:
        """The page."""
        run, job = run_for(self.project, number), job_for(self.project, job_id)
        if job.kind != KIND or job.payload.get("run") != str(run.pk):
            raise Missing(f"Run {number} was not asked this.")
        if getattr(request, "htmx", False) and "open" in request.GET:
            return HttpResponse(status=204) if job.is_open else HttpResponse(headers={"HX-Refresh": "true"})
        found = shown_result(job, self.roles) if job.result else None
        figure = charts.reasons(found, found["kind"], found["unit"]) if found else None
        return self.show(run=run, job=job, found=found, figure=figure, chart_templates=templates() if found else {})
