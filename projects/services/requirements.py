"""Writing requirements, and linking them to what answers them."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts.models import User
from audit.services import record
from problems.problem import Conflict, Invalid
from projects.models.projects import Project
from projects.models.requirements import Requirement, RequirementLink
from projects.queries.requirements import values_of
from projects.services.projects import lock_project
from projects.things import kinds_of_things, thing

LIMITS = {"text": 2000, "acceptance": 2000, "source": 120}
CHOICES = {"priority": Requirement.Priority.values, "state": Requirement.State.values}


def _checked(values: Mapping[str, str], needed: tuple[str, ...]) -> dict[str, str]:
    clean = {name: str(values[name]).strip() for name in (*LIMITS, *CHOICES) if name in values}
    wrong = {
        name: f"Keep it under {limit} characters." for name, limit in LIMITS.items() if len(clean.get(name, "")) > limit
    }
    wrong |= {
        name: f"One of: {', '.join(known)}."
        for name, known in CHOICES.items()
        if clean.get(name, known[0]) not in known
    }
    wrong |= {name: "This is needed." for name in LIMITS if not clean.get(name, "" if name in needed else "-")}
    if wrong:
        raise Invalid("Look at the marked fields.", fields=wrong)
    return clean


@transaction.atomic
def add_requirement(project: Project, *, values: Mapping[str, str], by: User) -> Requirement:
    """A further requirement; it gets the next number."""
    clean = _checked(values, tuple(LIMITS))
    lock_project(project)
    number = (Requirement.objects.filter(project=project).aggregate(last=Max("number"))["last"] or 0) + 1
    requirement = Requirement.objects.create(project=project, number=number, created_by=by, updated_by=by, **clean)
    record(by, "requirement.added", requirement, project_key=project.key, requirement=str(requirement), **clean)
    return requirement


@transaction.atomic
def change_requirement(requirement: Requirement, *, version: int, values: Mapping[str, str], by: User) -> Requirement:
    """Other words or another state; what is left out stays. A newer version is never overwritten unseen."""
    clean = _checked(values, ())
    rows = Requirement.objects.filter(pk=requirement.pk, version=version)
    if not rows.update(version=version + 1, updated_by=by, updated_at=timezone.now(), **clean):
        requirement.refresh_from_db()
        theirs = values_of(requirement)
        who = requirement.updated_by or "Somebody"
        text = f"{who} changed R{requirement.number} since you opened it. Both texts are shown."
        facts: dict[str, Any] = {"version": requirement.version, "theirs": theirs, "yours": theirs | clean}
        raise Conflict(text, code="changed_meanwhile", **facts)
    requirement.refresh_from_db()
    key = requirement.project.key
    record(by, "requirement.changed", requirement, project_key=key, requirement=str(requirement), **clean)
    return requirement


@transaction.atomic
def link_requirement(requirement: Requirement, *, type: str, id: str, by: User) -> RequirementLink:
    """Say that an object of the same project answers it."""
    found = thing(requirement.project, type, id)
    if found is None:
        known = kinds_of_things()
        if type not in known:
            raise Invalid(f"One of: {', '.join(known)}.", fields={"type": f"One of: {', '.join(known)}."})
        raise Invalid(f"There is no {type} {id[:60]} in this project.", fields={"id": "Not in this project."})
    link, fresh = RequirementLink.objects.get_or_create(
        requirement=requirement,
        subject_type=found.type,
        subject_id=found.id,
        defaults={"subject_name": found.name[:160], "subject_url": found.url, "created_by": by},
    )
    if not fresh:
        raise Conflict(f"{found.name} is linked to R{requirement.number} already.", code="already_linked")
    _note(requirement, "requirement.linked", found.name, by)
    return link


@transaction.atomic
def unlink_requirement(link: RequirementLink, *, by: User) -> None:
    """It does not answer it after all."""
    _note(link.requirement, "requirement.unlinked", link.subject_name, by)
    link.delete()


def _note(requirement: Requirement, event: str, what: str, by: User) -> None:
    record(by, event, requirement, project_key=requirement.project.key, requirement=str(requirement), what=what)
