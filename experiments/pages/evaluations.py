"""Pages of an evaluation: starting one, the technical page, and the same in plain words."""

from functools import cached_property
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from datasets.queries.versions import published_versions, version_for
from experiments import judging_charts as charts
from experiments import judging_words as words
from experiments.forms.runs import EvaluationForm
from experiments.models.evaluations import Evaluation
from experiments.models.runs import Run
from experiments.pages.listing import Bar, bar_of, verdict_bars
from experiments.queries.evaluations import evaluation_for, last_attributes, protected_columns, seen_evaluations
from experiments.queries.runs import named, run_for
from experiments.services.evaluations import start_evaluation
from jobs.queries import latest_of
from problems.problem import Missing
from projects.access import ProjectPage
from projects.measures import Measure, for_kind
from projects.pages.projects import person
from web.figures import Figure, templates
from web.pages import FormPage


class EvaluationNew(ProjectPage, FormPage):
    """Judge a run's model once more, on its locked rows or on another version."""

    action = "evaluation.start"
    stage = "evaluate"
    template = "experiments/evaluation_new.html"

    @cached_property
    def run(self) -> Run:
        """The run that the address names."""
        run = run_for(self.project, self.kwargs["number"])
        if run.state != Run.State.FINISHED:
            raise Missing(f"Run {run.number} has no model to judge.")
        return run

    def make_form(self, data: Any = None, files: Any = None) -> EvaluationForm:
        """The versions that may fit, and all columns of the run's own."""
        own = named(self.run.data)
        others = [named(one) for one in published_versions(self.project) if one.pk != self.run.data_id]
        versions = [(own, f"{own}, the locked test rows"), *((name, name) for name in others)]
        columns = [entry["name"] for entry in self.run.data.schema if entry["name"] != self.run.spec["target"]]
        initial = {"rows": own, "attributes": last_attributes(self.project) or protected_columns(self.project)}
        return EvaluationForm(data, versions=versions, columns=columns, initial=initial)

    def context(self, form: Any) -> dict[str, Any]:
        """The run."""
        return {"run": self.run}

    def act(self, form: Any) -> str:
        """Start it."""
        dataset, _, number = form.cleaned_data["rows"].rpartition("/v")
        version = version_for(self.project, dataset, int(number))
        names = form.cleaned_data["attributes"]
        evaluation, _ = start_evaluation(self.run, data=version, attributes=names, by=person(self.request))
        return reverse("evaluation", args=[self.project.key, self.run.number, evaluation.number])


class EvaluationPage(ProjectPage):
    """The technical page: live while it is made, then everything that was found."""

    action = "run.read"
    stage = "evaluate"
    template = "experiments/evaluation.html"

    def get(self, request: HttpRequest, number: int, evaluation: int) -> HttpResponse:
        """The page; `?row=` chooses the row whose reasons are drawn."""
        found = evaluation_for(self.project, number, evaluation)
        seen_evaluations([found], self.roles)
        context: dict[str, Any] = {"evaluation": found, "run": found.run, "job": latest_of(found)}
        if found.state == Evaluation.State.FINISHED:
            context |= {"said": told(found)} | self.more(found)
        return self.show(**context)

    def more(self, found: Evaluation) -> dict[str, Any]:
        """Figures and tables."""
        return drawn(found, self.request.GET.get("row", "")) | {"chart_templates": templates()}


class EvaluationPlain(EvaluationPage):
    """The same for those who decide, in plain words, to be printed."""

    template = "experiments/evaluation_plain.html"

    def more(self, found: Evaluation) -> dict[str, Any]:
        """The verdicts only."""
        return {"verdict_rows": verdict_bars(found.verdicts)}


def told(evaluation: Evaluation) -> dict[str, Any]:
    """Every part in a sentence."""
    found, unit = evaluation.found, evaluation.found["unit"]
    return {
        "rows": words.rows(found["rows"], str(evaluation.data)),
        "fairness": words.fairness(found["fairness"]),
        "four_fifths": [words.four_fifths(one) for one in found["fairness"].get("attributes", [])],
        "calibration": words.calibration(found["calibration"])[0],
        "slices": words.slices(found["slices"], unit),
        "stress": [
            (words.STRESS[test["kind"]][0], words.stress(found["stress"], test, unit))
            for test in found["stress"].get("tests", [])
            if test["points"]
        ],
        "windows": words.windows(found["windows"]) if "alike" in found["windows"] else found["windows"]["reason"],
        "seeds": words.seeds(found["relearned"], unit),
        "folds": words.folds(found["relearned"], unit),
        "rival": found["rival"].get("sentence") or found["rival"]["reason"],
        "speed": words.speed(found["speed"]),
    }


def drawn(evaluation: Evaluation, row: str) -> dict[str, Any]:
    """Figures with their tables, metrics, slices, and the row that was chosen."""
    found, unit = evaluation.found, evaluation.found["unit"]
    examples = found["examples"] if isinstance(found["examples"], list) else []
    chosen = next((one for one in examples if str(one["row"]) == row), examples[0] if examples else None)
    dependence = found["dependence"] if isinstance(found["dependence"], list) else []
    figures: list[Figure | None] = [
        charts.calibrated(found["calibration"]),
        charts.windows(found["windows"], found["metric"], unit),
    ]
    return {
        "metric_rows": _metric_rows(evaluation),
        "verdict_rows": verdict_bars(evaluation.verdicts),
        "attributes": [(one, charts.group_figures(one, unit)) for one in found["fairness"].get("attributes", [])],
        "slice_rows": [_slice_row(found["slices"], one, unit) for one in found["slices"].get("slices", [])],
        "stress_figures": charts.stress_figures(found["stress"], unit),
        "figures": [figure for figure in figures if figure],
        "dependence_figures": charts.dependence_figures(dependence, found["kind"], unit),
        "examples": examples,
        "chosen": chosen,
        "reasons": charts.reasons(chosen, found["kind"], unit) if chosen else None,
        "found": found,
    }


def _metric_rows(evaluation: Evaluation) -> list[tuple[Measure, Bar | None, str]]:
    metrics = evaluation.found["metrics"]
    measures = for_kind(evaluation.found["kind"])
    return [
        (one, bar_of(metrics, one.key, evaluation.verdicts), metrics.get(one.key, {}).get("reason", ""))
        for one in measures
    ]


def _slice_row(part: dict[str, Any], one: dict[str, Any], unit: str) -> dict[str, Any]:
    said = {end: words.slice_said(part, one[end], unit) for end in ("value", "low", "high", "rest")}
    return said | {"where": words.where(one), "rows": one["rows"]}
