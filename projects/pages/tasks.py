"""Tasks: the list, one task, and what people do with it."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from problems.problem import Denied, Invalid, Missing, Problem
from projects.access import ProjectPage
from projects.forms.talk import DueForm, PassOnForm, TaskForm, first_error, split_whom
from projects.models.projects import Project
from projects.models.tasks import Task
from projects.pages.projects import ROWS, person
from projects.pages.questions import searched
from projects.queries.tasks import WHOSE, task_for, tasks_of
from projects.queries.team import member_for, members_of
from projects.services.tasks import close_task, open_task, pass_on, set_due
from web.pages import put_on_form
from web.parsing import as_uuid

STATES = {"open": "Open", "done": "Done", "dropped": "Called off", "all": "All"}


def asked(project: Project, choice: str) -> dict[str, Any]:
    """A choice of the form as the services want it; a person is fetched through the project."""
    role, user = split_whom(choice)
    return {"role": role, "assignee": member_for(project, as_uuid(user)).user if user else None}


class Tasks(ProjectPage):
    """The tasks of the project; POST opens one."""

    action = {"GET": "project.read", "POST": "task.handle"}
    template = "projects/tasks.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one page of them."""
        return self.page(TaskForm(team=members_of(self.project)))

    def page(self, form: TaskForm, status: int = 200) -> HttpResponse:
        """The page around its form."""
        given = self.request.GET
        whose = given.get("whose", "all") if given.get("whose") in WHOSE else "all"
        state = given.get("state", "open") if given.get("state") in STATES else "open"
        due, search = given.get("due", ""), searched(self.request)
        found = tasks_of(self.project, person(self.request), whose=whose, state=state, due=due, search=search)
        page = Paginator(found, ROWS).get_page(given.get("page"))
        return self.show(
            status=status,
            page_obj=page,
            form=form,
            whose=whose,
            all_whose=WHOSE.items(),
            state=state,
            states=STATES.items(),
            due=due,
            search=search,
            today=timezone.localdate(),
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        """Open one."""
        form = TaskForm(request.POST, team=members_of(self.project))
        if not form.is_valid():
            return self.page(form, status=422)
        given = dict(form.cleaned_data)
        try:
            task = open_task(self.project, **asked(self.project, given.pop("to")), **given, by=person(request))
        except Problem as problem:
            if isinstance(problem, (Denied, Missing)):
                raise
            put_on_form(form, problem)
            return self.page(form, status=problem.status)
        messages.success(request, f"Task {task.number} is open.")
        return redirect("task", self.project.key, task.number)


class TaskPage(ProjectPage):
    """One task; POST does what its button says."""

    action = {"GET": "project.read", "POST": "task.handle"}
    template = "projects/task.html"

    def get(self, request: HttpRequest, number: int) -> HttpResponse:
        """Show it."""
        return self.page(task_for(self.project, number))

    def page(self, task: Task, status: int = 200, problem: Problem | None = None) -> HttpResponse:
        """The page, also with a refusal."""
        team = members_of(self.project)
        return self.show(
            status=status,
            task=task,
            problem=problem,
            pass_form=PassOnForm(team=team),
            due_form=DueForm(initial={"due_on": task.due_on}),
            today=timezone.localdate(),
        )

    def post(self, request: HttpRequest, number: int) -> HttpResponse:
        """Close it, call it off, pass it on, or set another day."""
        task = task_for(self.project, number)
        try:
            self.act(task)
        except Problem as problem:
            if isinstance(problem, (Denied, Missing)):
                raise
            return self.page(task_for(self.project, number), problem.status, problem)
        return redirect("task", self.project.key, number)

    def act(self, task: Task) -> None:
        """What the pressed button says."""
        by, posted = person(self.request), self.request.POST
        match posted.get("do"):
            case "close":
                close_task(task, by=by)
            case "drop":
                close_task(task, by=by, done=False)
            case "pass":
                form = PassOnForm(posted, team=members_of(self.project))
                if not form.is_valid():
                    raise first_error(form)
                pass_on(task, **asked(self.project, form.cleaned_data["to"]), by=by)
            case "due":
                due = DueForm(posted)
                if not due.is_valid():
                    raise first_error(due)
                set_due(task, due.cleaned_data["due_on"], by=by)
            case _:
                raise Invalid("Say what is to happen with the task.")
