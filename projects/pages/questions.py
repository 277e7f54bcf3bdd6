"""Threads: all questions of a project, one with its answers, and what people do there."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect

from problems.problem import Denied, Missing, Problem
from projects.access import ProjectPage
from projects.forms.talk import AskForm, WordsForm, first_error, split_whom
from projects.models.questions import Question
from projects.pages.projects import ROWS, person
from projects.queries.questions import question_for, questions_of, reply_for
from projects.queries.team import members_of
from projects.services.questions import ask, edit, reopen, reply, resolve
from projects.subjects import about
from web.pages import put_on_form


def searched(request: HttpRequest) -> str:
    """What was typed into a list's search."""
    return request.GET.get("q", "").replace("\x00", "").strip()[:100]


class Questions(ProjectPage):
    """All questions; POST asks one about any object."""

    action = {"GET": "project.read", "POST": "talk.ask"}
    template = "projects/questions.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one page of them."""
        about_project = {"about_type": "project", "about_id": self.project.key}
        return self.page(AskForm(team=members_of(self.project), initial=about_project))

    def page(self, form: AskForm, status: int = 200) -> HttpResponse:
        """The page around its form."""
        request = self.request
        state, search = request.GET.get("state", "open"), searched(request)
        mine = person(request) if request.GET.get("whose") == "mine" else None
        found = questions_of(self.project, state=state, search=search, mine=mine)
        page = Paginator(found, ROWS).get_page(request.GET.get("page"))
        states = [("open", "Open"), ("resolved", "Answered"), ("all", "All")]
        return self.show(
            status=status, page_obj=page, form=form, state=state, states=states, search=search, mine=mine is not None
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        """Ask, and go back to where it was asked."""
        form = AskForm(request.POST, team=members_of(self.project))
        if not form.is_valid():
            return self.page(form, status=422)
        given = form.cleaned_data
        role, user = split_whom(given["to"])
        found = about(self.project, given["about_type"], given["about_id"])
        roles, people = [role] if role else [], [user] if user else []
        try:
            made = ask(self.project, text=given["text"], about=found, roles=roles, people=people, by=person(request))
        except Problem as problem:
            if isinstance(problem, (Denied, Missing)):
                raise
            put_on_form(form, problem)
            return self.page(form, status=problem.status)
        messages.success(request, f"Question {made.number} is asked.")
        return HttpResponseRedirect(f"{found.url}#talk" if request.POST.get("back") else made_url(made))


def made_url(question: Question) -> str:
    """The thread's own page."""
    return f"/p/{question.project.key}/questions/{question.number}/"


class Thread(ProjectPage):
    """What all addresses of one thread share: its whole page."""

    template = "projects/question.html"

    def page(self, question: Question, status: int = 200, **changed: Any) -> HttpResponse:
        """The page, also with a form that was refused."""
        context: dict[str, Any] = {"question": question, "form": WordsForm()}
        return self.show(status=status, **(context | changed))

    def back(self, question: Question) -> HttpResponse:
        """To where the button was: the object's page or the thread's."""
        if self.request.POST.get("back"):
            return HttpResponseRedirect(f"{question.subject_url}#talk")
        return redirect("question", self.project.key, question.number)


class QuestionPage(Thread):
    """One thread."""

    action = "project.read"

    def get(self, request: HttpRequest, number: int) -> HttpResponse:
        """Show it."""
        return self.page(question_for(self.project, number))


class QuestionReply(Thread):
    """Answer."""

    action = {"POST": "talk.ask"}

    def post(self, request: HttpRequest, number: int) -> HttpResponse:
        """Do it."""
        question, form = question_for(self.project, number), WordsForm(request.POST)
        if not form.is_valid():
            return self.page(question, status=422, form=form)
        reply(question, text=form.cleaned_data["text"], by=person(request))
        return self.back(question)


class QuestionSettle(Thread):
    """Mark as answered, or open again."""

    action = {"POST": "talk.ask"}

    def post(self, request: HttpRequest, number: int) -> HttpResponse:
        """Do what the button says."""
        question = question_for(self.project, number)
        try:
            (reopen if request.POST.get("do") == "reopen" else resolve)(question, by=person(request))
        except Problem as problem:
            return self.page(question_for(self.project, number), status=problem.status, problem=problem)
        return self.back(question)


class QuestionEdit(Thread):
    """Other words for one's own question or answer."""

    action = {"POST": "talk.edit"}

    def post(self, request: HttpRequest, number: int) -> HttpResponse:
        """Do it."""
        question, form = question_for(self.project, number), WordsForm(request.POST)
        if not form.is_valid():
            raise first_error(form)
        chosen = request.POST.get("reply")
        answer = reply_for(question, chosen) if chosen else None
        edit(question, text=form.cleaned_data["text"], answer=answer, by=person(request))
        return redirect("question", self.project.key, number)
