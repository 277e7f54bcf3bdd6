"""Naming what the business counts, and putting its values down."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User, as_user
from audit.actors import Actor
from audit.services import record
from problems.problem import Conflict, Invalid
from projects.contract import Goal, TargetKind
from projects.kinds import made
from projects.models.kpis import Kpi, KpiValue
from projects.models.projects import Project
from projects.points import Point, checked
from projects.services.projects import lock_project

MOST_KPIS = 50
FIELDS = ("name", "unit", "direction", "baseline", "owner", "cadence", "source")


@transaction.atomic
def define_kpi(project: Project, *, by: User, **given: Any) -> Kpi:
    """Begin to count something. The key comes from the name when none is given."""
    lock_project(project)
    goal, wrong = made(project.kind, **{**given, "kind": TargetKind.KPI.value, "threshold": 0.0})
    if goal is None:
        raise Invalid(" ".join(wrong.values()), fields={"key" if k == "metric" else k: v for k, v in wrong.items()})
    if Kpi.objects.filter(project=project, key=goal.metric).exists():
        raise Conflict(f"There is a KPI “{goal.metric}” already.", code="taken")
    return _add(project, goal, by)


def _add(project: Project, goal: Goal, by: User) -> Kpi:
    if Kpi.objects.filter(project=project).count() >= MOST_KPIS:
        raise Invalid(f"More than {MOST_KPIS} KPIs cannot be looked after.", fields={"name": "Too many already."})
    fields = {name: getattr(goal, name) for name in FIELDS}
    kpi = Kpi.objects.create(project=project, key=goal.metric, created_by=by, **fields)
    record(by, "kpi.defined", kpi, project_key=project.key, what=kpi.name, kpi=kpi.key)
    return kpi


def keep_kpis(project: Project, goals: Iterable[Goal], *, by: User) -> None:
    """Every KPI that a target names exists, and reads as the target says; call it in the targets' transaction."""
    known = {kpi.key: kpi for kpi in Kpi.objects.filter(project=project)}
    for goal in goals:
        if goal.kind != TargetKind.KPI:
            continue
        kpi = known.get(goal.metric)
        if kpi is None:
            _add(project, goal, by)
        elif any(getattr(kpi, name) != getattr(goal, name) for name in FIELDS):
            for name in FIELDS:
                setattr(kpi, name, getattr(goal, name))
            kpi.save(update_fields=FIELDS)
            record(by, "kpi.changed", kpi, project_key=project.key, what=kpi.name, kpi=kpi.key)


@transaction.atomic
def put_values(kpi: Kpi, points: Sequence[Point], *, source: str, by: Actor, first: int = 1) -> int:
    """Put values down, all or none; one for a day that has one takes its place. Answers how many changed something.

    `first` is the place of the first point in what people sent, for naming a bad one.
    """
    checked(points, timezone.localdate(), first)
    Kpi.objects.select_for_update().get(pk=kpi.pk)
    before = {value.on: value for value in kpi.values.filter(on__in=[point.on for point in points])}
    changed = 0
    for point in points:
        old = before.get(point.on)
        numbers = {"value": point.value, "low": point.low, "high": point.high, "note": point.note}
        if old and all(getattr(old, name) == number for name, number in numbers.items()):
            continue
        rest = numbers | {"source": source, "by": as_user(by)}
        KpiValue.objects.update_or_create(kpi=kpi, on=point.on, defaults=rest)
        changed += 1
    if changed:
        days = [str(point.on) for point in points[:20]]
        about = {"what": kpi.name, "kpi": kpi.key, "count": changed, "days": days, "source": source}
        record(by, "kpi.values_put", kpi, project_key=kpi.project.key, **about)
    return changed
