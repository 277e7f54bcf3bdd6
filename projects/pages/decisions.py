"""The decision log."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from problems.problem import Denied, Missing, Problem
from projects.access import ProjectPage
from projects.forms.talk import DecisionForm
from projects.pages.projects import ROWS, person
from projects.pages.questions import searched
from projects.queries.decisions import decision_for, decisions_of
from projects.services.decisions import record_decision
from projects.subjects import about
from web.pages import put_on_form

OFFERED = 100


class Decisions(ProjectPage):
    """All decisions; POST writes one down."""

    action = {"GET": "project.read", "POST": "decision.record"}
    template = "projects/decisions.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one page of them."""
        return self.page(self.form())

    def form(self, data: object = None) -> DecisionForm:
        """The form, with the decisions whose place can be taken."""
        earlier = list(decisions_of(self.project, in_force=True)[:OFFERED])
        start = {"supersedes": self.request.GET.get("supersedes", "")}
        return DecisionForm(data, earlier=earlier, initial=start)

    def page(self, form: DecisionForm, status: int = 200) -> HttpResponse:
        """The page around its form."""
        search, in_force = searched(self.request), self.request.GET.get("state") == "force"
        found = decisions_of(self.project, search=search, in_force=in_force)
        page = Paginator(found, ROWS).get_page(self.request.GET.get("page"))
        return self.show(status=status, page_obj=page, form=form, search=search, in_force=in_force)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Write it down."""
        form = self.form(request.POST)
        if not form.is_valid():
            return self.page(form, status=422)
        given = form.cleaned_data
        before = decision_for(self.project, int(given["supersedes"])) if given["supersedes"] else None
        words = {name: given[name] for name in ("question", "choice", "reason")}
        word, own = request.POST.get("about_type", ""), request.POST.get("about_id", "")
        found = about(self.project, word, own) if word else None
        try:
            decision = record_decision(
                self.project, **words, options=form.lines(), about=found, supersedes=before, by=person(request)
            )
        except Problem as problem:
            if isinstance(problem, (Denied, Missing)):
                raise
            put_on_form(form, problem)
            return self.page(form, status=problem.status)
        messages.success(request, f"Decision {decision.number} is written down.")
        return redirect("decision", self.project.key, decision.number)


class DecisionPage(ProjectPage):
    """One decision."""

    action = "project.read"
    template = "projects/decision.html"

    def get(self, request: HttpRequest, number: int) -> HttpResponse:
        """Show it."""
        return self.show(decision=decision_for(self.project, number))
