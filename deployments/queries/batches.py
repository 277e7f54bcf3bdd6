"""Reads about batches: what may be scored with what, what came out, and the rows that were refused."""

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from datasets.masking import visible
from datasets.models.versions import Version
from datasets.queries.seen import Roles, hidden_of
from datasets.queries.versions import HEAVY, published_versions
from deployments.models import BatchPlan, BatchScoring, Deployment, Release
from deployments.queries.versions import signature_of
from experiments.models.registry import ModelVersion
from problems.problem import Conflict, Invalid, Missing
from projects.models.projects import Project
from storage.blobs import unverified_path

LET_IN = (Release.State.CHAMPION, Release.State.RETIRED)
FITS = {"number": {"integer", "number"}, "integer": {"integer", "number"}}
MOST_ROWS, OFFERED = 200, 200


def version_to_score(deployment: Deployment, number: int | None) -> ModelVersion:
    """The model in use, or a version that was in use here before: what no gate let in scores nothing."""
    releases = deployment.releases.filter(state__in=LET_IN, version__deleted_at=None)
    releases = releases.select_related("version__model", "version__run__data__dataset")
    if number is None:
        found = releases.filter(state=Release.State.CHAMPION).first()
        if found is None:
            raise Conflict(f"Nothing is in use under {deployment.name}, so nothing can be scored.", code="nothing_live")
    else:
        found = releases.filter(version__number=number).first()
        if found is None:
            text = f"Version {number} was never in use under {deployment.name}. Its gate comes first."
            raise Invalid(text, fields={"model_version": text}, code="not_let_in")
    if found.trouble:
        raise Conflict(f"{found.version} is damaged: {found.trouble}", code="damaged")
    return found.version


def refuse_columns(version: ModelVersion, source: Version) -> None:
    """Data that lacks a column which the model needs, or has it as another type: no row of it could be answered."""
    there = {one["name"]: one["type"] for one in source.schema}
    wrong = []
    for field in signature_of(version)["inputs"]:
        name, kind = field["name"], field["type"]
        if name not in there:
            wrong += [] if field["nullable"] else [f"{name} is missing"]
        elif there[name] not in FITS.get(kind, {kind}):
            wrong.append(f"{name} is {there[name]}, not {kind}")
    if wrong:
        text = f"{source} does not fit {version}: {'; '.join(wrong[:10])}."
        raise Invalid(text, fields={"version": text}, code="schema")


def versions_to_score(project: Project) -> list[str]:
    """The published data versions that forms offer, newest first, such as `customers v2`; none that scoring made."""
    versions = published_versions(project).filter(scored_by=None).defer("schema", "profile", "report")
    return [str(version) for version in versions[:OFFERED]]


def batches_of(deployment: Deployment) -> QuerySet[BatchScoring]:
    """All batches of a deployment, newest first."""
    found = BatchScoring.objects.filter(deployment=deployment)
    around = ("version__model", "version__run", "source__dataset", "made__dataset", "deployment__project")
    whole = found.select_related(*around, "created_by", "plan")
    return whole.defer(*(f"{side}__{name}" for side in ("source", "made") for name in HEAVY))


def batch_for(deployment: Deployment, number: int) -> BatchScoring:
    """One batch of the deployment."""
    found = batches_of(deployment).filter(number=number).first()
    if found is None:
        raise Missing(f"There is no batch {number} of {deployment.name}.")
    return found


def plans_for(deployment: Deployment) -> QuerySet[BatchPlan]:
    """What it scores by itself, newest first."""
    return BatchPlan.objects.filter(deployment=deployment, ended_at=None).select_related("dataset", "created_by")


def plan_for(deployment: Deployment, number: int) -> BatchPlan:
    """One plan of the deployment."""
    found = BatchPlan.objects.filter(deployment=deployment, number=number)
    plan = found.select_related("dataset", "created_by", "deployment__project").first()
    if plan is None:
        raise Missing(f"There is no plan {number} of {deployment.name}.")
    return plan


def scored_rows(batch: BatchScoring, roles: Roles, *, after: int = 0, limit: int = 50) -> list[dict[str, Any]]:
    """Rows that came out, from place `after` on, as these roles may see them."""
    made = Version.objects.filter(pk=batch.made_id).select_related("dataset").first() if batch.made_id else None
    if made is None:
        return []
    hidden = hidden_of(made.dataset, roles)
    return [visible(row, hidden) for row in _rows(made.table_id, after, limit)]


def refused_rows(batch: BatchScoring, *, after: int = 0, limit: int = 50) -> list[dict[str, Any]]:
    """Rows that were refused, by their number in the source, each with its reasons."""
    return list(_rows(batch.aside_id, after, limit)) if batch.aside_id else []


def _rows(blob: str, after: int, limit: int) -> Iterator[dict[str, Any]]:
    from storage import tables  # late: the web process starts without pyarrow

    path = unverified_path(blob)
    end = min(after + min(limit, MOST_ROWS), tables.rows_of(path))
    if after >= end:
        return
    found = tables.rows_at(path, range(after, end), tables.schema_of(path).names)
    yield from found.to_pylist()
