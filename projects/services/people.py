"""Naming the people who are touched, and writing the process down."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from audit.services import record
from problems.problem import Conflict, Invalid
from projects.models.people import Process, Stakeholder
from projects.models.projects import Project
from projects.queries.people import steps_of
from projects.services.projects import lock_project

MOST_STAKEHOLDERS, MOST_STEPS, STEP_LENGTH = 200, 40, 300
LIMITS = {"name": 120, "informed": 300}
LEVELS = ("interest", "influence")


def _checked(values: Mapping[str, str]) -> dict[str, str]:
    clean = {name: str(values.get(name, "")).strip() for name in (*LIMITS, *LEVELS)}
    wrong = {name: f"1 to {limit} characters." for name, limit in LIMITS.items() if not 0 < len(clean[name]) <= limit}
    known = Stakeholder.Level.values
    wrong |= {name: f"One of: {', '.join(known)}." for name in LEVELS if clean[name] not in known}
    if wrong:
        raise Invalid("Look at the marked fields.", fields=wrong)
    return clean


@transaction.atomic
def add_stakeholder(project: Project, *, values: Mapping[str, str], by: User) -> Stakeholder:
    """A further person or group in the register."""
    clean = _checked(values)
    lock_project(project)
    if Stakeholder.objects.filter(project=project).count() >= MOST_STAKEHOLDERS:
        raise Conflict(f"The register holds up to {MOST_STAKEHOLDERS} entries. Put some together.", code="full")
    stakeholder = Stakeholder(project=project, created_by=by, **clean)
    return _kept(stakeholder, "stakeholder.added", by)


@transaction.atomic
def change_stakeholder(stakeholder: Stakeholder, *, values: Mapping[str, str], by: User) -> Stakeholder:
    """Other words for an entry."""
    for name, value in _checked(values).items():
        setattr(stakeholder, name, value)
    return _kept(stakeholder, "stakeholder.changed", by)


def _kept(stakeholder: Stakeholder, event: str, by: User) -> Stakeholder:
    try:
        with transaction.atomic():
            stakeholder.save()
    except IntegrityError:
        text = f"{stakeholder.name} is in the register already."
        raise Conflict(text, code="already_there", fields={"name": text}) from None
    record(by, event, stakeholder, project_key=stakeholder.project.key, who=stakeholder.name)
    return stakeholder


@transaction.atomic
def remove_stakeholder(stakeholder: Stakeholder, *, by: User) -> None:
    """Take an entry out of the register."""
    record(by, "stakeholder.removed", stakeholder, project_key=stakeholder.project.key, who=stakeholder.name)
    stakeholder.delete()


@transaction.atomic
def write_process(
    project: Project,
    *,
    version: int,
    as_is: Sequence[str],
    to_be: Sequence[str],
    as_is_changed: int | None = None,
    to_be_changed: int | None = None,
    by: User,
) -> Process:
    """Both lists of steps, with the step that the model changes by its number. A newer text is not overwritten."""
    marks = {"as_is_changed": as_is_changed, "to_be_changed": to_be_changed}
    steps = {"as_is": _steps(as_is), "to_be": _steps(to_be)}
    wrong = {
        name: "Up to 40 steps of up to 300 characters."
        for name, lines in steps.items()
        if len(lines) > MOST_STEPS or any(len(line) > STEP_LENGTH for line in lines)
    }
    wrong |= {
        name: "There is no step with this number."
        for name, mark in marks.items()
        if mark is not None and not 1 <= mark <= len(steps[name.removesuffix("_changed")])
    }
    if wrong:
        raise Invalid("Look at the marked fields.", fields=wrong)
    process, _ = Process.objects.get_or_create(project=project)
    rows = Process.objects.filter(pk=process.pk, version=version)
    if not rows.update(version=version + 1, updated_by=by, updated_at=timezone.now(), **steps, **marks):
        process.refresh_from_db()
        text = f"{process.updated_by or 'Somebody'} saved the process since you opened it. Both are shown."
        facts: dict[str, Any] = {"version": process.version, "theirs": steps_of(process), "yours": {**steps, **marks}}
        raise Conflict(text, code="changed_meanwhile", **facts)
    process.refresh_from_db()
    record(by, "process.changed", project, project_key=project.key, version=process.version, **steps, **marks)
    return process


def _steps(lines: Sequence[str]) -> list[str]:
    return [clean for line in lines if (clean := str(line).strip())]
