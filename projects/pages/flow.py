"""Stages with their rules and days, and rounds with what they reached."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.dateparse import parse_datetime

from problems.problem import Invalid, Missing
from projects.access import ProjectPage
from projects.charts.flow import better_each_round
from projects.forms.flow import AnswerForm, DueForm, RoundForm
from projects.models.projects import Project
from projects.overview import Result, Stop, rail
from projects.pages.projects import person, target_rows
from projects.permissions import Role
from projects.queries.define import charter_of
from projects.queries.flow import answers_of, begun_of, rounds_of
from projects.results import Words, words
from projects.reviewing import PARTS, fingerprint, spoken
from projects.services.flow import answer_stage, set_due
from projects.services.rounds import open_next_round, reached, review_of
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
    """What this round reached, its review to be signed, and the rounds before."""

    action = {"GET": "project.read", "POST": "round.sign"}
    template = "projects/rounds.html"

    @cached_property
    def now(self) -> dict[str, Any]:
        """What the round that runs has reached."""
        return reached(self.project, self.stops)

    @cached_property
    def review(self) -> dict[str, Any]:
        """Its review, as far as it has written itself."""
        return review_of(self.project, begun_of(self.project), self.now)

    def make_form(self, data: Any = None, files: Any = None) -> RoundForm:
        return RoundForm(data, initial={"seen": self.project.round, "review": fingerprint(self.review)})

    def act(self, form: RoundForm) -> str:
        closed = open_next_round(self.project, **form.cleaned_data, by=person(self.request))
        text = f"The review is signed, and round {closed.number + 1} is open. Look at what is still fine."
        messages.success(self.request, text)
        return reverse("stages", args=[self.project.key])

    def context(self, form: Any) -> dict[str, Any]:
        project, who = self.project, charter_of(self.project).positive_word
        page = Paginator(rounds_of(project), ROWS).get_page(self.request.GET.get("page"))
        now = self.now
        known = [(each.number, each.reached) for each in page] + [(project.round, now)]
        drawn = [(number, found.get("rows", [])) for number, found in known if found.get("fresh", True)]
        return {
            "now": now,
            "review": shown_review(self.review, words(self.project.key, self.roles)),
            "rows": _targets(project, now["rows"], who),
            "begun": begun_of(project),
            "page_obj": page,
            "finished": [
                {"round": each, "rows": _targets(project, each.reached.get("rows", []), who)} for each in page
            ],
            "figure": better_each_round(drawn),
            "chart_templates": templates(),
        }


class RoundReview(ProjectPage):
    """The review of one round, as it was signed or as it stands now: to read and to print."""

    action = "project.read"
    template = "projects/round.html"

    def get(self, request: HttpRequest, number: int) -> HttpResponse:
        """Show it."""
        project, said = self.project, words(self.project.key, self.roles)
        who = charter_of(project).positive_word
        if number == project.round:
            begun = begun_of(project)
            now = reached(project, self.stops)
            review = review_of(project, begun, now)
            return self.show(
                number=number,
                begun=begun.at,
                now=now,
                rows=_targets(project, now["rows"], who),
                review=shown_review(review, said),
            )
        closed = rounds_of(project).filter(number=number).first()
        if closed is None:
            raise Missing(f"There is no round {number} in this project.")
        rows = _targets(project, closed.reached.get("rows", []), who)
        return self.show(
            number=number,
            begun=closed.opened_at,
            closed=closed,
            now=closed.reached,
            rows=rows,
            review=shown_review(closed.review, said),
        )


def shown_review(kept: Mapping[str, Any], said: Words) -> dict[str, Any]:
    """A review for the template: its parts with their titles, and moments that can be formatted."""
    review = spoken(kept, said.text)
    parts = [
        (title, [line | {"at": parse_datetime(line["at"])} for line in part["lines"]], part["older"])
        for name, title in PARTS.items()
        if (part := review.get("parts", {}).get(name))
    ]
    return {"finding": review.get("finding", ""), "parts": parts}


def _targets(project: Project, rows: list[dict[str, Any]], who: str) -> list[dict[str, Any]]:
    """Kept verdict rows in the numbers that people read."""
    return target_rows(project, Result("", "", rows), [], who)
