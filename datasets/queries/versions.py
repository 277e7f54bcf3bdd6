"""Reads about datasets, their versions and loads that pages, jobs and the rooms above need."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db.models import Case, Max, OuterRef, Prefetch, QuerySet, Subquery, When

from datasets.columns import SchemaChange, schema_changed
from datasets.models.versions import Dataset, Ingestion, Version
from jobs.models import Job
from problems.problem import Missing
from projects.models.projects import Project
from storage import blobs

HEAVY = ("schema", "profile", "report")


def dataset_for(project: Project, name: str) -> Dataset:
    """One dataset of the project."""
    dataset = Dataset.objects.filter(project=project, name=name).select_related("project").first()
    if dataset is None:
        raise Missing(f"There is no dataset “{name}” in this project.")
    return dataset


def version_for(project: Project, name: str, number: int) -> Version:
    """One version of one dataset of the project, whole."""
    versions = Version.objects.filter(dataset__project=project, dataset__name=name, number=number)
    version = versions.select_related(
        "dataset__project",
        "table",
        "published_by",
        "schema_accepted_by",
        "ingestion__created_by",
        "ingestion__file_blob",
    ).first()
    if version is None:
        raise Missing(f"There is no version {number} of a dataset “{name}” in this project.")
    return version


def ingestion_for(project: Project, name: str, ingestion_id: UUID) -> Ingestion:
    """One load into one dataset of the project."""
    loads = Ingestion.objects.filter(dataset__project=project, dataset__name=name, pk=ingestion_id)
    ingestion = loads.select_related("dataset__project", "version", "file_blob").first()
    if ingestion is None:
        raise Missing("There is no such upload in this project.")
    return ingestion


def published_versions(project: Project) -> QuerySet[Version]:
    """What may be trained on, newest first; what a model answered comes after all that came from outside.

    The columns are in `schema`; profiles are fetched when asked for.
    """
    versions = Version.objects.filter(dataset__project=project, state=Version.State.PUBLISHED)
    answers_last = Case(When(report__answered=True, then=1), default=0)
    return (
        versions.select_related("dataset").defer("profile", "report").order_by(answers_last, "-published_at", "-number")
    )


def next_to_learn_from(project: Project, dataset_id: UUID | None) -> Version | None:
    """The newest published version of the dataset in use, or of any while none is in use or it has none."""
    versions = published_versions(project)
    same = versions.filter(dataset_id=dataset_id).order_by("-number").first() if dataset_id else None
    return same or versions.first()


def versions_of(dataset: Dataset) -> QuerySet[Version]:
    """All versions of a dataset for lists, newest first."""
    versions = dataset.versions.select_related("published_by", "ingestion__created_by", "dataset__project")
    return versions.defer(*HEAVY)


def version_before(version: Version) -> Version | None:
    """What a version is compared with: the newest published one before it, else the newest one before it."""
    earlier = version.dataset.versions.filter(number__lt=version.number)
    return earlier.filter(state=Version.State.PUBLISHED).first() or earlier.first()


def last_published(version: Version) -> Version | None:
    """The version that consumers use, with which this one must agree: the newest published one before it."""
    earlier = Version.objects.filter(dataset_id=version.dataset_id, number__lt=version.number)
    return earlier.filter(state=Version.State.PUBLISHED).order_by("-number").defer("profile", "report").first()


def schema_changes(version: Version) -> tuple[Version | None, list[SchemaChange]]:
    """The last published version, and how the columns of this one differ from its columns."""
    before = last_published(version)
    return before, schema_changed(before.schema, version.schema) if before else []


def table_path(version: Version) -> Path:
    """The version's Parquet file, whose bytes were just checked against their hash. Read only."""
    return blobs.verified_path(version.table_id)


def sample_rows(version: Version, rows: int) -> list[dict[str, Any]]:
    """The first rows, from the stored profile."""
    return list(islice(version.profile["sample"], rows))


def datasets_of(projects: Collection[Project] | QuerySet[Project]) -> QuerySet[Dataset]:
    """The datasets of these projects for lists, last touched first."""
    datasets = Dataset.objects.filter(project__in=projects).select_related("project", "created_by")
    return datasets.annotate(touched_at=Max("ingestions__created_at")).order_by("-touched_at", "name")


@dataclass(frozen=True)
class Listed:
    """A dataset as lists show it: its newest versions and its last load."""

    dataset: Dataset
    versions: list[Version]
    load: Ingestion | None

    @property
    def newest(self) -> Version | None:
        """The newest version, published or not."""
        return self.versions[0] if self.versions else None

    @property
    def published(self) -> Version | None:
        """The newest version that may be trained on."""
        return next((v for v in self.versions if v.state == Version.State.PUBLISHED), None)

    @property
    def failed(self) -> Ingestion | None:
        """The last load, if it made no version."""
        bad = (Ingestion.State.FAILED, Ingestion.State.CANCELLED)
        return self.load if self.load and self.load.state in bad else None


def listed(datasets: Iterable[Dataset]) -> list[Listed]:
    """Datasets with their versions and last loads, in two queries."""
    chosen = list(datasets)
    ids = [dataset.pk for dataset in chosen]
    versions: dict[UUID, list[Version]] = {pk: [] for pk in ids}
    interesting = Version.objects.filter(dataset__in=ids).order_by("-number").defer(*HEAVY)
    for version in interesting.select_related("ingestion__created_by"):
        versions[version.dataset_id].append(version)
    last = Ingestion.objects.filter(dataset=OuterRef("dataset")).order_by("-created_at").values("pk")[:1]
    lasts = Ingestion.objects.filter(dataset__in=ids, pk=Subquery(last)).select_related("created_by").defer("found")
    loads = {one.dataset_id: one for one in lasts}
    return [Listed(dataset, versions[dataset.pk], loads.get(dataset.pk)) for dataset in chosen]


@dataclass(frozen=True)
class Load:
    """A load that is under way, with its job."""

    ingestion: Ingestion
    job: Job | None


def open_loads(projects: Collection[Project]) -> list[Load]:
    """The loads that wait or run in these projects, oldest first."""
    waiting = Ingestion.objects.filter(dataset__project__in=projects, state=Ingestion.State.WAITING)
    ingestions = list(waiting.select_related("dataset__project", "created_by").order_by("created_at")[:20])
    ids = [str(ingestion.pk) for ingestion in ingestions]
    jobs = Job.objects.filter(subject_type=Ingestion._meta.label_lower, subject_id__in=ids).order_by("created_at")
    by_subject = {job.subject_id: job for job in jobs}
    return [Load(ingestion, by_subject.get(str(ingestion.pk))) for ingestion in ingestions]


def previews(projects: Collection[Project]) -> list[Ingestion]:
    """The loads that wait until somebody has looked at them, oldest first."""
    waiting = Ingestion.objects.filter(dataset__project__in=projects, state=Ingestion.State.PREVIEW)
    return list(waiting.select_related("dataset__project", "created_by").defer("found").order_by("created_at")[:20])


def with_versions(datasets: QuerySet[Dataset]) -> QuerySet[Dataset]:
    """Datasets with their light versions fetched along."""
    return datasets.prefetch_related(Prefetch("versions", Version.objects.defer(*HEAVY)))
