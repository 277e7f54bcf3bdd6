"""Adding, changing and removing targets on the Define page."""

from dataclasses import asdict

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from problems.problem import Invalid, Missing, Problem
from projects import targets
from projects.contract import Goal
from projects.forms.targets import TargetLineForm, goal_from
from projects.pages.define import DefinePage
from projects.pages.projects import person
from projects.services.define import set_targets


class TargetAdd(DefinePage):
    """Add a target."""

    action = {"POST": "target.change"}

    def post(self, request: HttpRequest) -> HttpResponse:
        """Do it."""
        goals = self.goals()
        form = self.target_form(goals, request.POST, request.POST.get("kind", ""))
        if not form.is_valid() or form.goal is None:
            return self.page(status=422, target_form=form)
        try:
            new = targets.with_added(goals, form.goal)
            set_targets(self.project, new, seen=request.POST.get("seen"), by=person(request))
        except Problem as problem:
            return self.refused(problem, target_form=form)
        return redirect("define", self.project.key)


class TargetChange(DefinePage):
    """Change, remove or prefer one target."""

    action = {"POST": "target.change"}

    def post(self, request: HttpRequest, place: int) -> HttpResponse:
        """Do what the pressed button says."""
        try:
            new = self.changed(place)
            set_targets(self.project, new, seen=request.POST.get("seen"), by=person(request))
        except Problem as problem:
            return self.refused(problem)
        return redirect("define", self.project.key)

    def changed(self, place: int) -> list[Goal]:
        """The list as it is to be."""
        goals = self.goals()
        if place >= len(goals):
            raise Missing("There is no such target any more.")
        match self.request.POST.get("do"):
            case "remove":
                return targets.without(goals, place)
            case "decide":
                return targets.with_deciding(goals, place)
            case _:
                return targets.with_changed(goals, place, self.typed(goals[place]))

    def typed(self, goal: Goal) -> Goal:
        """The target as its line was filled in; a slot that its sentence has not, or that is left empty, stays."""
        form = TargetLineForm(self.request.POST)
        if not form.is_valid():
            raise Invalid(f"{goal.name}: give a number.")
        data = asdict(goal) | {name: value for name, value in form.cleaned_data.items() if value not in (None, "")}
        new, wrong = goal_from(self.project.kind, goal.kind, data)
        if new is None:
            raise Invalid(f"{goal.name}: {' '.join(wrong.values())}")
        return new
