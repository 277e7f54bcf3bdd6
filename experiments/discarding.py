"""What of the experiments room can be deleted, what it still needs of data, and how it goes for good."""

import re
from collections.abc import Iterable
from datetime import datetime

from django.db.models import F

from datasets.models.versions import Dataset, Version
from experiments.models.evaluations import Evaluation
from experiments.models.logged import LogExperiment, LogFile, LogInput
from experiments.models.records import RunRecord
from experiments.models.registry import Alias, Model, ModelVersion
from experiments.models.runs import Run
from experiments.queries.models import model_version_for
from experiments.queries.runs import run_for
from experiments.services.records import hide_record
from problems.problem import Conflict, Missing
from projects.discarding import Kind, empties, keeps, kind
from projects.models.projects import Project

SHOWN = 3


def _run(project: Project, words: str) -> Run:
    if not re.fullmatch(r"\d{1,9}", words):
        raise Missing("Name a run by its number.")
    return run_for(project, int(words))


def _model_version(project: Project, words: str) -> ModelVersion:
    found = re.fullmatch(r"([a-z0-9_-]{1,60})/v(\d{1,9})", words)
    if not found:
        raise Missing("Name a model version like churn-classifier/v2.")
    return model_version_for(project, found[1], int(found[2]))


def _hide_run(run: Run, at: datetime | None) -> None:
    if at is None and not Version.objects.filter(pk=run.data_id).exists():
        raise Conflict(f"{run.data} is in the bin. Restore it first: the run learned from it.", code="needed")
    Run.everything.filter(pk=run.pk).update(deleted_at=at)
    hide_record(run, at)


def _hide_model_version(version: ModelVersion, at: datetime | None) -> None:
    if at is None and not Run.objects.filter(pk=version.run_id).exists():
        raise Conflict(f"Run {version.run.number} is in the bin. Restore it first.", code="needed")
    ModelVersion.everything.filter(pk=version.pk).update(deleted_at=at)


def _purge_run(run: Run) -> set[str]:
    held = {each for each in (run.bundle_id, run.given_id) if each}
    run.delete()
    return held


def _purge_model_version(version: ModelVersion) -> set[str]:
    held, model = {version.bundle_id}, version.model
    version.delete()
    if not ModelVersion.everything.filter(model=model).exists():
        Model.objects.filter(pk=model.pk, deployments=None).delete()
    return held


kind(Kind("run", "run", "model.register", Run, _run, _hide_run, _purge_run))
kind(
    Kind(
        "model", "model version", "model.register", ModelVersion, _model_version, _hide_model_version,
        _purge_model_version,
    )
)  # fmt: skip


def _runs_on(versions: Iterable[Version]) -> Iterable[str]:
    runs = Run.objects.filter(data__in=list(versions)).select_related("data__dataset").order_by("-number")
    for run in runs[:SHOWN]:
        doing = "is being trained" if run.state == Run.State.WAITING else "was trained"
        yield f"Run {run.number} {doing} on {run.data}."

    logged = LogInput.objects.filter(version__in=list(versions)).select_related("run__record", "version__dataset")
    for used in logged.order_by("-pk")[:SHOWN]:
        yield f"Run {used.run.record.number}, logged from a notebook, used {used.version}."
    judged = Evaluation.objects.filter(data__in=list(versions)).exclude(data=F("run__data"))
    for evaluation in judged.select_related("run", "data__dataset").order_by("-created_at")[:SHOWN]:
        yield f"Run {evaluation.run.number} was judged on {evaluation.data}."


@keeps("dataset")
def runs_of_dataset(dataset: Dataset) -> Iterable[str]:
    """Runs that learn or learned from any of its versions, or were judged on one."""
    return _runs_on(dataset.versions.all())


@keeps("version")
def runs_of_version(version: Version) -> Iterable[str]:
    """Runs that learn or learned from it, or were judged on it: without it nobody could check them."""
    return _runs_on([version])


@keeps("run")
def training_and_registered(run: Run) -> Iterable[str]:
    """It is being trained, or it was chosen."""
    if run.state == Run.State.WAITING:
        yield "It is being trained. Stop it first."
    if version := ModelVersion.objects.filter(run=run).select_related("model").first():
        yield f"It is registered as {version}."


@keeps("model")
def pointed_at(version: ModelVersion) -> Iterable[str]:
    """Whoever follows an alias would find nothing."""
    for alias in Alias.objects.filter(version=version)[:SHOWN]:
        yield f"The alias {alias.name} points at it. Move or remove the alias first."


@empties(30)
def empty(project: Project) -> set[str]:
    """All model versions, models and runs of a project."""
    versions = ModelVersion.everything.filter(model__project=project)
    runs = Run.everything.filter(project=project)
    held = {*versions.values_list("bundle_id", flat=True), *runs.values_list("bundle_id", flat=True)}
    held = (held | {*runs.values_list("given_id", flat=True)}) - {None}
    files = LogFile.objects.filter(project=project)
    held |= set(files.values_list("blob_id", flat=True))
    versions.delete()
    files.delete()
    LogExperiment.objects.filter(project=project).delete()
    RunRecord.everything.filter(project=project, kind=RunRecord.Kind.NOTEBOOK).delete()
    runs.delete()
    Model.objects.filter(project=project).delete()
    return {str(each) for each in held}
