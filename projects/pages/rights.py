"""Who can do what here, asking for a right that one lacks, and looking at the project as another role."""

import csv
import io

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from projects.access import ProjectPage
from projects.activity import safe_cell
from projects.pages.projects import person
from projects.permissions import Role
from projects.queries.rights import rights_in
from projects.queries.team import members_of
from projects.services.asks import ask_for
from projects.services.looking import look_as
from web import looking
from web.pages import SIGNED_IN, Page


class Rights(ProjectPage):
    """The table of roles and actions, with the people behind it."""

    action = "project.read"
    template = "projects/rights.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show it."""
        team = members_of(self.project)
        columns = [(role, role in self.roles, [m.user for m in team if role in m.roles]) for role in Role]
        active = sum(member.user.is_active for member in team)
        return self.show(rights=rights_in(self.project), columns=columns, people_total=active)


class RightsCsv(ProjectPage):
    """The same table for a spreadsheet."""

    action = "project.read"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Send it."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(["action", "what", *[role.value for role in Role], "people"])
        for right in rights_in(self.project):
            cells = ["yes" if able else "no" for _, able in right.cells]
            names = "; ".join(user.name for user in right.people)
            writer.writerow([right.action, right.words, *cells, safe_cell(names)])
        headers = {"Content-Disposition": f'attachment; filename="{self.project.key}-rights.csv"'}
        return HttpResponse(out.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)


class Ask(ProjectPage):
    """The button of a refusal: a task for whoever holds the right."""

    action = {"POST": "project.read"}

    def post(self, request: HttpRequest) -> HttpResponse:
        """Ask, and say whom."""
        action, address = request.POST.get("action", ""), request.POST.get("address", "")
        task, new = ask_for(self.project, action=action, address=address, by=person(request))
        asked = Role(task.role).label
        said = f"{asked} is asked: task {task.number}." if new else f"You asked already: task {task.number}, {asked}."
        messages.success(request, said)
        return redirect("project", self.project.key)


class Look(ProjectPage):
    """Begin to look at the project as a role."""

    action = {"POST": "team.manage"}

    def post(self, request: HttpRequest) -> HttpResponse:
        """Set the mark and show the project."""
        role = look_as(self.project, request.POST.get("role", ""), by=person(request))
        looking.begin(request, self.project.key, role.value, role.label)
        return redirect("project", self.project.key)


class LookStop(Page):
    """Back to the own eyes."""

    action = SIGNED_IN
    while_looking = True
    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        """Take the mark away."""
        seen = looking.looking(request)
        looking.stop(request)
        return redirect("rights", seen.project_key) if seen else redirect("home")
