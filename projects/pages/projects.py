"""The list of projects, a new one, another name for one, and a project's overview."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.models import User
from audit.models import Entry
from projects.access import ProjectPage
from projects.activity import told
from projects.contract import Goal, TargetKind, as_row, goal_of, judge
from projects.findings import Part, result_finding
from projects.forms.projects import ProjectForm, RenameForm
from projects.models.projects import Project
from projects.overview import Result, Stop, results, sections
from projects.permissions import Role
from projects.queries.define import charter_of, contract_in_force, goals_of
from projects.queries.kpis import judged_now
from projects.queries.projects import visible_to
from projects.queries.remembered import marks_of, remembered_together
from projects.queries.team import Member, members_of
from projects.queries.work import activity_of
from projects.results import Words, words
from projects.scorecard import line
from projects.services.blueprints import create_from
from projects.services.projects import change_project, create_project, mark_one_person
from projects.standing import standings
from web.figures import templates
from web.pages import SIGNED_IN, FormPage, Page

ROWS = 50
SOURCES = 200


def person(request: HttpRequest) -> User:
    """The signed-in person; pages behind a declared action always have one."""
    assert isinstance(request.user, User)
    return request.user


class Projects(Page):
    """All projects that one may read."""

    action = SIGNED_IN
    template = "projects/list.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one page of them."""
        search = request.GET.get("q", "").replace("\x00", "").strip()[:100]
        found = Paginator(visible_to(person(request), search), ROWS)
        page = found.get_page(request.GET.get("page"))
        return self.show(place="projects", page_obj=page, rows=standings(list(page)), search=search, total=found.count)


class ProjectNew(FormPage):
    """Start a project."""

    action = SIGNED_IN
    template = "projects/new.html"

    def make_form(self, data: Any = None, files: Any = None) -> ProjectForm:
        return ProjectForm(data, sources=visible_to(person(self.request))[:SOURCES])

    def act(self, form: ProjectForm) -> str:
        given = form.cleaned_data | {"roles": [Role(role) for role in form.cleaned_data["roles"]]}
        template = given.pop("template")
        if template:
            project = create_from(template, **given, by=person(self.request))
        else:
            project = create_project(**given, by=person(self.request))
        return reverse("define", args=[project.key])

    def context(self, form: Any) -> dict[str, Any]:
        return {"place": "projects"}


class ProjectChange(ProjectPage, FormPage):
    """Another name or question."""

    action = "project.change"
    template = "projects/change.html"

    def make_form(self, data: Any = None, files: Any = None) -> RenameForm:
        return RenameForm(data, initial={name: getattr(self.project, name) for name in RenameForm.base_fields})

    def act(self, form: RenameForm) -> str:
        given, by = dict(form.cleaned_data), person(self.request)
        with transaction.atomic():
            mark_one_person(self.project, on=given.pop("one_person"), by=by)
            change_project(self.project, **given, by=by)
        messages.success(self.request, "Saved.")
        return reverse("project", args=[self.project.key])


class Overview(ProjectPage):
    """Where the project is, and whether it is worth it."""

    action = "project.read"
    template = "projects/overview.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show it."""
        marks = marks_of([self.project])
        found = remembered_together(f"overview:{','.join(sorted(self.roles))}", marks, self.content)
        return self.show(chart_templates=templates(), **found)

    def content(self) -> dict[str, Any]:
        """What stays as it is until something happens in the project."""
        contract = contract_in_force(self.project)
        goals = goals_of(contract)
        who = charter_of(self.project).positive_word
        result = results([self.project]).get(self.project.pk)
        parts = sections(self.project, self.roles)
        activity, team = activity_of(self.project), members_of(self.project)
        return {
            "contract": contract,
            "result": result,
            "finding": result_finding(result.name, result.rows, who) if result else no_result(goals, self.stops),
            "rows": target_rows(self.project, result, goals, who),
            "column": result.name.removesuffix(",") if result else "Result",
            "next": next((stop for stop in self.stops if stop.state != "done"), None),
            "main_parts": [part for part in parts if not part.side],
            "charts": any("figure" in part.context for part in parts),
            "side_parts": [part for part in parts if part.side],
            "events": with_roles(activity[:6], team, words(self.project.key, self.roles)),
            "events_total": activity.count(),
            "team": team,
        }


def no_result(goals: list[Goal], rail: list[Stop]) -> list[Part]:
    """What is said before there is a result."""
    comes = next((stop.name.lower() for stop in rail if stop.state != "done" and stop.stage != "define"), "")
    said = "Targets are set" if goals else "The problem and its targets come first"
    return [Part("No result yet. "), Part(f"{said}; {comes} comes next." if goals and comes else f"{said}.")]


def target_rows(project: Project, result: Result | None, goals: list[Goal], who: str) -> list[dict[str, Any]]:
    """The targets with their verdicts; what the business counts stands with its newest value."""
    counted = judged_now(project, goals)
    kept: list[Mapping[str, Any]] = list(result.rows) if result else [as_row(judge(goal, None)) for goal in goals]
    rows = []
    for row in kept:
        goal = goal_of(row)
        judged = counted.get(goal.key)
        shown = line(as_row(judged) if judged and (goal.after_launch or row.get("value") is None) else row, who)
        address = reverse("kpi", args=[project.key, goal.metric]) if goal.kind == TargetKind.KPI else ""
        rows.append(shown | {"url": address})
    return rows


def with_roles(entries: Any, team: list[Member], said: Words) -> list[dict[str, Any]]:
    """Audit entries in plain words that the reader may see, with the first role of whoever did it."""
    roles = {member.user.actor_id: member.sorted_roles[0] for member in team}
    return [_event(entry, roles, said) for entry in entries]


def _event(entry: Entry, roles: dict[str, Role], said: Words) -> dict[str, Any]:
    words = told(entry.name, said.data(entry.data))
    return {"at": entry.at, "who": entry.actor_name, "role": roles.get(entry.actor_id), "words": words, "entry": entry}
