"""What of the datasets room can be deleted, what it still does, and how it goes for good."""

import re
from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q

from datasets.models.destinations import Destination, Writing
from datasets.models.recipes import Preparation, PreparationInput, Recipe
from datasets.models.sources import Pull, PullFile, Source
from datasets.models.versions import Dataset, Ingestion, Version
from datasets.queries.destinations import destination_called
from datasets.queries.quality import newest_contract
from datasets.queries.recipes import recipe_for
from datasets.queries.sources import source_for
from datasets.queries.versions import dataset_for, version_for
from datasets.schedules import in_words
from problems.problem import Missing
from projects.discarding import Kind, empties, keeps, kind
from projects.models.projects import Project


def _dataset(project: Project, words: str) -> Dataset:
    return dataset_for(project, words)


def _version(project: Project, words: str) -> Version:
    found = re.fullmatch(r"([a-z0-9_-]{1,60})/v(\d{1,9})", words)
    if not found:
        raise Missing("Name a data version like customers/v2.")
    return version_for(project, found[1], int(found[2]))


def _hide_dataset(dataset: Dataset, at: datetime | None) -> None:
    """Its versions go and come with it; one that was deleted before stays deleted."""
    versions = Version.everything.filter(dataset=dataset)
    if at:
        versions.filter(deleted_at=None).update(deleted_at=at)
    else:
        versions.filter(deleted_at=dataset.deleted_at).update(deleted_at=None)
    Dataset.everything.filter(pk=dataset.pk).update(deleted_at=at)


def _hide_version(version: Version, at: datetime | None) -> None:
    Version.everything.filter(pk=version.pk).update(deleted_at=at)


def _hide_source(source: Source, at: datetime | None) -> None:
    """Nothing is loaded from what lies in the bin, and its keys open nothing."""
    Source.everything.filter(pk=source.pk).update(deleted_at=at)


def _hide_destination(destination: Destination, at: datetime | None) -> None:
    """Nothing is written to what lies in the bin."""
    Destination.everything.filter(pk=destination.pk).update(deleted_at=at)


def _hide_recipe(recipe: Recipe, at: datetime | None) -> None:
    Recipe.everything.filter(pk=recipe.pk).update(deleted_at=at)


def _purge_dataset(dataset: Dataset) -> set[str]:
    held = set()
    for version in Version.everything.filter(dataset=dataset):
        held |= _purge_version(version)
    loads = Ingestion.objects.filter(dataset=dataset)
    held |= {blob for pair in loads.values_list("file_blob_id", "table_id") for blob in pair if blob}
    loads.delete()
    dataset.delete()
    return held


def _purge_version(version: Version) -> set[str]:
    """With the file that it was read from, or the run of the recipe that made it: nothing else shows them any more."""
    held, load, made = {version.table_id}, version.ingestion, version.preparation
    held |= {blob for blob in version.exports.values_list("file_id", flat=True) if blob}
    ended = (Preparation.State.FAILED, Preparation.State.CANCELLED)
    PreparationInput.objects.filter(version=version, preparation__state__in=ended).delete()
    held |= {blob for blob in version.quarantines.values_list("table_id", flat=True) if blob}
    files = PullFile.objects.filter(pull__version=version)
    held |= set(files.values_list("blob_id", flat=True))
    files.delete()
    version.delete()
    if load:
        held |= {blob for blob in (load.file_blob_id, load.table_id) if blob}
        load.delete()
    if made:
        Preparation.objects.filter(learned_from=made).update(learned_from=None)
        made.delete()
    return held


def _purge_source(source: Source) -> set[str]:
    """With its loads and the files as they came; the versions stay, and their reports name it."""
    files = PullFile.objects.filter(pull__source=source).values_list("blob_id", flat=True)
    looks = Pull.objects.filter(source=source).exclude(table=None).values_list("table_id", flat=True)
    held = {*files, *looks}
    source.delete()
    return held


def _purge_destination(destination: Destination) -> set[str]:
    """With what is noted of its loads; the rows outside stay where they are."""
    destination.delete()
    return set()


def _purge_recipe(recipe: Recipe) -> set[str]:
    """With its versions and the runs that made nothing."""
    Preparation.objects.filter(recipe_version__recipe=recipe, version=None).delete()
    recipe.delete()
    return set()


kind(Kind("dataset", "dataset", "data.publish", Dataset, _dataset, _hide_dataset, _purge_dataset))
kind(Kind("version", "data version", "data.publish", Version, _version, _hide_version, _purge_version))
kind(Kind("source", "source", "source.write", Source, source_for, _hide_source, _purge_source))
kind(
    Kind(
        *("destination", "destination", "source.write", Destination),
        *(destination_called, _hide_destination, _purge_destination),
    )
)
kind(Kind("recipe", "recipe", "recipe.write", Recipe, recipe_for, _hide_recipe, _purge_recipe))


@keeps("dataset")
def loads_under_way(dataset: Dataset) -> Iterable[str]:
    """A file that is being read into it."""
    for load in dataset.ingestions.filter(state=Ingestion.State.WAITING)[:3]:
        yield f"{load.file_name} is being read into it."


@keeps("dataset")
def recipes_on(dataset: Dataset) -> Iterable[str]:
    """A recipe that reads it, or makes its versions."""
    for recipe in Recipe.objects.filter(Q(source=dataset) | Q(target=dataset))[:3]:
        yield f"The recipe {recipe.name} {'reads it' if recipe.source_id == dataset.pk else 'makes its versions'}."


@keeps("dataset")
def sources_into(dataset: Dataset) -> Iterable[str]:
    """A source that fills it."""
    for source in Source.objects.filter(dataset=dataset)[:3]:
        yield f"The source {source.name} fills it."


@keeps("source")
def loads_of(source: Source) -> Iterable[str]:
    """A load that runs, or one that the schedule will start."""
    if Pull.objects.filter(source=source, state=Pull.State.WAITING).exists():
        yield "It is being loaded."
    if source.schedule != Source.Schedule.OFF:
        words = in_words(source.schedule, source.at, source.weekday)
        yield f"It is loaded by itself: {words}. Set it to “Only by hand” first."


@keeps("source")
def promised_with(source: Source) -> Iterable[str]:
    """A contract that somebody counts on, when nothing else fills its dataset."""
    contract = newest_contract(source.dataset)
    if contract is None or contract.signed_at is None:
        return
    if Source.objects.filter(dataset=source.dataset).exclude(pk=source.pk).exists():
        return
    for one in source.dataset.subscriptions.all()[:3]:
        yield f"{one.name} counts on {contract}, and nothing else fills {source.dataset}. End the subscription first."


@keeps("destination")
def writings_to(destination: Destination) -> Iterable[str]:
    """A load that runs, or one that the next publication will start."""
    if destination.writings.filter(state=Writing.State.WAITING).exists():
        yield "It is being written to."
    if destination.when == Destination.When.PUBLISHED:
        yield "Every version that is published is written to it. Set it to “Only by hand” first."


@keeps("version")
def writings_of(version: Version) -> Iterable[str]:
    """A load that runs."""
    for one in version.writings.filter(state=Writing.State.WAITING).select_related("destination")[:3]:
        yield f"It is being written to {one.destination}."


@keeps("recipe")
def runs_of(recipe: Recipe) -> Iterable[str]:
    """A run under way, or a version whose history would be lost."""
    runs = Preparation.objects.filter(recipe_version__recipe=recipe)
    if runs.filter(state=Preparation.State.WAITING).exists():
        yield "It is being run."
    for version in Version.everything.filter(preparation__in=runs).select_related("dataset")[:3]:
        where = " It lies in the bin." if version.deleted_at else ""
        yield f"{version} was made by it.{where}"
    for one in recipe.subscriptions.select_related("dataset")[:3]:
        yield f"It counts on the contract of {one.dataset}. End the subscription first."


@keeps("version")
def made_of(version: Version) -> Iterable[str]:
    """A version that a recipe made of it: its history would be lost."""
    for use in version.uses.filter(preparation__version__isnull=False).select_related("preparation__version__dataset")[
        :3
    ]:
        yield f"{use.preparation.version} was made of it."


@empties(40)
def empty(project: Project) -> set[str]:
    """All recipes and datasets of a project."""
    held: set[str] = set()
    PreparationInput.objects.filter(preparation__recipe_version__recipe__project=project).delete()
    for version in Version.everything.filter(dataset__project=project):
        held |= _purge_version(version)
    made = Preparation.objects.filter(recipe_version__recipe__project=project)
    made.update(learned_from=None)
    made.delete()
    Recipe.everything.filter(project=project).delete()
    for source in Source.everything.filter(project=project):
        held |= _purge_source(source)
    for dataset in Dataset.everything.filter(project=project):
        held |= _purge_dataset(dataset)
    return held
