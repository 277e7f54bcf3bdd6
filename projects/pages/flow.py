"""Stages with their rules and days, and rounds with what they reached."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from problems.problem import Invalid
from projects.access import ProjectPage
from projects.charts.flow import better_each_round
from projects.forms.flow import AnswerForm, DueForm, RoundForm
from projects.models.projects import Project
from projects.overview import Result, Stop, rail
from projects.pages.projects import person, target_rows
from projects.permissions import Role
from projects.queries.define import charter_of
from projects.queries.flow import answers_of, begun_of, rounds_of
from projects.services.flow import answer_stage, open_next_round, reached, set_due
from web.figures import templates
from web.pages import FormPage

ROWS = 50


class Stages(ProjectPage):
    """The eight stages: what must hold for each, when it is due, and what opened it again."""

    action = "project.read"
    template = "projects/stages.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show it."""
        said = Paginator(answers_of(self.project), ROWS).get_page(request.GET.get("page"))
        return self.show(lines=[self.line(stop) for stop in rail(self.project)], said=said, page_obj=said)

    def line(self, stop: Stop) -> dict[str, Any]:
        """One stage, with what this person may do about it."""
        mine = {Role.OWNER, *stop.owners} & self.roles
        return {
            "stop": stop,
            "may_plan": bool(mine or (stop.holder in self.roles)),
            "may_answer": bool(mine),
            "answerable": bool(stop.reasons),
        }


class StageDay(ProjectPage):
    """Set or take back the day of a stage."""

    action = {"POST": "stage.plan"}

    def post(self, request: HttpRequest) -> HttpResponse:
        """Do it."""
        form = DueForm(request.POST)
        if not form.is_valid():
            raise Invalid("Give a day, for example 2027-03-01.")
        set_due(self.project, **form.cleaned_data, by=person(request))
        messages.success(request, "Saved.")
        return redirect("stages", self.project.key)


class StageWord(ProjectPage):
    """Still fine, or redo."""

    action = {"POST": "stage.answer"}

    def post(self, request: HttpRequest) -> HttpResponse:
        """Do it."""
        form = AnswerForm(request.POST)
        if not form.is_valid():
            raise Invalid("Say “still fine” or “redo”, with a note of up to 4 000 characters.")
        answer = answer_stage(self.project, **form.cleaned_data, by=person(request))
        messages.success(request, f"Noted: {answer.get_choice_display().lower()}.")
        return redirect("stages", self.project.key)


class Rounds(ProjectPage, FormPage):
    """What this round reached, the rounds before, and the button for the next."""

    action = {"GET": "project.read", "POST": "round.open"}
    template = "projects/rounds.html"

    def make_form(self, data: Any = None, files: Any = None) -> RoundForm:
        return RoundForm(data, initial={"seen": self.project.round})

    def act(self, form: RoundForm) -> str:
        closed = open_next_round(self.project, **form.cleaned_data, by=person(self.request))
        messages.success(self.request, f"Round {closed.number + 1} is open. Look at what is still fine.")
        return reverse("stages", args=[self.project.key])

    def context(self, form: Any) -> dict[str, Any]:
        project, who = self.project, charter_of(self.project).positive_word
        page = Paginator(rounds_of(project), ROWS).get_page(self.request.GET.get("page"))
        now = reached(project, rail(project))
        known = [(each.number, each.reached) for each in page] + [(project.round, now)]
        drawn = [(number, found.get("rows", [])) for number, found in known if found.get("fresh", True)]
        return {
            "now": now,
            "rows": _targets(project, now["rows"], who),
            "begun": begun_of(project),
            "page_obj": page,
            "finished": [
                {"round": each, "rows": _targets(project, each.reached.get("rows", []), who)} for each in page
            ],
            "figure": better_each_round(drawn),
            "chart_templates": templates(),
        }


def _targets(project: Project, rows: list[dict[str, Any]], who: str) -> list[dict[str, Any]]:
    """Kept verdict rows in the numbers that people read."""
    return target_rows(project, Result("", "", rows), [], who)
