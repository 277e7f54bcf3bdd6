"""The risk tier of a project, and what was answered when."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery

from projects.models.projects import Project
from projects.models.risk import RiskAnswers
from projects.risk import UNANSWERED, Tier


def risk_history(project: Project) -> QuerySet[RiskAnswers]:
    """Every set of answers, newest first."""
    return RiskAnswers.objects.filter(project=project).select_related("created_by")


def risk_of(project: Project) -> RiskAnswers | None:
    """The newest answers, while there are some."""
    return risk_history(project).first()


def tier_of(project: Project) -> Tier:
    """The tier that counts now; medium until somebody answers."""
    found = RiskAnswers.objects.filter(project=project).values_list("tier", flat=True).first()
    return Tier(found) if found else UNANSWERED


def tiers_of(projects: Collection[Project]) -> dict[UUID, Tier]:
    """The answered tiers of many projects; one that nobody answered is not among them."""
    newest = RiskAnswers.objects.filter(project=OuterRef("project")).order_by("-version").values("version")[:1]
    rows = RiskAnswers.objects.filter(project__in=projects, version=Subquery(newest))
    return {project_id: Tier(tier) for project_id, tier in rows.values_list("project_id", "tier")}
