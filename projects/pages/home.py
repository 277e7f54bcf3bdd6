"""Home: what needs you now, your projects, what runs, and what you wait for."""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from audit.models import Entry
from projects.activity import told
from projects.findings import home_finding
from projects.models.projects import Project
from projects.models.team import Invitation
from projects.overview import home_parts, needs, of_person
from projects.pages.jobs import row
from projects.pages.projects import person
from projects.permissions import Role
from projects.queries.gates import blocked_by, open_gates
from projects.queries.questions import asked_and_open
from projects.queries.remembered import marks_of, remembered_together
from projects.queries.team import roles_by_project
from projects.queries.work import jobs_in
from projects.results import words_in
from projects.services.questions import question_url
from projects.standing import standings
from web.pages import SIGNED_IN, Page

SHOWN = 10
NEW_DAYS = 14
FOR = {"me": "Mine", "role": "My roles’", "all": "Everything"}
# The first days of a role: three steps, each with the page of a project where it happens.
FIRST_STEPS: dict[Role, list[tuple[str, str]]] = {
    Role.BUSINESS_ANALYST: [
        ("Write the problem and who could be harmed", "define"),
        ("Add a target that decides", "define"),
        ("Sign the targets, so that the work goes on", "define"),
    ],
    Role.DATA_ENGINEER: [
        ("Upload a CSV file", "data"),
        ("Look at what the profile says", "data"),
        ("Publish a version", "data"),
    ],
    Role.DATA_SCIENTIST: [
        ("Start a run; the yardstick runs beside it", "train"),
        ("Start a better one with one change", "train"),
        ("Compare them and register the better one", "evaluate"),
    ],
    Role.ML_ENGINEER: [
        ("Look at the registered model’s checks", "deploy"),
        ("Ask for production", "deploy"),
        ("Promote it when the signatures are there", "deploy"),
    ],
    Role.MLOPS_ENGINEER: [
        ("See how the live model does", "monitor"),
        ("Check it now", "monitor"),
        ("Take an alert and retrain", "monitor"),
    ],
}
FIRST_PROJECT = [
    "Start a project: one question, for example who will leave",
    "Write the problem and add a target",
    "Invite the people who do the rest",
]


class Home(Page):
    """What needs you now."""

    action = SIGNED_IN
    template = "projects/home.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show it."""
        user = person(request)
        mine = roles_by_project(user)
        marks = marks_of(list(mine))
        wanted = request.GET.get("for") if request.GET.get("for") in FOR else "all"
        everything = needs(user, mine, marks)
        waiting_for_me = [need for need in everything if wanted == "all" or (need.role is None) == (wanted == "me")]
        projects, said = {project.key: project for project in mine}, words_in({one.key: mine[one] for one in mine})
        running = jobs_in(list(projects), only_open=True).order_by("created_at")
        return self.show(
            place="home",
            needs=waiting_for_me[: SHOWN * 2],
            needs_total=len(waiting_for_me),
            wanted=wanted,
            all_for=FOR.items() if len({need.role is None for need in everything}) > 1 else (),
            finding=home_finding(len(everything), len(mine)),
            projects_total=len(mine),
            running=[row(job, projects, said) for job in running[:SHOWN]],
            steps=first_steps(user, mine),
            first_project=FIRST_PROJECT,
            **remembered_together(f"home:{of_person(user, mine)}", marks, lambda: around(user, mine)),
        )


def around(user: User, mine: dict[Project, frozenset[Role]]) -> dict[str, Any]:
    """What stands around it: how projects are, what one waits for, what happened, what one's roles look after."""
    parts = home_parts(user, mine)
    return {
        "rows": standings(list(mine)[:SHOWN]),
        "waits": waits_of(user, list(mine)),
        "events": events_in(mine),
        "main_parts": [part for part in parts if not part.side],
        "side_parts": [part for part in parts if part.side],
    }


def waits_of(user: User, projects: list[Project]) -> list[dict[str, Any]]:
    """What this person asked of others and has not got yet."""
    found = []
    for gate in open_gates(projects):
        roles = [Role(wait.partition(":")[2]) for wait in blocked_by(gate) if wait.startswith("signature:")]
        if gate.requested_by_id == user.pk and roles:
            title = f"{gate.subject_name} to {gate.environment}"
            found.append({"title": title, "roles": roles, "since": gate.created_at, "url": gate.subject_url})
    for question in asked_and_open(user, projects):
        asked = list(question.asked.all())
        title = f"An answer about {question.subject_name}"
        if people := [each.user.name for each in asked if each.user]:
            title += f", from {', '.join(people)}"
        roles, url = [Role(each.role) for each in asked if each.role], question_url(question)
        found.append({"title": title, "roles": roles, "since": question.created_at, "url": url})
    sent = Invitation.objects.filter(invited_by=user, accepted_at=None, withdrawn_at=None)
    for invitation in sent.filter(expires_at__gt=timezone.now(), project__in=projects).select_related("project")[
        :SHOWN
    ]:
        url, title = reverse("team", args=[invitation.project.key]), f"{invitation.email} to join"
        found.append({"title": title, "roles": [], "since": invitation.created_at, "url": url})
    return found


def events_in(mine: dict[Project, frozenset[Role]]) -> list[dict[str, Any]]:
    """The last things that happened in these projects."""
    projects, said = {project.key: project for project in mine}, words_in({one.key: mine[one] for one in mine})
    entries = Entry.objects.filter(project_key__in=list(projects)).order_by("-seq")[:8]
    return [
        {
            "at": entry.at,
            "who": entry.actor_name,
            "words": told(entry.name, said[project.key].data(entry.data)),
            "project": project,
        }
        for entry in entries
        if (project := projects.get(entry.project_key)) and entry.at >= project.created_at
    ]


def first_steps(user: User, mine: dict[Project, frozenset[Role]]) -> list[dict[str, Any]]:
    """In a person's first days: three steps for each role held, in the newest project."""
    if not mine or timezone.now() - user.created_at > timedelta(days=NEW_DAYS):
        return []
    project = max(mine, key=lambda each: each.created_at)
    return [
        {"role": role, "project": project, "steps": [(text, f"/p/{project.key}/{page}/") for text, page in steps]}
        for role, steps in FIRST_STEPS.items()
        if role in mine[project]
    ]
