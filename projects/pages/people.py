"""Stakeholders and process: who is touched, and the work as it is and as it is to be."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from problems.problem import Problem
from projects.access import ProjectPage
from projects.forms.requirements import ProcessForm, StakeholderForm
from projects.models.people import Process
from projects.pages.charter import clash
from projects.pages.projects import ROWS, person
from projects.pages.whole import WholePage
from projects.queries.people import process_of, stakeholder_for, stakeholders_of, steps_of
from projects.services.people import add_stakeholder, change_stakeholder, remove_stakeholder, write_process


class PeoplePage(WholePage):
    """What the addresses of this page share."""

    template = "projects/define/people.html"
    stage = "define"

    def content(self) -> dict[str, Any]:
        process, steps = process_of(self.project), {}
        for name in ("as_is", "to_be"):
            steps[name] = "\n".join(getattr(process, name))
        initial = steps_of(process) | steps | {"version": process.version}
        return {
            "page_obj": Paginator(stakeholders_of(self.project), ROWS).get_page(self.request.GET.get("page")),
            "form": StakeholderForm(),
            "process": process,
            "maps": maps(process),
            "process_form": ProcessForm(initial=initial, locked=not self.may("people.change"), auto_id="process_%s"),
        }


def maps(process: Process) -> list[tuple[str, list[tuple[str, bool]]]]:
    """Both lists of steps, each step with whether the model changes it."""
    return [
        (title, [(step, number == mark) for number, step in enumerate(steps, 1)])
        for title, steps, mark in (
            ("As it is", process.as_is, process.as_is_changed),
            ("As it is to be", process.to_be, process.to_be_changed),
        )
    ]


class People(PeoplePage):
    """The page, and naming a further stakeholder."""

    action = {"GET": "project.read", "POST": "people.change"}

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show it."""
        return self.page()

    def post(self, request: HttpRequest) -> HttpResponse:
        """Put somebody into the register."""
        form = StakeholderForm(request.POST)
        if not form.is_valid():
            return self.page(status=422, form=form)
        try:
            add_stakeholder(self.project, values=form.cleaned_data, by=person(request))
        except Problem as problem:
            return self.refused(problem, form=form)
        return redirect("people-touched", self.project.key)


class StakeholderChange(WholePage):
    """One entry of the register: other words for it, or take it out."""

    action = {"GET": "people.change", "POST": "people.change"}
    template = "projects/define/stakeholder.html"
    stage = "define"

    def get(self, request: HttpRequest, stakeholder_id: UUID) -> HttpResponse:
        """Show the form."""
        found = stakeholder_for(self.project, stakeholder_id)
        initial = {name: getattr(found, name) for name in StakeholderForm.base_fields}
        return self.page(stakeholder=found, form=StakeholderForm(initial=initial))

    def post(self, request: HttpRequest, stakeholder_id: UUID) -> HttpResponse:
        """Save it."""
        found = stakeholder_for(self.project, stakeholder_id)
        form = StakeholderForm(request.POST)
        if not form.is_valid():
            return self.page(status=422, stakeholder=found, form=form)
        try:
            change_stakeholder(found, values=form.cleaned_data, by=person(request))
        except Problem as problem:
            return self.refused(problem, stakeholder=found, form=form)
        return redirect("people-touched", self.project.key)


class StakeholderRemove(ProjectPage):
    """Take an entry out."""

    action = {"POST": "people.change"}

    def post(self, request: HttpRequest, stakeholder_id: UUID) -> HttpResponse:
        """Do it."""
        remove_stakeholder(stakeholder_for(self.project, stakeholder_id), by=person(request))
        return redirect("people-touched", self.project.key)


class ProcessWrite(PeoplePage):
    """Write the process down."""

    action = {"POST": "people.change"}

    def post(self, request: HttpRequest) -> HttpResponse:
        """Save it, or show both when somebody saved meanwhile."""
        form = ProcessForm(request.POST, auto_id="process_%s")
        if not form.is_valid():
            return self.page(status=422, process_form=form)
        try:
            write_process(self.project, **form.values(), by=person(request))
        except Problem as problem:
            newer = ProcessForm(clash(request.POST, problem), auto_id="process_%s")
            return self.refused(problem, process_form=newer)
        messages.success(request, "The process is saved.")
        return redirect("people-touched", self.project.key)
