"""Requirements, what answers them, and which of them an object answers."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet

from problems.problem import Missing
from projects.models.projects import Project
from projects.models.requirements import Requirement, RequirementLink
from projects.queries.define import goals_of, latest_contract
from projects.things import Thing

FIELDS = ("text", "priority", "source", "acceptance", "state")
LINKS = Prefetch("links", queryset=RequirementLink.objects.select_related("created_by"))


def requirements_of(
    project: Project, *, state: str = "", priority: str = "", search: str = ""
) -> QuerySet[Requirement]:
    """The project's requirements by number, each with its links."""
    found = Requirement.objects.filter(project=project).select_related("created_by", "updated_by")
    if state:
        found = found.filter(state=state)
    if priority:
        found = found.filter(priority=priority)
    if search:
        found = found.filter(Q(text__icontains=search) | Q(acceptance__icontains=search) | Q(source__icontains=search))
    return found.prefetch_related(LINKS).order_by("number")


def requirement_for(project: Project, number: int) -> Requirement:
    """One requirement of the project, with its links."""
    found = requirements_of(project).filter(number=number).first()
    if found is None:
        raise Missing(f"There is no requirement R{number} in this project.")
    return found


def link_for(requirement: Requirement, link_id: UUID) -> RequirementLink:
    """One link of the requirement."""
    link = RequirementLink.objects.filter(requirement=requirement, pk=link_id).first()
    if link is None:
        raise Missing(f"R{requirement.number} has no such link.")
    return link


def values_of(requirement: Requirement) -> dict[str, str]:
    """The requirement's fields as text."""
    return {field: str(getattr(requirement, field)) for field in FIELDS}


def answered_by(project: Project, subject_type: str, subject_id: str) -> list[Requirement]:
    """The requirements that an object answers, by number."""
    found = answering(Requirement.objects.filter(project=project), subject_type, subject_id)
    return list(found.order_by("number"))


def answering(requirements: QuerySet[Requirement], subject_type: str, subject_id: str) -> QuerySet[Requirement]:
    """Of these only those that an object answers."""
    return requirements.filter(links__subject_type=subject_type, links__subject_id=subject_id)


def matrix(
    requirements: Sequence[Requirement], types: Sequence[str]
) -> list[tuple[Requirement, list[list[RequirementLink]]]]:
    """Each requirement with its links by type, in the order of `types`."""
    return [
        (requirement, [[link for link in requirement.links.all() if link.subject_type == kind] for kind in types])
        for requirement in requirements
    ]


def offer_targets(project: Project, search: str) -> list[Thing]:
    """The newest targets; a target keeps its name from version to version."""
    goals = goals_of(latest_contract(project))
    url = f"/p/{project.key}/define/"
    return [Thing("target", goal.name, goal.name, url) for goal in goals if search.lower() in goal.name.lower()]


def find_target(project: Project, name: str) -> Thing | None:
    """The target with this name."""
    return next((found for found in offer_targets(project, "") if found.id == name), None)
