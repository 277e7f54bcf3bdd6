"""What the business counts, where each key figure stands, and which values are late."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from problems.problem import Missing
from projects.contract import Goal, Judgement, Measurement, TargetKind, judge
from projects.models.kpis import Kpi, KpiValue
from projects.models.projects import Project
from projects.points import next_due
from projects.targets import short


@dataclass(frozen=True)
class Figure:
    """One KPI with its newest value, the target that names it, and the verdict."""

    kpi: Kpi
    last: KpiValue | None
    goal: Goal | None
    judged: Judgement | None
    due: date | None

    @property
    def late(self) -> bool:
        """Whether a value that people bring is overdue."""
        return self.due is not None and self.due < timezone.localdate()

    @property
    def short(self) -> str:
        """The target's bound in words."""
        return short(self.goal) if self.goal else ""


def kpis_of(project: Project) -> QuerySet[Kpi]:
    """A project's KPIs by name."""
    return Kpi.objects.filter(project=project).select_related("project", "created_by").order_by("name")


def kpi_for(project: Project, key: str) -> Kpi:
    """One KPI of the project."""
    kpi = kpis_of(project).filter(key=key).first()
    if kpi is None:
        raise Missing("There is no such KPI in this project.")
    return kpi


def values_of(kpi: Kpi) -> QuerySet[KpiValue]:
    """Its values, newest first."""
    return kpi.values.select_related("by").order_by("-on")


def newest_values(kpis: Collection[Kpi]) -> dict[UUID, KpiValue]:
    """The newest value of each of these KPIs, in one query."""
    newest = KpiValue.objects.filter(kpi=OuterRef("kpi")).order_by("-on").values("pk")[:1]
    values = KpiValue.objects.filter(kpi__in=kpis, pk=Subquery(newest)).select_related("by")
    return {value.kpi_id: value for value in values}


def measurement_of(value: KpiValue) -> Measurement:
    """A value as the judge sees it; without an interval it is taken at its word."""
    low, high = (value.value if end is None else end for end in (value.low, value.high))
    return Measurement(value.value, low, high, 1, f"Counted on {value.on.day} {value.on:%B %Y}.")


def figures(kpis: Sequence[Kpi], goals: Sequence[Goal]) -> list[Figure]:
    """Where these KPIs of one project stand against its targets."""
    newest = newest_values(kpis)
    by_key = {goal.metric: goal for goal in goals if goal.kind == TargetKind.KPI}
    return [_figure(kpi, newest.get(kpi.pk), by_key.get(kpi.key)) for kpi in kpis]


def _figure(kpi: Kpi, last: KpiValue | None, goal: Goal | None) -> Figure:
    judged = judge(goal, measurement_of(last) if last else None) if goal else None
    return Figure(kpi, last, goal, judged, due_on(kpi, last, goal.by_date if goal else ""))


def due_on(kpi: Kpi, last: KpiValue | None, by_date: str = "") -> date | None:
    """The day by which somebody has to bring the next value; what is counted from money comes by itself."""
    if kpi.source == "money":
        return None
    since = timezone.localdate(kpi.created_at)
    if kpi.cadence == "once":
        return next_due("once", last.on if last else None, date.fromisoformat(by_date)) if by_date else None
    return next_due(kpi.cadence, last.on if last else None, since)


def judged_now(project: Project, goals: Sequence[Goal]) -> dict[str, Judgement]:
    """The KPI targets that have a value by now, by the goal's key."""
    wanted = [goal.metric for goal in goals if goal.kind == TargetKind.KPI]
    if not wanted:
        return {}
    found = figures(list(kpis_of(project).filter(key__in=wanted)), goals)
    return {one.goal.key: one.judged for one in found if one.goal and one.judged and one.judged.measurement}


def late_figures(projects: Collection[Project], goals: Mapping[UUID, Sequence[Goal]]) -> Iterator[Figure]:
    """KPIs of these projects whose next value is overdue, in a number of queries that does not grow with them."""
    kpis = list(Kpi.objects.filter(project__in=projects).exclude(source="money").select_related("project"))
    newest = newest_values(kpis)
    for kpi in kpis:
        goal = next((g for g in goals.get(kpi.project_id, ()) if g.key == f"kpi:{kpi.key}"), None)
        figure = _figure(kpi, newest.get(kpi.pk), goal)
        if figure.late:
            yield figure
