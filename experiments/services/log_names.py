"""Writes about names under which clients register models, and their versions."""

import re
from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone

from accounts.models import as_user
from audit.actors import Actor
from audit.services import record
from experiments.models.logged import LogName, LogVersion
from experiments.tracking.wire import Refused, taken, unknown
from projects.models.projects import Project
from projects.services.projects import lock_project

STAGES = {word.lower(): word for word in ("None", "Staging", "Production", "Archived")}
LONGEST_NAME, LONGEST_TAG, MOST_TAGS, LONGEST_TEXT = 256, 5000, 200, 5000
RESERVED = re.compile(r"latest|v\d+", re.IGNORECASE)


def checked_name(name: str) -> str:
    """A name as it is kept."""
    if not name or name != name.strip() or re.search(r"[/:]", name) or len(name) > LONGEST_NAME:
        words = "Registered model name cannot be empty and cannot contain '/' or ':'."
        raise Refused(f"Invalid model name: '{name[:100]}'. {words} It has at most {LONGEST_NAME} characters.")
    return name


def _tags(tags: Mapping[str, str]) -> dict[str, str]:
    if len(tags) > MOST_TAGS:
        raise Refused(f"There are at most {MOST_TAGS} tags.")
    return {key: value[:LONGEST_TAG] for key, value in tags.items()}


@transaction.atomic
def create_name(project: Project, *, name: str, description: str, tags: Mapping[str, str], by: Actor) -> LogName:
    """A new name."""
    lock_project(project)
    if LogName.objects.filter(project=project, name=checked_name(name)).exists():
        raise taken(f"Registered Model (name={name}) already exists.")
    now = timezone.now()
    made = LogName.objects.create(
        project=project, name=name, description=description[:LONGEST_TEXT], tags=_tags(tags), created_at=now,
        changed_at=now,
    )  # fmt: skip
    record(by, "model.named", made, project_key=project.key, model=name)
    return made


def _locked(row: LogName) -> LogName:
    found = LogName.objects.select_for_update(of=("self",)).select_related("project").filter(pk=row.pk).first()
    if found is None:
        raise unknown(f"Registered Model with name={row.name} not found")
    return found


@transaction.atomic
def change_name(
    row: LogName,
    *,
    by: Actor,
    name: str | None = None,
    description: str | None = None,
    tags: Mapping[str, str] | None = None,
    without_tag: str | None = None,
) -> LogName:
    """Another name, description or tags."""
    row = _locked(row)
    if name is not None and name != row.name:
        if LogName.objects.filter(project=row.project_id, name=checked_name(name)).exists():
            raise taken(f"Registered Model (name={name}) already exists.")
        record(by, "model.renamed", row, project_key=row.project.key, before=row.name, model=name)
        row.name = name
    if description is not None:
        row.description = description[:LONGEST_TEXT]
    row.tags = _tags({**row.tags, **(tags or {})})
    if without_tag is not None:
        row.tags.pop(without_tag, None)
    row.changed_at = timezone.now()
    row.save()
    return row


@transaction.atomic
def delete_name(row: LogName, *, by: Actor) -> None:
    """The name and its versions go; the files they stand on stay."""
    row = _locked(row)
    record(by, "model.unnamed", row, project_key=row.project.key, model=row.name)
    row.delete()


@transaction.atomic
def set_alias(row: LogName, *, alias: str, number: int | None, by: Actor) -> None:
    """Let an alias name a version, or nothing."""
    row = _locked(row)
    if number is None:
        row.aliases.pop(alias, None)
    else:
        if not re.fullmatch(r"[\w-]{1,255}", alias):
            words = "Names may only contain alphanumerics, underscores (_), and dashes (-)."
            raise Refused(f"Invalid alias name: '{alias[:100]}'. {words}")
        if RESERVED.fullmatch(alias):
            raise Refused(f"'{alias}' alias name is reserved.")
        row.aliases[alias] = number
    row.changed_at = timezone.now()
    row.save(update_fields=["aliases", "changed_at"])
    record(by, "model.alias_set", row, project_key=row.project.key, model=row.name, alias=alias, version=number)


# ---- Versions ----


@transaction.atomic
def create_version(
    row: LogName,
    *,
    source: str,
    place: str,
    run_key: str,
    model_key: str,
    run_link: str,
    description: str,
    tags: Mapping[str, str],
    by: Actor,
) -> LogVersion:
    """The next version of a name."""
    row = _locked(row)
    now = timezone.now()
    row.last, row.changed_at = row.last + 1, now
    row.save(update_fields=["last", "changed_at"])
    made = LogVersion.objects.create(
        name=row, number=row.last, source=source, place=place, run_key=run_key, model_key=model_key,
        run_link=run_link[:500], description=description[:LONGEST_TEXT], tags=_tags(tags), created_by=as_user(by),
        created_at=now, changed_at=now,
    )  # fmt: skip
    facts = {"model": row.name, "version": made.number, "source": source}
    record(by, "model.version_logged", made, project_key=row.project.key, **facts)
    return made


@transaction.atomic
def change_version(
    version: LogVersion,
    *,
    description: str | None = None,
    tags: Mapping[str, str] | None = None,
    without_tag: str | None = None,
) -> LogVersion:
    """Another description or tags."""
    row = LogVersion.objects.select_for_update(of=("self",)).get(pk=version.pk)
    if description is not None:
        row.description = description[:LONGEST_TEXT]
    row.tags = _tags({**row.tags, **(tags or {})})
    if without_tag is not None:
        row.tags.pop(without_tag, None)
    row.changed_at = timezone.now()
    row.save(update_fields=["description", "tags", "changed_at"])
    row.name = version.name
    return row


@transaction.atomic
def delete_version(version: LogVersion, *, by: Actor) -> None:
    """It goes, with the aliases that name it; its number is not given again."""
    name = _locked(version.name)
    name.aliases = {alias: number for alias, number in name.aliases.items() if number != version.number}
    name.changed_at = timezone.now()
    name.save(update_fields=["aliases", "changed_at"])
    facts = {"model": name.name, "version": version.number}
    record(by, "model.version_unlogged", version, project_key=name.project.key, **facts)
    LogVersion.objects.filter(pk=version.pk).delete()


@transaction.atomic
def move_version(version: LogVersion, *, stage: str, archive: bool, by: Actor) -> LogVersion:
    """Another stage; those that stand there already are archived where that is asked for."""
    wanted = STAGES.get(stage.lower())
    if wanted is None:
        raise Refused(f"Invalid Model Version stage: {stage[:60]}. Value must be one of {', '.join(STAGES.values())}.")
    if archive and wanted in ("None", "Archived"):
        raise Refused("Model version transition cannot archive existing model versions because "
                      f"'{wanted}' is not an Active stage. Valid stages are Staging, Production")  # fmt: skip
    name, now = _locked(version.name), timezone.now()
    if archive:
        others = LogVersion.objects.filter(name=name, stage=wanted).exclude(pk=version.pk)
        others.update(stage="Archived", changed_at=now)
    version.stage, version.changed_at = wanted, now
    version.save(update_fields=["stage", "changed_at"])
    facts = {"model": name.name, "version": version.number, "stage": wanted}
    record(by, "model.stage_set", version, project_key=name.project.key, **facts)
    return version
