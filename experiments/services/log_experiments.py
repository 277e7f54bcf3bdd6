"""Writes about folders of logged runs."""

from collections.abc import Mapping

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from audit.actors import Actor
from audit.services import record
from experiments.models.logged import LogExperiment
from experiments.models.records import RunRecord
from experiments.tracking.wire import Refused, taken, unknown
from projects.models.projects import Project
from projects.services.projects import lock_project

LONGEST_NAME, LONGEST_TAG, MOST_TAGS = 500, 20_000, 200


@transaction.atomic
def default_experiment(project: Project) -> LogExperiment:
    """Folder 0, where runs go that name none; made when somebody asks for it first."""
    now = timezone.now()
    fields = {"name": free_name(project, "Default"), "created_at": now, "changed_at": now}
    return LogExperiment.objects.get_or_create(project=project, number=0, defaults=fields)[0]


def free_name(project: Project, name: str) -> str:
    """The name, or the name with a number where somebody took it."""
    names = set(LogExperiment.objects.filter(project=project, name__startswith=name).values_list("name", flat=True))
    return next(one for one in (name, *(f"{name} {place}" for place in range(2, len(names) + 3))) if one not in names)


@transaction.atomic
def create_experiment(
    project: Project, *, name: str, by: Actor, tags: Mapping[str, str] | None = None
) -> LogExperiment:
    """A new folder."""
    lock_project(project)
    if LogExperiment.objects.filter(project=project, name=name).exists() or name == "Default":
        raise taken(f"Experiment(name={name}) already exists.")
    last = LogExperiment.objects.filter(project=project).aggregate(last=Max("number"))["last"] or 0
    now = timezone.now()
    made = LogExperiment.objects.create(
        project=project, number=last + 1, name=name, tags=_checked(tags or {}), created_at=now, changed_at=now
    )
    record(by, "experiment.created", made, project_key=project.key, experiment=name)
    return made


def _checked(tags: Mapping[str, str]) -> dict[str, str]:
    if len(tags) > MOST_TAGS:
        raise Refused(f"An experiment has at most {MOST_TAGS} tags.")
    return {key: value[:LONGEST_TAG] for key, value in tags.items()}


def _locked(experiment: LogExperiment, *, active: bool | None = None) -> LogExperiment:
    row = LogExperiment.objects.select_for_update(of=("self",)).select_related("project").get(pk=experiment.pk)
    if active is not None and (row.deleted_at is None) != active:
        state = "deleted" if row.deleted_at else "active"
        raise Refused(f"The experiment {row.number} must be {'active' if active else 'deleted'}, and is {state}.")
    return row


@transaction.atomic
def rename_experiment(experiment: LogExperiment, *, name: str, by: Actor) -> None:
    """Another name, that no other folder has, not even a deleted one."""
    row = _locked(experiment, active=True)
    if LogExperiment.objects.filter(project=row.project, name=name).exclude(pk=row.pk).exists():
        raise taken(f"Experiment(name={name}) already exists.")
    row.name, row.changed_at = name, timezone.now()
    row.save(update_fields=["name", "changed_at"])
    record(by, "experiment.renamed", row, project_key=row.project.key, experiment=name)


@transaction.atomic
def delete_experiment(experiment: LogExperiment, *, by: Actor) -> None:
    """Hide a folder and its runs."""
    row = LogExperiment.objects.select_for_update(of=("self",)).select_related("project").get(pk=experiment.pk)
    if row.deleted_at is not None:
        raise unknown(f"No Experiment with id={row.number} exists")
    row.deleted_at = row.changed_at = timezone.now()
    row.save(update_fields=["deleted_at", "changed_at"])
    RunRecord.objects.filter(logged__experiment=row).update(deleted_at=row.deleted_at)
    record(by, "experiment.deleted", row, project_key=row.project.key, experiment=row.name)


@transaction.atomic
def restore_experiment(experiment: LogExperiment, *, by: Actor) -> None:
    """Show it again, with the runs that were hidden with it."""
    row = _locked(experiment, active=False)
    RunRecord.everything.filter(logged__experiment=row, deleted_at=row.deleted_at).update(deleted_at=None)
    row.deleted_at, row.changed_at = None, timezone.now()
    row.save(update_fields=["deleted_at", "changed_at"])
    record(by, "experiment.restored", row, project_key=row.project.key, experiment=row.name)


@transaction.atomic
def set_experiment_tag(experiment: LogExperiment, *, key: str, value: str | None, by: Actor) -> None:
    """Write a tag, or take it away where there is no value."""
    row = _locked(experiment, active=True)
    if value is None and key not in row.tags:
        raise unknown(f"No tag with name: {key} in experiment with id {row.number}")
    row.tags = {**row.tags, key: value} if value is not None else {k: v for k, v in row.tags.items() if k != key}
    row.tags, row.changed_at = _checked(row.tags), timezone.now()
    row.save(update_fields=["tags", "changed_at"])
