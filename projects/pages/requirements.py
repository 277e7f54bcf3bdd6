"""Requirements: the list and its matrix, and one requirement with what answers it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from problems.problem import Invalid, Problem
from projects.access import ProjectPage
from projects.forms.requirements import LinkForm, RequirementForm
from projects.models.requirements import Requirement
from projects.pages.charter import clash
from projects.pages.projects import ROWS, person
from projects.pages.whole import WholePage
from projects.queries.requirements import link_for, matrix, requirement_for, requirements_of, values_of
from projects.services.requirements import add_requirement, change_requirement, link_requirement, unlink_requirement
from projects.things import kinds_of_things, offered


class Requirements(WholePage):
    """All requirements, as a list or as a matrix with what answers them, and a form for a further one."""

    action = {"GET": "project.read", "POST": "requirement.change"}
    template = "projects/define/requirements.html"
    stage = "define"

    def content(self) -> dict[str, Any]:
        asked = {name: self.request.GET.get(name, "").replace("\x00", "")[:100] for name in ("state", "priority", "q")}
        found = requirements_of(
            self.project, state=asked["state"], priority=asked["priority"], search=asked["q"].strip()
        )
        page = Paginator(found, ROWS).get_page(self.request.GET.get("page"))
        types = kinds_of_things()
        return {
            "asked": asked,
            "as_matrix": self.request.GET.get("view") == "matrix",
            "page_obj": page,
            "rows": matrix(list(page), types),
            "types": types,
            "states": Requirement.State.choices,
            "priorities": Requirement.Priority.choices,
            "form": RequirementForm(new=True),
        }

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one page of them."""
        return self.page()

    def post(self, request: HttpRequest) -> HttpResponse:
        """Write a further one."""
        form = RequirementForm(request.POST, new=True)
        if not form.is_valid():
            return self.page(status=422, form=form)
        try:
            made = add_requirement(self.project, values=form.values(), by=person(request))
        except Problem as problem:
            return self.refused(problem, form=form)
        return redirect("requirement", self.project.key, made.number)


class RequirementPage(WholePage):
    """What all addresses of one requirement share."""

    template = "projects/define/requirement.html"
    stage = "define"
    requirement: Requirement

    def content(self) -> dict[str, Any]:
        requirement = self.requirement
        linked = {(link.subject_type, link.subject_id) for link in requirement.links.all()}
        initial = values_of(requirement) | {"version": requirement.version}
        return {
            "requirement": requirement,
            "form": RequirementForm(initial=initial, locked=not self.may("requirement.change")),
            "offers": [
                (kind, [found for found in offered(self.project, kind) if (kind, found.id) not in linked])
                for kind in (kinds_of_things() if self.may("requirement.link") else ())
            ],
        }


class RequirementDetail(RequirementPage):
    """The page, and changing it."""

    action = {"GET": "project.read", "POST": "requirement.change"}

    def get(self, request: HttpRequest, number: int) -> HttpResponse:
        """Show it."""
        self.requirement = requirement_for(self.project, number)
        return self.page()

    def post(self, request: HttpRequest, number: int) -> HttpResponse:
        """Save it, or show both when somebody saved meanwhile."""
        self.requirement = requirement_for(self.project, number)
        form = RequirementForm(request.POST)
        if not form.is_valid():
            return self.page(status=422, form=form)
        try:
            version = form.cleaned_data["version"] or 0
            change_requirement(self.requirement, version=version, values=form.values(), by=person(request))
        except Problem as problem:
            theirs = problem.facts.get("theirs", {})
            return self.refused(problem, form=RequirementForm(clash(request.POST, problem)), theirs=theirs.items())
        messages.success(request, f"R{number} is saved.")
        return redirect("requirement", self.project.key, number)


class RequirementLink(RequirementPage):
    """Link an object of this project."""

    action = {"POST": "requirement.link"}

    def post(self, request: HttpRequest, number: int) -> HttpResponse:
        """Do it."""
        self.requirement = requirement_for(self.project, number)
        form = LinkForm(request.POST)
        if not form.is_valid():
            return self.refused(Invalid("Choose what answers it."))
        kind, id = form.named()
        try:
            link_requirement(self.requirement, type=kind, id=id, by=person(request))
        except Problem as problem:
            return self.refused(problem)
        return redirect("requirement", self.project.key, number)


class RequirementUnlink(ProjectPage):
    """Take a link away."""

    action = {"POST": "requirement.link"}

    def post(self, request: HttpRequest, number: int, link_id: UUID) -> HttpResponse:
        """Do it."""
        unlink_requirement(link_for(requirement_for(self.project, number), link_id), by=person(request))
        return redirect("requirement", self.project.key, number)
