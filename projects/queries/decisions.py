"""The decision log."""

from django.db.models import Q, QuerySet

from problems.problem import Missing
from projects.models.decisions import Decision
from projects.models.projects import Project


def decisions_of(project: Project, *, search: str = "", in_force: bool = False) -> QuerySet[Decision]:
    """The decisions of a project, newest first."""
    decisions = Decision.objects.filter(project=project)
    if search:
        decisions = decisions.filter(
            Q(question__icontains=search) | Q(choice__icontains=search) | Q(reason__icontains=search)
        )
    if in_force:
        decisions = decisions.filter(superseded_by=None)
    return decisions.select_related("created_by", "supersedes", "superseded_by", "project")


def decision_for(project: Project, number: int) -> Decision:
    """One decision of the project."""
    decision = decisions_of(project).filter(number=number).first()
    if decision is None:
        raise Missing("There is no such decision in this project.")
    return decision
