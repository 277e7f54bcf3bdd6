"""The recipes of a project: the list, a new one, one with its steps and what they do, and running it."""

from collections.abc import Collection
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from datasets.forms.recipes import RecipeForm
from datasets.models.recipes import Preparation, Recipe, RecipeVersion
from datasets.models.versions import Dataset
from datasets.pages.listing import person
from datasets.pages.preparing import shown_steps
from datasets.queries import quality, seen
from datasets.queries import recipes as queries
from datasets.queries.versions import dataset_for
from datasets.recipes.catalog import GROUPS
from datasets.services import recipes as services
from jobs.models import Job
from jobs.queries import latest_of
from projects.access import ProjectPage
from projects.permissions import allows, holders
from web.pages import FormPage

ROWS = 50
RUNS = 10


class Recipes(ProjectPage):
    """The recipes of a project."""

    action = "data.read"
    stage = "data"
    template = "datasets/recipes.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one page of them."""
        page = Paginator(queries.recipes_of(self.project), ROWS).get_page(request.GET.get("page"))
        return self.show(page_obj=page, writers=holders("recipe.write"))


class RecipeNew(ProjectPage, FormPage):
    """Begin a recipe."""

    action = "recipe.write"
    stage = "data"
    template = "datasets/recipe_new.html"

    def make_form(self, data: Any = None, files: Any = None) -> RecipeForm:
        names = Dataset.objects.filter(project=self.project, versions__isnull=False).distinct()
        sources = list(names.values_list("name", flat=True)[:500])
        source = self.request.GET.get("source", "")[:60]
        initial = {"source": source, "target": f"{source}-prepared" if source else ""}
        return RecipeForm(data, sources=sources, initial=initial)

    def act(self, form: RecipeForm) -> str:
        version = services.create_recipe(
            self.project,
            name=form.cleaned_data["name"],
            source=dataset_for(self.project, form.cleaned_data["source"]),
            target=form.cleaned_data["target"],
            by=person(self.request),
        )
        services.start_preview(version, by=person(self.request))
        return services.address_of(version.recipe)

    def context(self, form: Any) -> dict[str, Any]:
        names = Dataset.objects.filter(project=self.project).values_list("name", flat=True)
        return {"names": names[:200], "sources": form.fields["source"].choices}


class OneRecipe(ProjectPage):
    """The base of the pages of one recipe."""

    stage = "data"

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe that the address names."""
        return queries.recipe_for(self.project, self.kwargs["name"])

    def back(self) -> HttpResponse:
        """To the recipe's own page."""
        return HttpResponseRedirect(services.address_of(self.recipe))


class RecipePage(OneRecipe):
    """One recipe: its steps as sentences, what each does to the first rows, its runs."""

    action = "data.read"
    template = "datasets/recipe.html"

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """Show it, or an earlier version of it. A waiting page sends as `open` what it waits for."""
        wanted = request.GET.get("v", "")
        version = queries.recipe_version(self.recipe, int(wanted) if wanted.isdigit() and len(wanted) < 9 else None)
        runs = list(queries.preparations_of(self.recipe)[:RUNS])
        hidden = seen.hidden_for(self.recipe, version.steps, self.roles)
        preview = seen.seen_preview(queries.preview_of(version), hidden)
        waits = [job for job in (preview, self.running(runs)) if job and job.is_open]
        if getattr(request, "htmx", False) and "open" in request.GET:
            same = request.GET["open"] == _ids(waits)
            return HttpResponse(status=204) if same else HttpResponse(headers={"HX-Refresh": "true"})
        return self.show(**self.page(version, runs, preview, hidden), waits=waits, open=_ids(waits))

    def page(
        self, version: RecipeVersion, runs: list[Preparation], preview: Job | None, hidden: Collection[str]
    ) -> dict[str, Any]:
        """What the template shows."""
        source = queries.newest_version(self.recipe.source)
        versions = self.recipe.versions.select_related("created_by").defer("steps")
        newest = versions[0]
        held = quality.held_back(queries.inputs_now(self.recipe, source, version.steps))
        before, steps = shown_steps(version.steps, preview, hidden)
        return {
            "recipe": self.recipe,
            "recipe_version": version,
            "is_newest": newest.number == version.number,
            "source": source,
            "held": [(one, seen.masked_blocks(found, hidden)) for one, found in held],
            "runnable": not held or (source is not None and {one for one, _ in held} == {source} and source.number > 1),
            "waivers": holders("quality.waive"),
            "versions": versions[:8],
            "versions_total": versions.count(),
            "before": before,
            "steps": steps,
            "preview": preview,
            "stale": bool(preview and source and preview.payload.get("input") != str(source)),
            "runs": runs,
            "kept": queries.last_done(self.recipe, version.number),
            "groups": GROUPS,
            "writers": holders("recipe.write"),
            "may_publish": allows(self.roles, "data.publish"),
        }

    @staticmethod
    def running(runs: list[Preparation]) -> Job | None:
        """The job of the newest run while it waits or runs."""
        waiting = next((run for run in runs if run.state == Preparation.State.WAITING), None)
        return latest_of(waiting) if waiting else None


def _ids(jobs: list[Job]) -> str:
    return ",".join(str(job.pk) for job in jobs)


class Run(OneRecipe):
    """Run a recipe on a version of its source, the newest unless stated."""

    action = {"POST": "recipe.run"}

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Start it."""
        number = request.POST.get("version", "")
        services.start_preparation(
            self.recipe,
            number=int(number) if number.isdigit() and len(number) < 9 else None,
            keep_learned="keep_learned" in request.POST,
            publish="publish" in request.POST,
            by=person(request),
        )
        messages.success(request, f"{self.recipe} is running. Leaving this page is safe.")
        return self.back()


class Preview(OneRecipe):
    """Look ahead again, for instance after a new version of the input came."""

    action = {"POST": "recipe.run"}

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Start it."""
        services.start_preview(queries.recipe_version(self.recipe), by=person(request))
        return self.back()
