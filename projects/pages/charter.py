"""The charter's way from draft to approval, its history, and both texts when two people wrote at once."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils import timezone

from problems.problem import Invalid, Problem
from projects import differences
from projects.access import ProjectPage
from projects.forms.charter import ReasonForm
from projects.models.define import Charter
from projects.pages.projects import ROWS, person
from projects.queries.charter import LABELS, charter_history, charter_version_for, is_approved, lacking
from projects.queries.define import texts_of
from projects.services.charter import close_charter, decide_charter, reopen_charter, submit_charter

# State -> the look of its tag.
LOOKS = {"draft": "", "submitted": "accent", "approved": "pass", "closed": "warn"}


def charter_frame(page: ProjectPage, charter: Charter) -> dict[str, Any]:
    """What every page with texts of the charter shows about it."""
    due = charter.review_on and charter.review_on <= timezone.localdate()
    return {
        "charter": charter,
        "charter_look": LOOKS[charter.state],
        "charter_approved": is_approved(charter),
        "lacking": lacking(texts_of(charter)).values(),
        "review_due": bool(due) and charter.state != Charter.State.CLOSED,
        "own_submission": charter.submitted_by_id == person(page.request).pk,
    }


def clash(typed: QueryDict, problem: Problem) -> dict[str, Any]:
    """The form again with everything that was typed, ready to be saved over what is there now."""
    return {name: typed.get(name) for name in typed} | {"version": problem.facts.get("version", typed.get("version"))}


def both_texts(problem: Problem) -> list[tuple[str, list[differences.Piece]]]:
    """Each field that another person wrote otherwise: its name, and the words that differ from what is typed here."""
    yours, theirs = problem.facts.get("yours", {}), problem.facts.get("theirs", {})
    return [(LABELS.get(one.field, one.field), one.pieces) for one in differences.changes(yours, theirs)]


class CharterSubmit(ProjectPage):
    """Hand the charter in."""

    action = {"POST": "charter.change"}

    def post(self, request: HttpRequest) -> HttpResponse:
        """Do it, as it was seen."""
        form = reason_form(request)
        submit_charter(self.project, version=form.cleaned_data["version"], by=person(request))
        messages.success(request, "The charter is handed in. Product manager and leadership have been told.")
        return redirect("define", self.project.key)


class CharterDecide(ProjectPage):
    """Approve it, send it back, close it, or open it again; in the browser only."""

    action = {"POST": "charter.approve"}

    def post(self, request: HttpRequest) -> HttpResponse:
        """Do what the pressed button says."""
        form = reason_form(request)
        seen = {"version": form.cleaned_data["version"], "reason": form.cleaned_data["reason"], "by": person(request)}
        match form.cleaned_data["do"]:
            case "approve":
                decide_charter(self.project, approve=True, **seen)
            case "back":
                decide_charter(self.project, approve=False, **seen)
            case "close":
                close_charter(self.project, **seen)
            case "reopen":
                reopen_charter(self.project, **seen)
            case _:
                raise Invalid("Choose to approve, send back, close or open again.")
        messages.success(request, "Done. The history shows it.")
        return redirect("define", self.project.key)


def reason_form(request: HttpRequest) -> ReasonForm:
    """The checked form."""
    form = ReasonForm(request.POST)
    if not form.is_valid():
        raise Invalid("Open the page again: it did not say which version of the charter you saw.")
    return form


class History(ProjectPage):
    """Every text of the charter, and what changed between any two."""

    action = "project.read"
    template = "projects/define/history.html"
    stage = "define"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one page of versions, and the chosen two word by word."""
        page = Paginator(charter_history(self.project), ROWS).get_page(request.GET.get("page"))
        newest = page[0].number if page.paginator.count and page.number == 1 else None
        to = self.number("to") or newest
        older = self.number("from") or (to - 1 if to and to > 1 else None)
        newer = charter_version_for(self.project, to) if to else None
        before = charter_version_for(self.project, older) if older else None
        found = differences.changes(before.texts if before else {}, newer.texts) if newer else []
        return self.show(
            page_obj=page,
            newer=newer,
            before=before,
            changes=[(LABELS.get(one.field, one.field), one.pieces) for one in found],
        )

    def number(self, name: str) -> int | None:
        """A version's number from the query."""
        text = self.request.GET.get(name, "")
        return int(text) if text.isascii() and text.isdecimal() and 0 < len(text) < 10 else None
