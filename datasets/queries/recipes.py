"""Reads about recipes: their versions, runs, inputs, and which version came from which."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, OuterRef, Prefetch, QuerySet, Subquery

from datasets.models.recipes import Preparation, PreparationInput, Recipe, RecipeVersion
from datasets.models.versions import Dataset, Version
from datasets.queries.versions import HEAVY
from datasets.recipes.base import table_key
from datasets.recipes.frame import Frame
from datasets.recipes.plan import Planned, at_step, outline, read_steps, tables_of
from jobs.models import Job
from jobs.queries import latest_of
from problems.problem import Invalid, Missing
from projects.models.projects import Project

PREVIEW = "datasets.preview"


def recipe_for(project: Project, name: str) -> Recipe:
    """One recipe of the project."""
    recipe = Recipe.objects.filter(project=project, name=name).select_related("project", "source", "target").first()
    if recipe is None:
        raise Missing(f"There is no recipe “{name}” in this project.")
    return recipe


def recipe_version(recipe: Recipe, number: int | None = None) -> RecipeVersion:
    """The newest version of a recipe, or the one of that number."""
    versions = recipe.versions.select_related("recipe__project", "recipe__source", "recipe__target", "created_by")
    found = (versions.filter(number=number) if number is not None else versions).first()
    if found is None:
        raise Missing(f"There is no version {number} of the recipe “{recipe.name}”.")
    return found


def recipes_of(project: Project) -> QuerySet[Recipe]:
    """The recipes of a project for lists, with the number of their newest version and their last run's state."""
    versions = RecipeVersion.objects.filter(recipe=OuterRef("pk")).order_by("-number")
    runs = Preparation.objects.filter(recipe_version__recipe=OuterRef("pk")).order_by("-created_at")
    made = Version.objects.filter(preparation__recipe_version__recipe=OuterRef("pk")).order_by("-number")
    found = Recipe.objects.filter(project=project).select_related("project", "source", "target", "created_by")
    return found.annotate(
        newest=Subquery(versions.values("number")[:1]),
        saved_at=Subquery(versions.values("created_at")[:1]),
        last_state=Subquery(runs.values("state")[:1]),
        last_run_at=Subquery(runs.values("created_at")[:1]),
        made=Subquery(made.values("number")[:1]),
        runs=Count("versions__preparations"),
    ).order_by("name")


def newest_version(dataset: Dataset) -> Version | None:
    """The newest version of a dataset, published or not."""
    return dataset.versions.select_related("dataset__project").defer("profile", "report").first()


def input_for(recipe: Recipe, number: int | None) -> Version:
    """The version of the source that a run reads: the newest, or the one of that number."""
    versions = recipe.source.versions.select_related("dataset__project").defer("profile", "report")
    found = (versions.filter(number=number) if number is not None else versions).first()
    if found is None:
        text = (
            f"{recipe.source.name} has no version {number}."
            if number is not None
            else f"{recipe.source.name} is empty."
        )
        raise Invalid(text, fields={"version": text}, code="no_input")
    return found


def others_for(project: Project, steps: Sequence[Planned]) -> dict[str, Version]:
    """The versions of other datasets that the steps read: the stated one, or the newest published one."""
    found: dict[str, Version] = {}
    wanted = tables_of(steps)
    names = {name for name, _ in wanted}
    versions = Version.objects.filter(dataset__project=project, dataset__name__in=names).defer("profile", "report")
    ordered = list(versions.select_related("dataset__project").order_by("-number")) if names else []
    for place, one in enumerate(steps):
        with at_step(place):
            for name, number in one.step.tables(one.params):
                found[table_key(name, number)] = _chosen(ordered, name, number)
    return found


def inputs_now(recipe: Recipe, source: Version | None, raw: object) -> list[Version]:
    """What a run would read now, as far as it is there."""
    try:
        others = others_for(recipe.project, read_steps(raw))
    except Invalid:
        others = {}
    return [*([source] if source else []), *others.values()]


def _chosen(versions: Iterable[Version], name: str, number: int) -> Version:
    of_name = [version for version in versions if version.dataset.name == name]
    if number:
        chosen = next((version for version in of_name if version.number == number), None)
        text = f"There is no version {number} of a dataset “{name}” in this project."
        field = "version"
    else:
        chosen = next((version for version in of_name if version.state == Version.State.PUBLISHED), None)
        text = f"There is no published version of a dataset “{name}” in this project."
        field = "dataset"
    if chosen is None:
        raise Invalid(text, fields={field: text}, code="no_input")
    return chosen


def checked(project: Project, source: Version | None, raw: object) -> list[Planned]:
    """The steps, checked one by one against the columns that each will find; without a source only by themselves."""
    steps = read_steps(raw)
    frames_of(project, source, steps)
    return steps


def frames_of(project: Project, source: Version | None, steps: Sequence[Planned]) -> list[Frame]:
    """The columns before each step and after the last, as far as they can be known without data."""
    others = others_for(project, steps)
    if source is None:
        return []
    return outline(steps, source.schema, {key: version.schema for key, version in others.items()})


def preparation_for(recipe: Recipe, preparation_id: UUID) -> Preparation:
    """One run of the recipe."""
    found = preparations_of(recipe).filter(pk=preparation_id).first()
    if found is None:
        raise Missing("There is no such run of this recipe.")
    return found


def preparations_of(recipe: Recipe) -> QuerySet[Preparation]:
    """The runs of a recipe, newest first, with what they read and made."""
    runs = Preparation.objects.filter(recipe_version__recipe=recipe)
    made = Version.objects.select_related("dataset").defer(*HEAVY)
    return (
        runs.select_related("recipe_version__recipe__project", "created_by")
        .defer("report")
        .prefetch_related(
            Prefetch("version", made),
            Prefetch("inputs", PreparationInput.objects.select_related("version__dataset").defer(*_heavy("version"))),
        )
    )


def _heavy(path: str) -> list[str]:
    return [f"{path}__{name}" for name in HEAVY]


def last_done(recipe: Recipe, number: int) -> Preparation | None:
    """The last run of that version of the recipe that made a version: whose statistics may be used again."""
    return preparations_of(recipe).filter(recipe_version__number=number, state=Preparation.State.DONE).first()


@dataclass(frozen=True)
class Lineage:
    """Where a version came from, and what was made of it."""

    made_by: Preparation | None
    inputs: Sequence[PreparationInput]
    uses: Sequence[PreparationInput]


def lineage_of(version: Version) -> Lineage:
    """Both ways, one step each."""
    made_by = None
    if version.preparation_id:
        run = Preparation.objects.select_related("recipe_version__recipe__project", "created_by")
        made_by = run.get(pk=version.preparation_id)
    inputs = PreparationInput.objects.select_related("version__dataset").defer(*_heavy("version"))
    read = list(inputs.filter(preparation=made_by)) if made_by else []
    uses = PreparationInput.objects.filter(version=version, preparation__state=Preparation.State.DONE)
    made = uses.select_related("preparation__version__dataset", "preparation__recipe_version__recipe")
    newest = made.defer(*_heavy("preparation__version")).order_by("-preparation__created_at")[:20]
    return Lineage(made_by, read, list(newest))


def preview_of(version: RecipeVersion) -> Job | None:
    """The newest preview of a recipe version."""
    return latest_of(version)
