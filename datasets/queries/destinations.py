"""Reads about destinations: lists, one of them, what was written, and what a load needs to know."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import OuterRef, Prefetch, QuerySet, Subquery

from datasets.models.destinations import Destination, Writing
from datasets.models.versions import Dataset, Version
from datasets.queries import seen
from datasets.queries.catalog import newest_published
from datasets.queries.versions import HEAVY, dataset_for, table_path
from jobs.models import Job
from jobs.queries import latest_of
from problems.problem import Conflict, Missing
from projects.access import roles_of
from projects.models.projects import Project
from projects.permissions import Role

WRITE, TEST = "datasets.write", "datasets.test_destination"
TEST_SECONDS, WRITE_SECONDS = 30.0, 3 * 3600.0


def destinations_of(dataset: Dataset) -> QuerySet[Destination]:
    """The destinations of a dataset for lists, with how the last load into each went."""
    last = Writing.objects.filter(destination=OuterRef("pk")).order_by("-created_at")
    found = Destination.objects.filter(dataset=dataset)
    return found.select_related("dataset__project", "decided_by", "created_by").annotate(
        last_state=Subquery(last.values("state")[:1]),
        last_at=Subquery(last.values("created_at")[:1]),
        last_number=Subquery(last.values("number")[:1]),
    )


def destination_for(dataset: Dataset, name: str) -> Destination:
    """One destination of the dataset."""
    found = destinations_of(dataset).filter(name=name).first()
    if found is None:
        raise Missing(f"There is no destination “{name}” of {dataset.name}.")
    return found


def destination_called(project: Project, words: str) -> Destination:
    """One as `customers/warehouse`."""
    dataset, _, name = words.partition("/")
    return destination_for(dataset_for(project, dataset), name)


def writings_of(destination: Destination) -> QuerySet[Writing]:
    """The loads into a destination, newest first."""
    versions = Version.objects.select_related("dataset__project").defer(*HEAVY)
    found = Writing.objects.filter(destination=destination).select_related("destination__dataset", "created_by")
    return found.prefetch_related(Prefetch("version", versions))


def writing_for(destination: Destination, pk: UUID) -> Writing:
    """One load into the destination."""
    found = writings_of(destination).filter(pk=pk).first()
    if found is None:
        raise Missing("There is no such load into this destination.")
    return found


def written_of(version: Version) -> list[Writing]:
    """Where a version was written to, the newest load of each destination."""
    done = version.writings.filter(state=Writing.State.DONE, destination__deleted_at=None)
    found: dict[UUID, Writing] = {}
    for one in done.select_related("destination__dataset__project").order_by("created_at")[:200]:
        found[one.destination_id] = one
    return list(found.values())


def running(destination: Destination) -> list[Writing]:
    """The loads that wait or run."""
    return list(writings_of(destination).filter(state=Writing.State.WAITING)[:5])


def last_test(destination: Destination) -> Job | None:
    """The newest test of a destination."""
    return latest_of(destination)


def newest_of(dataset: Dataset) -> Version | None:
    """The version by which columns are known: the newest published one, else the newest."""
    return newest_published(dataset) or dataset.versions.first()


def published_of(dataset: Dataset) -> list[Version]:
    """What can be written, newest first."""
    return list(dataset.versions.filter(state=Version.State.PUBLISHED).defer(*HEAVY)[:50])


def taken(destination: Destination, version: Version) -> list[dict[str, str]]:
    """The columns that a destination takes of a version; refuses when one of them is gone."""
    there = {column["name"]: column["type"] for column in version.schema}
    names = destination.columns or list(there)
    if gone := [name for name in names if name not in there]:
        text = f"{version} has no column “{gone[0][:60]}” any more, which {destination.name} takes."
        raise Conflict(text, code="columns_gone")
    return [{"name": name, "type": there[name]} for name in names]


def sensitive_in(destination: Destination, version: Version | None) -> list[str]:
    """The sensitive columns that a destination would take."""
    names = destination.columns or [column["name"] for column in version.schema] if version else destination.columns
    return seen.held_back(destination.dataset, names, released=(), roles=frozenset())


def approver_roles(destination: Destination) -> frozenset[Role]:
    """What the person who approved it is in the project now; whoever left it released nothing."""
    person = destination.decided_by
    return roles_of(person, destination.dataset.project) if person and person.is_active else frozenset()


def spec_of(destination: Destination, columns: Sequence[dict[str, str]]) -> dict[str, Any]:
    """What the child of a test is told; the secrets go another way."""
    return {
        "connector": destination.connector,
        "params": destination.params,
        "allow": sorted(settings.OUTBOUND_ALLOW),
        "seconds": TEST_SECONDS,
        "load": {"columns": list(columns), "mode": destination.mode, "keys": destination.keys},
    }


def write_spec(writing: Writing, version: Version) -> dict[str, Any]:
    """What the child of a load is told beside that. What goes by itself never goes back to an older version."""
    destination = writing.destination
    spec = spec_of(destination, taken(destination, version))
    spec["seconds"] = WRITE_SECONDS
    spec["load"] |= {
        "path": str(table_path(version)),
        "rows": version.rows,
        "writing": str(writing.pk),
        "destination": str(destination.pk),
        "dataset": str(version.dataset_id),
        "version": str(version.pk),
        "number": version.number,
        "label": str(version),
        "newest_only": writing.by_publication,
    }
    return spec
