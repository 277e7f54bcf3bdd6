"""Reads about registered models and their versions."""

from collections.abc import Collection
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet

from accounts.models import User
from experiments import pointers
from experiments.models.registry import Alias, Model, ModelVersion
from experiments.models.runs import Run
from experiments.queries.runs import heavy_of_data, heavy_of_run
from problems.problem import Missing
from projects.contract import Measurement, measurements
from projects.models.projects import Project
from projects.queries.projects import visible_to
from storage.blobs import verified_path

Named = int | str  # the number of a version, or `@` and an alias that names it


def versions_of(model: Model) -> QuerySet[ModelVersion]:
    """A model's versions, newest first."""
    return model.versions.select_related("model", "run", "created_by")


def model_versions(project: Project) -> QuerySet[ModelVersion]:
    """All registered versions of the project, newest first."""
    versions = ModelVersion.objects.filter(model__project=project).order_by("-created_at", "-number")
    return versions.select_related("model__project", "run", "created_by", "bundle").defer(*heavy_of_run())


def model_version_for(project: Project, name: str, number: Named) -> ModelVersion:
    """One registered version of the project, by its number or by `@` and an alias."""
    if isinstance(number, str):
        number = _number_of(project, name, number.removeprefix("@"))
    versions = ModelVersion.objects.filter(model__project=project, model__name=name, number=number)
    version = versions.select_related("model__project", "run__data__dataset", "run__contract", "created_by").first()
    if version is None:
        raise Missing(f"There is no version {number} of a model “{name}” in this project.")
    return version


def _number_of(project: Project, name: str, alias: str) -> int:
    """The version that an alias names now; what follows something goes before what people set."""
    model = Model.objects.filter(project=project, name=name).first()
    version = pointers.followed(model).get(alias) if model else None
    if version is None:
        rows = Alias.objects.filter(model=model, name=alias, version__deleted_at=None)
        version = next((one.version for one in rows.select_related("version")), None)
    if version is None:
        raise Missing(f"A model “{name}” of this project has no alias “{alias}” that points at a version.")
    return version.number


def models_for(user: User, search: str = "") -> QuerySet[Model]:
    """The models of all projects that a person may read, with their newest version first in `versions`."""
    versions = ModelVersion.objects.select_related("run", "created_by").defer(*heavy_of_run()).order_by("-number")
    models = Model.objects.filter(project__in=visible_to(user)).filter(versions__isnull=False).distinct()
    if search:
        models = models.filter(Q(name__icontains=search) | Q(project__name__icontains=search))
    newest = models.select_related("project").prefetch_related(Prefetch("versions", queryset=versions))
    return newest.order_by("project__name", "name")


def newest_versions(projects: Collection[Project]) -> dict[UUID, ModelVersion]:
    """The version registered last in each of these projects."""
    found: dict[UUID, ModelVersion] = {}
    versions = ModelVersion.objects.filter(model__project__in=projects).order_by("created_at")
    related = ("model__project", "run__data__dataset", "run__contract")
    for version in versions.select_related(*related).defer(*heavy_of_run(), *heavy_of_data("run__data")):
        found[version.model.project_id] = version
    return found


def bundle_path(version: ModelVersion) -> Path:
    """The bundle's file, its hash just checked."""
    return verified_path(version.bundle_id)


def signature_of(version: ModelVersion) -> dict[str, Any]:
    """What the model accepts, without reading its bundle."""
    signature: dict[str, Any] = version.run.evaluation["signature"]
    return signature


def champion_metrics(version: ModelVersion) -> dict[str, Measurement]:
    """What a version measured on its own held-back rows, by metric."""
    return measurements(version.run.metrics)


def rival_of(run: Run) -> ModelVersion | None:
    """The version registered last that answers the same question and is not this run."""
    versions = ModelVersion.objects.filter(model__project=run.project).exclude(run=run).order_by("-created_at")
    signature = run.evaluation.get("signature") or {}
    for version in versions.select_related("run")[:20]:
        theirs = version.run.evaluation.get("signature") or {}
        if all(theirs.get(key) == signature.get(key) for key in ("kind", "target", "positive")):
            return version
    return None
