"""Groups of people: for administrators the groups themselves, for owners the roles that a group brings to a project."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.groups import all_groups, group_for, people_at
from projects.access import ProjectPage
from projects.forms.groups import GroupForm, GroupRolesForm
from projects.pages.projects import ROWS, person
from projects.queries.groups import groups_of, seat_for
from projects.services.groups import change_group, delete_group, remove_group, set_group_roles
from web.pages import ADMIN, FormPage, Page


class Groups(FormPage):
    """All groups, and a form for a new one."""

    action = ADMIN
    template = "projects/groups.html"

    def make_form(self, data: Any = None, files: Any = None) -> GroupForm:
        return GroupForm(data)

    def act(self, form: GroupForm) -> str:
        given = form.cleaned_data
        group = change_group(None, name=given["name"], members=people_at(given["members"]), by=person(self.request))
        messages.success(self.request, f"The group {group.name} is made. Owners give it roles on their Team page.")
        return reverse("groups")

    def context(self, form: Any) -> dict[str, Any]:
        return {"page_obj": Paginator(all_groups(), ROWS).get_page(self.request.GET.get("page"))}


class OneGroup(FormPage):
    """One group's name and people."""

    action = ADMIN
    template = "projects/group.html"

    def make_form(self, data: Any = None, files: Any = None) -> GroupForm:
        self.group = group_for(self.kwargs["pk"])
        lines = "\n".join(self.group.members.order_by("email").values_list("email", flat=True))
        return GroupForm(data, initial={"name": self.group.name, "members": lines})

    def act(self, form: GroupForm) -> str:
        given = form.cleaned_data
        members = people_at(given["members"])
        change_group(self.group, name=given["name"], members=members, by=person(self.request))
        messages.success(self.request, "Saved. It holds from the next request on.")
        return reverse("groups")

    def context(self, form: Any) -> dict[str, Any]:
        return {"group": self.group}


class GroupDelete(Page):
    """A group goes."""

    action = {"POST": ADMIN}

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Do it."""
        group = group_for(pk)
        delete_group(group, by=person(request))
        messages.success(request, f"The group {group.name} is gone, with the roles that it gave.")
        return redirect("groups")


class TeamGroups(ProjectPage, FormPage):
    """The groups of a project's team."""

    action = {"GET": "project.read", "POST": "team.manage"}
    template = "projects/team_groups.html"

    def make_form(self, data: Any = None, files: Any = None) -> GroupRolesForm:
        return GroupRolesForm(data)

    def act(self, form: GroupRolesForm) -> str:
        group = group_for(UUID(form.cleaned_data["group"]))
        set_group_roles(self.project, group, roles=form.cleaned_data["roles"], by=person(self.request))
        messages.success(self.request, f"Everybody in {group.name} holds these roles now.")
        return reverse("team-groups", args=[self.project.key])

    def context(self, form: Any) -> dict[str, Any]:
        return {"seats": groups_of(self.project)}


class TeamGroupRemove(ProjectPage):
    """Take a group out of the team."""

    action = {"POST": "team.manage"}

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Do it."""
        group = seat_for(self.project, pk).group
        remove_group(self.project, group, by=person(request))
        messages.success(request, f"{group.name} is no longer in the team.")
        return redirect("team-groups", self.project.key)
