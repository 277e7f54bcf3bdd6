"""Reads about the keys of applications: which there are, and what they asked."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Max, Q, QuerySet, Sum

from deployments.models import ConsumerKey, Deployment, KeyUse
from deployments.serving.limits import COUNTS
from problems.problem import Missing
from projects.models.projects import Project

DAYS = 30


@dataclass(frozen=True)
class Day:
    """What one key asked on one day of UTC."""

    day: date
    requests: int = 0
    rows: int = 0
    refused: int = 0
    limited: int = 0
    failed: int = 0


def today() -> date:
    """The day of UTC, by which quotas count."""
    return datetime.now(UTC).date()


def keys_in(project: Project) -> QuerySet[ConsumerKey]:
    """Every key of a project, newest first, with its deployments."""
    keys = ConsumerKey.objects.filter(deployment__project=project).select_related("deployment", "created_by")
    return keys.prefetch_related("also").order_by("-created_at")


def key_in(project: Project, key_id: UUID) -> ConsumerKey:
    """One key of a project."""
    key = keys_in(project).filter(pk=key_id).first()
    if key is None:
        raise Missing("There is no such key in this project.")
    return key


def keys_for(deployment: Deployment) -> QuerySet[ConsumerKey]:
    """The keys that may ask a deployment, its own and those of others, newest first."""
    mine = Q(deployment=deployment) | Q(also=deployment)
    keys = ConsumerKey.objects.filter(mine).select_related("created_by", "deployment").prefetch_related("also")
    return keys.distinct().order_by("-created_at")


def used_today(keys: Collection[UUID]) -> dict[tuple[str, str], int]:
    """The rows that were answered to keys on the newest two days, by key and day as 2027-01-31."""
    since = today() - timedelta(days=1)
    rows = KeyUse.objects.filter(key__in=keys, day__gte=since).values("key", "day").annotate(all=Sum("rows"))
    return {(str(row["key"]), row["day"].isoformat()): row["all"] for row in rows.order_by()}


def totals_of(keys: Iterable[ConsumerKey]) -> dict[UUID, dict[str, Any]]:
    """What keys asked today, and when last: {requests, rows, refused, limited, failed, last_at}."""
    found: dict[UUID, dict[str, Any]] = {key.pk: dict.fromkeys(COUNTS, 0) | {"last_at": None} for key in keys}
    now = Q(day=today())
    sums = KeyUse.objects.filter(key__in=list(found)).order_by().values("key")
    sums = sums.annotate(last=Max("last_at"), **{f"{name}_now": Sum(name, filter=now) for name in COUNTS})
    for pk, last, *counts in sums.values_list("key", "last", *(f"{name}_now" for name in COUNTS)):
        found[pk] = dict(zip(COUNTS, (count or 0 for count in counts), strict=True)) | {"last_at": last}
    return found


def days_of(key: ConsumerKey, days: int = DAYS) -> list[Day]:
    """What a key asked on each of the last days, oldest first; days without a request are there too."""
    first = today() - timedelta(days=days - 1)
    sums = KeyUse.objects.filter(key=key, day__gte=first).order_by().values("day")
    sums = sums.annotate(**{f"{name}_all": Sum(name) for name in COUNTS})
    found = {day: Day(day, *counts) for day, *counts in sums.values_list("day", *(f"{name}_all" for name in COUNTS))}
    return [found.get(day) or Day(day) for day in (first + timedelta(days=number) for number in range(days))]
