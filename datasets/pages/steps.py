"""One step of a recipe: add, change, move, remove. Each save is the recipe's next version."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from datasets.forms.recipes import StepForm
from datasets.models.recipes import RecipeVersion
from datasets.models.versions import Dataset
from datasets.pages.listing import person
from datasets.pages.recipes import OneRecipe
from datasets.queries import recipes as queries
from datasets.recipes.base import Step
from datasets.recipes.catalog import STEPS
from datasets.recipes.frame import Frame
from datasets.recipes.plan import read_steps
from datasets.services import recipes as services
from problems.problem import Invalid, Missing, Problem
from web.pages import FormPage


def seen_version(request: HttpRequest) -> int:
    """The version of the recipe that the form was made for."""
    number = request.POST.get("seen", "")
    return int(number) if number.isdigit() and len(number) < 9 else 0


class StepPage(OneRecipe, FormPage):
    """The base of the form of one step."""

    action = "recipe.write"
    template = "datasets/recipe_step.html"

    @cached_property
    def version(self) -> RecipeVersion:
        """The recipe's newest version."""
        return queries.recipe_version(self.recipe)

    @property
    def step(self) -> Step:
        """The kind of step."""
        raise NotImplementedError

    @property
    def place(self) -> int:
        """Where it stands or will stand, from 0."""
        raise NotImplementedError

    @property
    def params(self) -> Mapping[str, Any]:
        """What the form begins with."""
        return {}

    def steps(self, params: Mapping[str, Any]) -> list[Any]:
        """All steps after this form is saved."""
        raise NotImplementedError

    def frame_before(self) -> Frame | None:
        """The columns that the step will find, if they can be known without data."""
        source = queries.newest_version(self.recipe.source)
        try:
            frames = queries.frames_of(self.project, source, read_steps(self.version.steps)[: self.place])
        except Problem:
            return None  # a step before it does not fit any more; the form still works
        known = len(frames) > self.place and frames[self.place].columns_known
        return frames[self.place] if known else None

    def make_form(self, data: Any = None, files: Any = None) -> StepForm:
        names = Dataset.objects.filter(project=self.project, versions__isnull=False).distinct()
        datasets = list(names.values_list("name", flat=True)[:500])
        return StepForm(data, step=self.step, frame=self.frame_before(), datasets=datasets, params=self.params)

    def act(self, form: StepForm) -> str:
        seen = seen_version(self.request)
        try:
            saved = services.change_recipe(
                self.recipe, steps=self.steps(form.params), seen=seen, by=person(self.request)
            )
        except Invalid as problem:
            own = f"steps[{self.place}].params."
            fields = {name.removeprefix(own): text for name, text in problem.fields.items()}
            raise Invalid(problem.text, code=problem.code, fields=fields) from None
        services.start_preview(saved, by=person(self.request))
        return services.address_of(self.recipe)

    def context(self, form: Any) -> dict[str, Any]:
        return {"recipe": self.recipe, "recipe_version": self.version, "step": self.step, "place": self.place + 1}


class StepNew(StepPage):
    """Add a step at the end."""

    @property
    def step(self) -> Step:
        kind = self.kwargs["kind"]
        if kind not in STEPS:
            raise Missing("There is no such step.")
        return STEPS[kind]

    @property
    def place(self) -> int:
        return len(self.version.steps)

    def steps(self, params: Mapping[str, Any]) -> list[Any]:
        return [*self.version.steps, {"kind": self.step.kind, "params": dict(params)}]


class StepChange(StepPage):
    """Change a step where it stands."""

    @property
    def place(self) -> int:
        place = int(self.kwargs["place"]) - 1
        if not 0 <= place < len(self.version.steps):
            raise Missing("There is no such step in this recipe.")
        return place

    @property
    def step(self) -> Step:
        return STEPS[self.version.steps[self.place]["kind"]]

    @property
    def params(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.version.steps[self.place]["params"]
        return found

    def steps(self, params: Mapping[str, Any]) -> list[Any]:
        steps = list(self.version.steps)
        steps[self.place] = {"kind": self.step.kind, "params": dict(params)}
        return steps


class Order(OneRecipe):
    """Move a step up or down, or take it out."""

    action = {"POST": "recipe.write"}

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Save the recipe's next version in the new order; a refusal is told on the recipe's page."""
        version = queries.recipe_version(self.recipe)
        verb, _, place = request.POST.get("do", "").partition(" ")
        steps, at = list(version.steps), int(place) - 1 if place.isdigit() and len(place) < 4 else -1
        other = {"up": at - 1, "down": at + 1, "remove": at}.get(verb, -1)
        if not (0 <= at < len(steps) and 0 <= other < len(steps)):
            raise Invalid("There is no such step, or it cannot move further.")
        if verb == "remove":
            del steps[at]
        else:
            steps[at], steps[other] = steps[other], steps[at]
        try:
            saved = services.change_recipe(self.recipe, steps=steps, seen=seen_version(request), by=person(request))
        except Problem as problem:
            messages.error(request, f"Nothing was changed. {problem.text}")
            return redirect(services.address_of(self.recipe))
        services.start_preview(saved, by=person(request))
        return self.back()
