"""The portfolio: all projects side by side as a table, a picture and a board, and judging one of them."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from problems.problem import Problem
from projects.forms.requirements import AppraisalForm
from projects.overview import STAGES
from projects.pages.projects import ROWS, person
from projects.pages.whole import WholePage
from projects.portfolio import Appraised, picture
from projects.queries.appraisals import appraisal_of, appraisals_of, newest_appraisals, ranked
from projects.queries.projects import visible_to
from projects.queries.risk import tiers_of
from projects.risk import Tier
from projects.services.appraisals import appraise
from projects.standing import Standing, standings
from web.figures import templates
from web.pages import SIGNED_IN, Page

VIEWS = ("table", "matrix", "board")
# What a picture or a board takes at once; the table pages through all.
MOST = 500
CARDS = 25


class Portfolio(Page):
    """All projects that one may read, with value, risk and feasibility."""

    action = SIGNED_IN
    template = "projects/portfolio.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the chosen view; every choice stands in the address."""
        asked = {name: request.GET.get(name, "").replace("\x00", "")[:100] for name in ("q", "tier", "stage", "sort")}
        least = request.GET.get("value", "")
        found = ranked(
            visible_to(person(request), asked["q"].strip()),
            sort=asked["sort"],
            tier=asked["tier"],
            least_value=int(least) if least in ("1", "2", "3", "4", "5") else 0,
        )
        view = request.GET.get("view") if request.GET.get("view") in VIEWS else "table"
        show = {"table": self.table, "matrix": self.matrix, "board": self.board}[view or "table"]
        shown = show(found, asked["stage"])
        return self.show(
            place="projects",
            view=view,
            asked=asked | {"value": least},
            stages=STAGES.items(),
            tiers=[(tier.value, tier.words) for tier in Tier],
            **{"total": found.count} | shown,  # the template asks, where the view has not
        )

    def table(self, found: Any, stage: str) -> dict[str, Any]:
        """One page of rows. A filter by stage looks at more projects than it shows: stages are worked out, not kept."""
        if stage in STAGES:
            fitting = [row for row in standings(list(found[:MOST])) if _stage_of(row) == stage]
            part = Paginator(fitting, ROWS).get_page(self.request.GET.get("page"))
            return {"page_obj": part, "rows": with_scales(list(part))}
        page = Paginator(found, ROWS).get_page(self.request.GET.get("page"))
        return {"page_obj": page, "rows": with_scales(standings(list(page))), "total": page.paginator.count}

    def matrix(self, found: Any, stage: str) -> dict[str, Any]:
        """The judged projects as bubbles."""
        projects = list(found[:MOST])
        if stage in STAGES:
            projects = [row.project for row in standings(projects) if _stage_of(row) == stage]
        rows = [
            Appraised(project.name, project.value, project.risk, project.feasibility)
            for project in projects
            if project.value
        ]
        shown = {"figure": picture(rows), "chart_templates": templates()} if rows else {}
        return {"unjudged": len(projects) - len(rows), "most": MOST, **shown}

    def board(self, found: Any, stage: str) -> dict[str, Any]:
        """A column for each stage; a project stands where its first stage is that is not done."""
        columns: dict[str, list[Standing]] = {name: [] for name in STAGES}
        for row in standings(list(found[:MOST])):
            columns[_stage_of(row)].append(row)
        wanted = {stage: columns[stage]} if stage in STAGES else columns
        return {
            "columns": [(STAGES[name], len(rows), with_scales(rows[:CARDS]), name) for name, rows in wanted.items()],
            "cards": CARDS,
        }


def _stage_of(row: Standing) -> str:
    """Where a project stands; one whose stages are all done is being watched and improved."""
    return row.at.stage if row.at else list(STAGES)[-1]


def with_scales(rows: list[Standing]) -> list[dict[str, Any]]:
    """Each standing with its newest judgement and its risk tier, in a fixed number of queries."""
    projects = [row.project for row in rows]
    judged, tiers = newest_appraisals(projects), tiers_of(projects)
    return [
        {"row": row, "project": row.project, "judged": judged.get(row.project.pk), "tier": tiers.get(row.project.pk)}
        for row in rows
    ]


class Appraise(WholePage):
    """Value, risk and feasibility of one project."""

    action = {"GET": "project.read", "POST": "project.appraise"}
    template = "projects/define/appraise.html"
    stage = "define"

    def content(self) -> dict[str, Any]:
        latest = appraisal_of(self.project)
        initial = {name: getattr(latest, name) for name in ("value", "risk", "feasibility")} if latest else {}
        history = Paginator(appraisals_of(self.project), ROWS).get_page(self.request.GET.get("page"))
        return {"latest": latest, "form": AppraisalForm(initial=initial), "page_obj": history}

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the newest judgement and earlier ones."""
        return self.page()

    def post(self, request: HttpRequest) -> HttpResponse:
        """Judge anew."""
        form = AppraisalForm(request.POST)
        if not form.is_valid():
            return self.page(status=422, form=form)
        try:
            appraise(self.project, **form.cleaned_data, by=person(request))
        except Problem as problem:
            return self.refused(problem, form=form)
        messages.success(request, "Judged. The portfolio shows it.")
        return redirect("appraise", self.project.key)
