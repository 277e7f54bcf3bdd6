"""Appraisals, and the projects of a portfolio with them."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import CharField, F, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from projects.models.appraisals import Appraisal
from projects.models.projects import Project
from projects.models.risk import RiskAnswers
from projects.portfolio import SORTS


def appraisal_of(project: Project) -> Appraisal | None:
    """The newest judgement, while there is one."""
    return appraisals_of(project).first()


def appraisals_of(project: Project) -> QuerySet[Appraisal]:
    """Every judgement, newest first."""
    return Appraisal.objects.filter(project=project).select_related("created_by")


def newest_appraisals(projects: Collection[Project]) -> dict[UUID, Appraisal]:
    """The newest judgement of each of these projects."""
    newest = Appraisal.objects.filter(project=OuterRef("project")).order_by("-version").values("version")[:1]
    rows = Appraisal.objects.filter(project__in=projects, version=Subquery(newest))
    return {row.project_id: row for row in rows.select_related("created_by")}


def ranked(projects: QuerySet[Project], *, sort: str = "", tier: str = "", least_value: int = 0) -> QuerySet[Project]:
    """Projects ordered by a scale, those without an appraisal last; by tier and least value where asked."""
    newest = Appraisal.objects.filter(project=OuterRef("pk")).order_by("-version")
    answered = RiskAnswers.objects.filter(project=OuterRef("pk")).order_by("-version").values("tier")[:1]
    found = projects.annotate(
        value=Subquery(newest.values("value")[:1]),
        risk=Subquery(newest.values("risk")[:1]),
        feasibility=Subquery(newest.values("feasibility")[:1]),
        tier=Coalesce(Subquery(answered), Value("unanswered"), output_field=CharField()),
    )
    if tier:
        found = found.filter(tier=tier)
    if least_value:
        found = found.filter(value__gte=least_value)
    order = [
        F(name.lstrip("-")).desc(nulls_last=True) if name.startswith("-") else F(name).asc(nulls_last=True)
        for name in SORTS.get(sort, SORTS["name"])
    ]
    return found.order_by(*order, "key")
