"""The page of a run that a program logged, and how a notebook logs to the project."""

import math
from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from experiments.comparing import Curve
from experiments.comparing import Line as Compared
from experiments.comparing_charts import curves
from experiments.models.logged import LogRun
from experiments.queries.log_import import FROM
from experiments.queries.log_models import files_of_run, model_page, models_logged_by, newest_models, runs_judging
from experiments.queries.logged import held_by, logged_run, run_of
from experiments.queries.records import series_of, summaries_of
from experiments.records.points import LARGEST
from experiments.tracking.showing import model_root, run_root
from projects.access import ProjectPage
from web.figures import Figure, templates

MOST_POINTS, MOST_CURVES, MOST_FILES, MOST_SETTINGS = 1000, 12, 200, 20
OWN = "mlflow."


class LoggedRun(ProjectPage):
    """One run as it was logged: what it measured, with what, and its files."""

    action = "run.read"
    stage = "train"
    template = "experiments/logged_run.html"

    def get(self, request: HttpRequest, number: int) -> HttpResponse:
        """The page."""
        run = logged_run(self.project, number)
        held = held_by([run])[run.record_id]
        params = list(held.params.items())
        files = run.files.select_related("blob")[: MOST_FILES + 1]
        return self.show(
            run=run,
            record=run.record,
            origin=held.tags.pop(FROM, ""),
            metrics=[(name, step, _said(value)) for name, step, _, value in held.metrics],
            params=params[:MOST_SETTINGS],
            more_params=params[MOST_SETTINGS:],
            tags={name: value for name, value in held.tags.items() if not name.startswith((OWN, "baton.imported."))},
            note=held.tags.get("mlflow.note.content", ""),
            inputs=held.inputs,
            models=models_logged_by(run),
            judgeable=bool(files_of_run(run)),
            judged=runs_judging(run),
            files=[(one, address_of(self.project.key, run_root(run), one.path)) for one in files[:MOST_FILES]],
            more_files=len(files) > MOST_FILES,
            figures=_figures(run),
            chart_templates=templates(),
        )


def address_of(key: str, root: str, path: str) -> str:
    """Where a logged file is read."""
    place = reverse("mlflow-api-2-0-mlflow-artifacts-artifacts-path", args=[key, "x"])
    return f"{place.removesuffix('x')}{root}/{path}"


class LoggedModel(ProjectPage):
    """One logged model: how it is held, its metrics and files, and what became of it."""

    action = "model.read"
    stage = "train"
    template = "experiments/logged_model.html"

    def get(self, request: HttpRequest, model_id: str) -> HttpResponse:
        """The page."""
        kept = model_page(self.project, model_id)
        root, files = model_root(kept.model), kept.model.files.select_related("blob")[: MOST_FILES + 1]
        return self.show(
            kept=kept,
            logged=kept.model,
            metrics=[(one["key"], one.get("dataset_name", ""), _said(one["value"])) for one in kept.model.metrics],
            params=list(kept.model.params.items()),
            origin=kept.model.tags.get(FROM, ""),
            tags={
                name: value for name, value in kept.model.tags.items() if not name.startswith((OWN, "baton.imported."))
            },
            files=[(one, address_of(self.project.key, root, one.path)) for one in files[:MOST_FILES]],
            more_files=len(files) > MOST_FILES,
        )


def _said(value: float) -> str:
    """A number of any size in few characters."""
    if math.isnan(value):
        return "not a number"
    return f"{value:.6g}".replace("-", "−") if abs(value) < LARGEST else "∞" if value > 0 else "−∞"


def _figures(run: LogRun) -> list[Figure]:
    """A curve for each metric with several points, the first dozen of them."""
    record, found = run.record, []
    several = summaries_of([record], several=True)
    for place, (name, by_record) in enumerate(list(several.items())[:MOST_CURVES]):
        points = series_of([record], name, MOST_POINTS).get(record.pk, [])
        curve = Curve(Compared(record.number, {}, {}, focused=True), points, by_record[record.pk])
        if figure := curves([curve], name, 1):
            found.append(replace(figure, id=f"curve-{place}"))
    return found


class FromNotebook(ProjectPage):
    """What to write in a notebook so that its runs land here."""

    action = "run.read"
    stage = "train"
    template = "experiments/from_notebook.html"
    follow = False

    def get(self, request: HttpRequest) -> HttpResponse:
        """The page."""
        address = request.build_absolute_uri(f"/p/{self.project.key}/mlflow")
        models = newest_models(self.project) if self.may("model.read") else []
        context: dict[str, Any] = {
            "origin": address.partition("/p/")[0],
            "token_page": reverse("account"),
            "models": models,
        }
        return self.show(address=address, follow=self.follow, **context)


class Printed(FromNotebook):
    """Where the addresses lead that the client prints when a run ends: to the page of that run or model."""

    follow = True

    def get(self, request: HttpRequest) -> HttpResponse:
        """Go there, or say how to log."""
        if run := request.GET.get("run"):
            number = run_of(self.project, run).record.number
            return redirect("logged-run", self.project.key, number)
        if model := request.GET.get("model"):
            return redirect("logged-model", self.project.key, model_page(self.project, model).model.key)
        return super().get(request)
