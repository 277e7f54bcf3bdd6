"""Reads about sources: lists, one of them, its loads, and what a load needs to know."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import OuterRef, Prefetch, QuerySet, Subquery

from datasets.connectors.base import Place
from datasets.models.destinations import Destination
from datasets.models.sources import Pull, PullFile, Source
from datasets.models.versions import Version
from datasets.queries.events import EVENTS, journal_of
from datasets.queries.versions import HEAVY, table_path
from jobs.models import Job
from jobs.queries import latest_of
from problems.problem import Missing
from projects.models.projects import Project
from storage import blobs
from storage.sealed import unseal

FETCH_SECONDS = 3600.0
TEST_SECONDS = 30.0
TEST = "datasets.test_source"


def sources_of(project: Project) -> QuerySet[Source]:
    """The sources of a project for lists, with how their last load went."""
    last = Pull.objects.filter(source=OuterRef("pk")).order_by("-created_at")
    found = Source.objects.filter(project=project).select_related("project", "dataset", "decided_by", "created_by")
    return found.annotate(
        last_state=Subquery(last.values("state")[:1]),
        last_at=Subquery(last.values("created_at")[:1]),
    )


def source_for(project: Project, name: str) -> Source:
    """One source of the project."""
    source = sources_of(project).filter(name=name).first()
    if source is None:
        raise Missing(f"There is no source “{name}” in this project.")
    return source


def pulls_of(source: Source) -> QuerySet[Pull]:
    """The loads of a source, newest first, with what they made."""
    made = Version.objects.select_related("dataset__project").defer(*HEAVY)
    pulls = Pull.objects.filter(source=source).select_related("source__project", "source__dataset", "created_by")
    return pulls.defer("found").prefetch_related(Prefetch("version", made), "files")


def pull_for(source: Source, pull_id: UUID) -> Pull:
    """One load of the source."""
    pull = pulls_of(source).filter(pk=pull_id).first()
    if pull is None:
        raise Missing("There is no such load of this source.")
    return pull


def looks(projects: Collection[Project]) -> list[Pull]:
    """The loads of these projects that wait until somebody has looked at them, oldest first."""
    waiting = Pull.objects.filter(source__project__in=projects, source__deleted_at=None, state=Pull.State.PREVIEW)
    return list(
        waiting.defer("found")
        .select_related("source__project", "source__dataset__project", "created_by")
        .order_by("created_at")[:20]
    )


def running(source: Source) -> Pull | None:
    """The load that waits or runs."""
    return pulls_of(source).filter(state=Pull.State.WAITING).first()


def last_test(source: Source) -> Job | None:
    """The newest test of a source."""
    return latest_of(source)


def columns_seen(source: Source) -> list[str]:
    """The columns that the newest test saw where the source reads."""
    test = last_test(source)
    return list((test.result or {}).get("columns", [])) if test else []


def secrets_of(source: Source | Destination) -> dict[str, str]:
    """The secrets in clear, for the child alone."""
    return {name: unseal(token.encode()) for name, token in source.sealed.items()}


def spec_of(source: Source) -> dict[str, Any]:
    """What a child is told of a source; the secrets go another way."""
    return {
        "connector": source.connector,
        "params": source.params | _pushed(source),
        "allow": sorted(settings.OUTBOUND_ALLOW),
        "most_bytes": settings.UPLOAD_MAX_BYTES,
        "seconds": TEST_SECONDS,
    }


def _pushed(source: Source) -> dict[str, Any]:
    """Where events wait that were pushed to the source."""
    return {"journal": str(journal_of(source))} if source.connector == EVENTS else {}


def pull_spec(pull: Pull) -> dict[str, Any]:
    """What the child of a load is told beside that: where to go on, and on what."""
    source = pull.source
    base = base_of(source) if source.mode == Source.Mode.INCREMENTAL and not pull.again else None
    mark: Mapping[str, Any] = {} if pull.again else source.mark
    if source.mode == Source.Mode.INCREMENTAL and base is None:
        mark = {}  # what the new rows would be added to is gone: all of it again
    newest = Version.everything.filter(dataset=source.dataset).order_by("-number").first()
    if newest is None or newest.deleted_at:
        newest, mark = None, {} if source.mode == Source.Mode.FULL else mark
    more = {
        "mode": source.mode,
        "mark": mark,
        "keys": source.keys,
        "options": source.options,
        "look": pull.preview,
        "base": _base(base) if base and mark else None,
        "known": _known(newest) if newest else None,
        "seconds": FETCH_SECONDS,
    }
    return spec_of(source) | more


def kept_spec(kept: Mapping[str, Any]) -> dict[str, Any]:
    """The files that an earlier load brought, for a child that reads them once more, with where that load came to."""
    files = [
        {"path": str(blobs.verified_path(one.blob_id)), "name": one.name, "options": one.options}
        for one in PullFile.objects.filter(pull=kept["pull"], options__isnull=False)
    ]
    return {"files": files, "mark": kept["mark"], "until": kept["until"], "notes": kept["notes"]}


def base_of(source: Source) -> Version | None:
    """The newest version that this source made and that is still there."""
    made = Version.objects.filter(dataset=source.dataset, pull__source=source)
    return made.select_related("table").order_by("-number").first()


def _base(version: Version) -> dict[str, Any]:
    empty = [one["name"] for one in version.profile["columns"] if one["missing"] == version.rows]
    return {"path": str(table_path(version)), "schema": version.schema, "empty": empty}


def _known(version: Version) -> dict[str, Any]:
    return {"path": str(table_path(version)), "rows": version.rows, "schema": version.schema}


def pull_of(version: Version) -> Pull | None:
    """The load that made a version, if one did and its source is still there."""
    return Pull.objects.filter(version=version, source__deleted_at=None).select_related("source", "created_by").first()


def shown_params(source: Source | Destination, place: Place) -> list[tuple[str, Any]]:
    """The parameters with their labels for pages; of a secret only whether it is there."""
    found: list[tuple[str, Any]] = []
    for one in place.fields:
        if one.kind == "secret":
            if one.name in source.sealed:
                found.append((one.label, "sealed"))
        elif (value := source.params.get(one.name)) not in (None, "", []) and (one.choices or value != one.default):
            shown = one.choices.get(value, value) if one.kind == "choice" else "yes" if value is True else value
            found.append((one.label, ", ".join(shown) if isinstance(shown, list) else shown))
    return found
