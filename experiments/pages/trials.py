"""The page of a search: its trials, the best so far, which settings mattered, and how far its score can be believed."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from experiments import tried
from experiments.estimators.catalog import FAMILIES, name_of
from experiments.models.runs import Run
from experiments.models.searches import Trial
from experiments.queries.runs import hide_values, run_for
from experiments.searching.charts import best_so_far, mattered
from experiments.searching.plans import OUTER_FOLDS, SEARCHES
from experiments.searching.words import believed
from experiments.services.tunings import stop_search
from projects.access import ProjectPage
from projects.measures import MEASURES
from projects.pages.projects import person
from web.figures import templates

PER_PAGE = 50


def labels_of(method: str) -> dict[str, str]:
    """The settings of a method in words."""
    return {setting.name: setting.label for setting in FAMILIES[method].settings} if method in FAMILIES else {}


def said(value: Any) -> str:
    """A setting as tables show it: four digits say enough."""
    return "none" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def search_context(run: Run) -> dict[str, Any]:
    """How the search of a run stands, in words; nothing where it has none."""
    standing = tried.standing_of(run)
    if standing is None:
        return {}
    plan, labels = standing.plan, labels_of(standing.plan["method"])
    best = standing.best
    return {
        "search": standing,
        "searched": name_of(plan["method"]),
        "how": SEARCHES[plan["search"]],
        "metric": MEASURES[standing.tuning.metric],
        "best_settings": [(labels.get(name, name), said(best.settings.get(name))) for name in plan["space"]]
        if best
        else [],
        "believed": believed(tried.summary_of(run), run.metrics),
        "nested": (len(standing.tuning.nested), OUTER_FOLDS) if plan["nested"] else None,
        "searching": run.state == Run.State.WAITING and standing.tuning.ended_at is None,
    }


class Trials(ProjectPage):
    """The trials of a run's search."""

    action = "run.read"
    stage = "train"
    template = "experiments/trials.html"

    def get(self, request: HttpRequest, number: int) -> HttpResponse:
        """One page of the list, sorted and filtered by the address; for htmx the live part only."""
        run = hide_values(run_for(self.project, number), self.roles)
        tuning = tried.tuning_for(run)
        context = search_context(run)
        state, sort = request.GET.get("state", ""), request.GET.get("sort", "number")
        page = Paginator(tried.trials_of(run, sort=sort, state=state), PER_PAGE).get_page(request.GET.get("page"))
        plan = run.spec["tuning"]
        labels, drawn = labels_of(plan["method"]), tried.drawn(run)
        searched = [(name, labels.get(name, name)) for name in plan["space"]]
        figures = [best_so_far(drawn, tuning.metric), mattered(drawn, dict(searched))]
        return self.show(
            run=run,
            page_obj=page,
            rows=[
                (one, [said(one.settings[name]) if name in one.settings else "–" for name, _ in searched])
                for one in page.object_list
            ],
            columns=[label for _, label in searched],
            states=Trial.State.choices,
            state=state,
            sort=sort,
            figures=[figure for figure in figures if figure],
            chart_templates=templates(),
            **context,
        )


class StopSearch(ProjectPage):
    """Try nothing further, and train with the best so far."""

    action = {"POST": "run.start"}

    def post(self, request: HttpRequest, number: int) -> HttpResponse:
        """Stop it and show the run."""
        run = run_for(self.project, number)
        stop_search(run, by=person(request))
        messages.success(request, "Nothing further is tried. The best so far is trained on all rows to learn from.")
        return redirect("run", self.project.key, run.number)
