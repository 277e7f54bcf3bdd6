"""Hand-offs: the list with its statistics, a new one, and one with its answer."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from problems.problem import Denied, Invalid, Missing, Problem
from projects.access import ProjectPage
from projects.charts.flow import hours, waits
from projects.forms.flow import BreakageForm, HandoffForm, ReturnForm
from projects.handing import failing, next_role
from projects.models.handoffs import Handoff
from projects.overview import checklist
from projects.pages.projects import person
from projects.permissions import Role
from projects.queries.handoffs import boundaries_of, handoff_for, handoffs_of
from projects.queries.team import members_of
from projects.services.handoffs import accept, address_of, offer, report_breakage, send_back, withdraw
from web.figures import templates
from web.pages import FormPage, put_on_form

ROWS = 50
STATUS = {"offered": "wait", "accepted": "pass", "returned": "fail", "withdrawn": ""}


class Handoffs(ProjectPage):
    """All hand-offs, and how the boundaries between roles do."""

    action = "project.read"
    template = "projects/handoffs.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one page of them."""
        state = request.GET.get("state", "")
        page = Paginator(handoffs_of(self.project, state=state), ROWS).get_page(request.GET.get("page"))
        boundaries = boundaries_of(self.project)
        lines = [
            {
                "boundary": each,
                "median": hours(each.median_seconds),
                "longest": hours(each.longest_seconds),
                "bounced": "–" if each.bounce_rate is None else f"{each.bounce_rate:.0%}",
            }
            for each in boundaries
        ]
        rows = [{"handoff": each, "status": STATUS[each.state]} for each in page]
        chosen = state if state in Handoff.State.values else ""
        states = [("", "All"), *Handoff.State.choices]
        about = request.GET.get("about", "")
        chart: dict[str, Any] = {"figure": waits(boundaries), "chart_templates": templates()}
        return self.show(
            rows=rows, page_obj=page, lines=lines, states=states, chosen_state=chosen, about=about, **chart
        )


class HandoffNew(ProjectPage, FormPage):
    """Offer work to another role."""

    action = "handoff.offer"
    template = "projects/handoff_new.html"

    def mine(self) -> list[Role]:
        """The roles that this person may hand over as."""
        return [role for role in Role if role in self.roles and role != Role.VIEWER]

    def make_form(self, data: Any = None, files: Any = None) -> HandoffForm:
        self.members = members_of(self.project)
        there = {role for member in self.members for role in member.roles}
        mine = self.mine()
        asked = {name: self.request.GET.get(name, "") for name in ("from_role", "to_role")}
        usual = next((role for role in mine if role != Role.OWNER), mine[0])
        giver = Role(asked["from_role"]) if asked["from_role"] in mine else usual
        receiver = Role(asked["to_role"]) if asked["to_role"] in set(Role) else next_role(giver)
        initial = {"from_role": giver.value, "to_role": receiver.value}
        return HandoffForm(data, initial=initial, mine=mine, there=there)

    def act(self, form: HandoffForm) -> str:
        given = form.cleaned_data | {"questions": form.asked()}
        handoff = offer(self.project, **given, by=person(self.request))
        messages.success(self.request, f"Hand-off {handoff.number} waits for {handoff.receiver.label}.")
        return address_of(handoff)

    def context(self, form: Any) -> dict[str, Any]:
        chosen = {name: form[name].value() for name in ("from_role", "to_role")}
        known = all(value in set(Role) for value in chosen.values())
        giver, receiver = (Role(chosen[name]) if known else Role.VIEWER for name in ("from_role", "to_role"))
        points = checklist(self.project, giver, receiver)
        lacking = failing(points, str(form["note"].value() or ""))
        return {"points": points, "lacking": lacking, "giver": giver, "receiver": receiver}


class HandoffShown(ProjectPage):
    """One hand-off, with what its receiver may answer."""

    template = "projects/handoff.html"

    def page(self, handoff: Handoff, status: int = 200, **changed: Any) -> HttpResponse:
        """The whole page, with a form that may carry errors."""
        about = self.request.GET.get("about", "")
        waiting = handoff.state == Handoff.State.OFFERED
        held = {role.value for role in self.roles}
        context: dict[str, Any] = {
            "handoff": handoff,
            "status_word": STATUS[handoff.state],
            "may_answer": waiting and handoff.to_role in held,
            "may_withdraw": waiting and handoff.from_role in held,
            "waits_for": [member.user for member in members_of(self.project) if handoff.receiver in member.roles],
            "return_form": ReturnForm(),
            "breakage_form": BreakageForm(initial={"url": about}),
            "breakages": handoff.breakages.select_related("by"),
        }
        return self.show(status=status, **(context | changed))


class HandoffPage(HandoffShown):
    """The page of one hand-off."""

    action = "project.read"

    def get(self, request: HttpRequest, number: int) -> HttpResponse:
        """Show it."""
        return self.page(handoff_for(self.project, number))


class HandoffAnswer(HandoffShown):
    """What the addresses below a hand-off share: do it, or show the page again with the reason."""

    action = {"POST": "handoff.answer"}

    def post(self, request: HttpRequest, number: int) -> HttpResponse:
        """Do it."""
        handoff = handoff_for(self.project, number)
        try:
            words = self.act(handoff)
        except Problem as problem:
            if isinstance(problem, (Denied, Missing)):
                raise
            return self.refused(handoff, problem)
        messages.success(request, words)
        return redirect("handoff", self.project.key, number)

    def act(self, handoff: Handoff) -> str:
        """Carry it out; returns what is said afterwards."""
        raise Missing("There is nothing here.")

    def refused(self, handoff: Handoff, problem: Problem) -> HttpResponse:
        """The page again, saying why."""
        return self.page(handoff_for(self.project, handoff.number), status=problem.status, problem=problem)


class HandoffAccept(HandoffAnswer):
    """Take the work over."""

    def act(self, handoff: Handoff) -> str:
        accept(handoff, by=person(self.request))
        return "The work is with you now."


class HandoffReturn(HandoffAnswer):
    """Send it back with a reason."""

    def act(self, handoff: Handoff) -> str:
        self.form = ReturnForm(self.request.POST)
        if not self.form.is_valid():
            raise Invalid("Choose a reason.")
        row = send_back(handoff, **self.form.cleaned_data, by=person(self.request))
        return f"Sent back. The {row.giver.label.lower()} has a task now."

    def refused(self, handoff: Handoff, problem: Problem) -> HttpResponse:
        put_on_form(self.form, problem) if self.form.is_valid() else None
        fresh = handoff_for(self.project, handoff.number)
        return self.page(fresh, status=problem.status, return_form=self.form, problem=problem)


class HandoffWithdraw(HandoffAnswer):
    """Take the offer back."""

    action = {"POST": "handoff.offer"}

    def act(self, handoff: Handoff) -> str:
        withdraw(handoff, by=person(self.request))
        return "Withdrawn."


class HandoffBreakage(HandoffAnswer):
    """Something that came with it broke later."""

    def act(self, handoff: Handoff) -> str:
        self.form = BreakageForm(self.request.POST)
        if not self.form.is_valid():
            raise Invalid("Say in a sentence what broke.")
        report_breakage(handoff, **self.form.cleaned_data, by=person(self.request))
        return f"Noted. The {handoff.giver.label.lower()} has a task now."

    def refused(self, handoff: Handoff, problem: Problem) -> HttpResponse:
        put_on_form(self.form, problem) if self.form.is_valid() else None
        fresh = handoff_for(self.project, handoff.number)
        return self.page(fresh, status=problem.status, breakage_form=self.form, problem=problem)
