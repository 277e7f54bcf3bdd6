"""Stakeholders and the process."""

from uuid import UUID

from django.db.models import QuerySet

from problems.problem import Missing
from projects.models.people import Process, Stakeholder
from projects.models.projects import Project

STEP_FIELDS = ("as_is", "to_be", "as_is_changed", "to_be_changed")


def stakeholders_of(project: Project) -> QuerySet[Stakeholder]:
    """The register, by name."""
    return Stakeholder.objects.filter(project=project)


def stakeholder_for(project: Project, stakeholder_id: UUID) -> Stakeholder:
    """One entry of the register."""
    found = stakeholders_of(project).filter(pk=stakeholder_id).first()
    if found is None:
        raise Missing("There is no such stakeholder in this project.")
    return found


def process_of(project: Project) -> Process:
    """The work in steps; an empty one at version 0 while nothing is written."""
    found = Process.objects.filter(project=project).select_related("updated_by").first()
    return found or Process(project=project)


def steps_of(process: Process) -> dict[str, object]:
    """The process as answers have it."""
    return {field: getattr(process, field) for field in STEP_FIELDS}
