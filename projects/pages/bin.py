"""The bin of a project, deleted projects, and archiving."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import filesizeformat
from django.urls import reverse

from problems.problem import Invalid, Problem
from projects.access import ProjectPage
from projects.discarding import kind_of, needed_by
from projects.forms.bin import ArchiveForm, DiscardForm, NameForm
from projects.models.bin import Binned
from projects.pages.projects import person
from projects.permissions import allows
from projects.queries.bin import bin_of, binned_for, binned_project_for, binned_projects
from projects.queries.rights import refusal
from projects.services.archive import archive, unarchive
from projects.services.bin import DAYS, delete_now, discard, restore
from web.pages import SIGNED_IN, FormPage, Page

ROWS = 50


class Bin(ProjectPage):
    """What lies in the project's bin."""

    action = "project.read"
    template = "projects/bin.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one page of it."""
        page = Paginator(bin_of(self.project), ROWS).get_page(request.GET.get("page"))
        return self.show(page_obj=page, days=DAYS)


class BinPut(ProjectPage):
    """Put one thing into the bin: first what it is and what needs it, then the button."""

    action = "bin.use"
    template = "projects/bin_put.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Ask."""
        return self.page(request.GET)

    def page(self, given: Any, status: int = 200, problem: Problem | None = None) -> HttpResponse:
        """The question, with everything that keeps the thing."""
        sort, thing, words = self.chosen(given)
        needs = needed_by(sort.word, thing)
        context = {"sort": sort, "thing": thing, "subject": words, "needs": needs, "days": DAYS, "problem": problem}
        return self.show(status=status, **context)

    def chosen(self, given: Any) -> Any:
        """The thing, fetched through this project, if this person may delete its kind."""
        form = DiscardForm(given)
        if not form.is_valid():
            raise Invalid("Say what is to be deleted.")
        sort = kind_of(form.cleaned_data["kind"])
        if not allows(self.roles, sort.action):
            raise refusal(self.project, sort.action)
        return sort, sort.find(self.project, form.cleaned_data["subject"]), form.cleaned_data["subject"]

    def post(self, request: HttpRequest) -> HttpResponse:
        """Do it."""
        sort, thing, _ = self.chosen(request.POST)
        try:
            binned = discard(self.project, sort.word, thing, by=person(request))
        except Problem as problem:
            if problem.status != 409:
                raise
            return self.page(request.POST, status=409, problem=problem)
        messages.success(request, f"{binned.name} is in the bin for {DAYS} days.")
        return redirect("bin", self.project.key)


class BinRestore(ProjectPage):
    """Take something out again."""

    action = {"POST": "bin.use"}

    def post(self, request: HttpRequest, binned_id: UUID) -> HttpResponse:
        """Do it."""
        binned = binned_for(self.project, binned_id)
        sort = kind_of(binned.kind)
        if not allows(self.roles, sort.action):
            raise refusal(self.project, sort.action)
        restore(binned, by=person(request))
        messages.success(request, f"{binned.name} is back.")
        return redirect("bin", self.project.key)


class BinDelete(ProjectPage, FormPage):
    """Delete for good, without waiting."""

    action = "project.delete"
    template = "projects/bin_delete.html"

    def make_form(self, data: Any = None, files: Any = None) -> NameForm:
        self.binned: Binned = binned_for(self.project, self.kwargs["binned_id"])
        return NameForm(data)

    def act(self, form: NameForm) -> str:
        freed = delete_now(self.binned, **form.cleaned_data, by=person(self.request))
        messages.success(self.request, f"{self.binned.name} is gone. {filesizeformat(freed)} were freed.")
        return reverse("bin", args=[self.project.key])

    def context(self, form: Any) -> dict[str, Any]:
        return {"binned": self.binned, "back": reverse("bin", args=[self.project.key])}


class ProjectRest(ProjectPage):
    """Archive the project, open it again, or put it into the bin: what each means, and what keeps it."""

    action = {"GET": "project.archive", "POST": "project.archive"}
    template = "projects/rest.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show it."""
        return self.page()

    def page(self, status: int = 200, problem: Problem | None = None) -> HttpResponse:
        """All three, with what keeps them."""
        found = {word: needed_by(word, self.project) for word in ("archive", "rest", "project")}
        return self.show(status=status, problem=problem, days=DAYS, needs=found)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Archive it or open it again."""
        form = ArchiveForm(request.POST)
        if not form.is_valid():
            raise Invalid("Say whether to archive the project or to open it again.")
        try:
            if form.cleaned_data["do"] == "archive":
                archive(self.project, even_live=form.cleaned_data["even_live"], by=person(request))
                messages.success(request, "The project is archived. It can only be read now.")
            else:
                unarchive(self.project, by=person(request))
                messages.success(request, "The project is open again.")
        except Problem as problem:
            return self.page(status=problem.status, problem=problem)
        return redirect("project", self.project.key)


class ProjectDelete(ProjectPage):
    """Put the whole project into the bin."""

    action = {"POST": "project.delete"}
    template = "projects/rest.html"

    def post(self, request: HttpRequest) -> HttpResponse:
        """Do it; the name is typed."""
        if request.POST.get("name", "").strip() != self.project.name:
            raise Invalid(f"Type {self.project.name} to delete the project.")
        binned = discard(self.project, "project", self.project, by=person(request))
        messages.success(request, f"{binned.name} is in the bin for {DAYS} days.")
        return redirect("deleted-projects")


class DeletedProjects(Page):
    """The deleted projects that one owns."""

    action = SIGNED_IN
    template = "projects/deleted.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show them."""
        page = Paginator(binned_projects(person(request)), ROWS).get_page(request.GET.get("page"))
        return self.show(place="projects", page_obj=page, days=DAYS)


class DeletedProjectRestore(Page):
    """Take a project out of the bin."""

    action = {"POST": SIGNED_IN}

    def post(self, request: HttpRequest, binned_id: UUID) -> HttpResponse:
        """Do it."""
        binned = binned_project_for(person(request), binned_id)
        restore(binned, by=person(request))
        messages.success(request, f"{binned.name} is back.")
        return redirect("project", binned.project_key)


class DeletedProjectDelete(FormPage):
    """Delete a project for good."""

    action = SIGNED_IN
    template = "projects/deleted_delete.html"

    def make_form(self, data: Any = None, files: Any = None) -> NameForm:
        self.binned: Binned = binned_project_for(person(self.request), self.kwargs["binned_id"])
        return NameForm(data)

    def act(self, form: NameForm) -> str:
        freed = delete_now(self.binned, **form.cleaned_data, by=person(self.request))
        messages.success(self.request, f"{self.binned.name} is gone. {filesizeformat(freed)} were freed.")
        return reverse("deleted-projects")

    def context(self, form: Any) -> dict[str, Any]:
        return {"binned": self.binned, "back": reverse("deleted-projects"), "place": "projects"}
