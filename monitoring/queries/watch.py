"""Reads of the monitoring room: monitors, windows, alerts, retrainings, and how all stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Max, OuterRef, Q, QuerySet, Subquery, Sum
from django.utils import timezone

from accounts.models import User
from deployments.models import Deployment, Release, Segment
from deployments.queries.deployments import champion_of, segments_between
from experiments.evaluation.worth import money_goals
from experiments.models.runs import Run
from monitoring.beat import late_since
from monitoring.models import Alert, Monitor, Outcome, Retraining, Window
from problems.problem import Conflict, Missing
from projects.contract import LATENCY_KEY, Goal, Judgement, judged_from
from projects.models.define import Contract
from projects.models.projects import Project
from projects.models.team import Membership
from projects.queries.define import goals_of
from projects.queries.kpis import judged_now
from projects.queries.worth import money_of, worth_of

TIMELINE_WINDOWS = 90
LEAST_TIMED, LOOK_BACK = 20, 5
HEAVY, LIGHT = ("inputs", "answers", "performance", "service"), ("lead", "estimated", "measured")


def monitors_of(project: Project) -> QuerySet[Monitor]:
    """The monitors of a project by deployment name."""
    return Monitor.objects.filter(deployment__project=project).select_related("deployment").order_by("deployment__name")


def monitor_for(project: Project, name: str) -> Monitor:
    """One monitor of this project, by the name of its deployment."""
    monitor = monitors_of(project).filter(deployment__name=name).first()
    if monitor is None:
        raise Missing(f"There is no monitor of “{name}” in this project. A monitor comes with the first promotion.")
    return monitor


def windows_of(monitor: Monitor) -> QuerySet[Window]:
    """All windows, newest first."""
    return monitor.windows.select_related("release__version__model").order_by("-to_at", "-created_at")


def windows_listed(monitor: Monitor) -> QuerySet[Window]:
    """The same without what a list does not show."""
    return windows_of(monitor).defer("inputs", "answers", "performance", *LIGHT)


def latest_enough(monitor: Monitor, release: Release | None = None) -> Window | None:
    """The newest window with enough answers, of one release or of any."""
    windows = windows_of(monitor).filter(enough=True)
    return (windows.filter(release=release) if release else windows).first()


def timeline(monitor: Monitor, since: datetime | None = None, *, whole: bool = False) -> list[Window]:
    """The last windows with enough answers, oldest first; with all that they measured only where it is asked for."""
    windows = windows_of(monitor).filter(enough=True)
    windows = windows.filter(to_at__gte=since) if since else windows
    return list(reversed((windows if whole else windows.defer(*HEAVY))[:TIMELINE_WINDOWS]))


def open_alerts(project: Project) -> QuerySet[Alert]:
    """Alerts that are not closed, those to act on first."""
    return alerts_of(project).exclude(state=Alert.State.CLOSED).order_by("severity", "-opened_at")


def open_alerts_of(monitor: Monitor) -> QuerySet[Alert]:
    """Open alerts of one monitor: those to act on first, then in the order in which they rose."""
    alerts = monitor.alerts.exclude(state=Alert.State.CLOSED).select_related("taken_by", "window")
    return alerts.order_by("severity", "number")


def open_alert_counts(monitors: list[UUID]) -> dict[UUID, int]:
    """How many open alerts each of these monitors has."""
    alerts = Alert.objects.filter(monitor__in=monitors).exclude(state=Alert.State.CLOSED)
    return {row["monitor"]: row["count"] for row in alerts.values("monitor").annotate(count=Count("pk")).order_by()}


def alerts_of(project: Project) -> QuerySet[Alert]:
    """All alerts of a project, newest first."""
    return Alert.objects.filter(monitor__deployment__project=project).select_related(
        "monitor__deployment__project", "taken_by", "window", "incident"
    )


def alerts_seen_by(user: User) -> QuerySet[Alert]:
    """All alerts of the projects that a person is in, newest first."""
    alerts = Alert.objects.select_related("monitor__deployment__project", "taken_by")
    alerts = alerts.filter(monitor__deployment__project__deleted_at=None)
    if user.is_admin:
        return alerts
    keys = Membership.objects.filter(user=user).values("project")
    return alerts.filter(monitor__deployment__project__in=keys)


def alert_for(project: Project, number: int) -> Alert:
    """One alert of this project by its number."""
    alert = alerts_of(project).filter(number=number).first()
    if alert is None:
        raise Missing(f"There is no alert {number} in this project.")
    return alert


def retrainings_of(project: Project) -> QuerySet[Retraining]:
    """All retrainings of a project, newest first."""
    return Retraining.objects.filter(monitor__deployment__project=project).select_related(
        "monitor__deployment",
        "run__data__dataset",
        "run__model_version__model",
        "champion__version__model",
        "alert",
        "plan",
        "created_by",
        "comparison_job",
    )


def retraining_for(project: Project, identifier: UUID) -> Retraining:
    """One retraining of this project."""
    retraining = retrainings_of(project).filter(pk=identifier).first()
    if retraining is None:
        raise Missing("There is no such retraining in this project.")
    return retraining


def waits_for_choice(retraining: Retraining) -> bool:
    """Whether a compared challenger is neither registered nor put aside."""
    return retraining.state == Retraining.State.COMPARED and not hasattr(retraining.run, "model_version")


def releases_of(deployment: Deployment) -> list[Release]:
    """The releases that were ever in use, oldest first, for the event lines of a timeline."""
    rows = deployment.releases.filter(started_at__isnull=False).select_related("version__model")
    return list(rows.order_by("started_at"))


def outcome_count(deployment: Deployment) -> int:
    """How many outcomes arrived."""
    return Outcome.objects.filter(deployment=deployment).count()


def weights_of(run: Run) -> dict[str, float]:
    """Each input's share of the decision, from the run's importance; empty where it was not measured."""
    values = {row["name"]: max(float(row["loss"]), 0.0) for row in run.evaluation.get("importance", [])}
    total = sum(values.values())
    return {name: value / total for name, value in values.items()} if total else {}


@dataclass(frozen=True)
class Span:
    """What one check looks at: the release in use, and the answers between two moments."""

    release: Release
    start: datetime
    end: datetime
    rows: int


def champion_for(monitor: Monitor) -> Release:
    """The release in use; a check needs one."""
    release = champion_of(monitor.deployment)
    if release is None:
        raise Conflict(f"Nothing is in use under “{monitor.deployment.name}”, so there is nothing to check.")
    return release


def span_of(monitor: Monitor, start: datetime | None = None, end: datetime | None = None) -> Span:
    """From the end of the last window with enough answers to the newest sealed answer."""
    release = champion_for(monitor)
    if start is None:
        last = latest_enough(monitor, release)
        start = last.to_at if last else (release.started_at or release.created_at)
    if end is None:
        newest = sealed_after(monitor.deployment, start).aggregate(at=Max("last_at"))["at"]
        end = newest + timedelta(microseconds=1) if newest else start
    rows = segments_between(monitor.deployment, start, end).aggregate(rows=Sum("rows"))["rows"] or 0
    return Span(release, start, end, rows if end > start else 0)


def sealed_after(deployment: Deployment, moment: datetime) -> QuerySet[Segment]:
    """Segments of the prediction log with answers at or after a moment."""
    return Segment.objects.filter(deployment=deployment, is_shadow=False, last_at__gte=moment)


def waiting_rows(monitor: Monitor) -> int:
    """About how many answers came since the last window with enough of them (whole segments)."""
    release = champion_of(monitor.deployment)
    return span_of(monitor).rows if release else 0


@dataclass(frozen=True)
class Health:
    """How a project's monitoring stands, for its rail."""

    monitors: int
    open_alerts: int
    late: bool = False


def health_of(projects: Sequence[Project]) -> dict[UUID, Health]:
    """Monitors and open alerts of many projects, in two queries."""
    is_open = Q(deployments__monitor__alerts__state__in=[Alert.State.OPEN, Alert.State.TAKEN])
    rows = Project.objects.filter(pk__in=[project.pk for project in projects]).annotate(
        watched=Count("deployments__monitor", distinct=True),
        to_look_at=Count("deployments__monitor__alerts", filter=is_open, distinct=True),
    )
    in_use = Monitor.objects.filter(deployment__project__in=projects, deployment__releases__state="champion")
    late = {one.deployment.project_id for one in in_use.select_related("deployment") if late_at(one)}
    return {row.pk: Health(row.watched, row.to_look_at, row.pk in late) for row in rows}


def late_at(monitor: Monitor) -> datetime | None:
    """Since when its check is overdue."""
    return late_since(monitor.checked_at, monitor.created_at, monitor.every_seconds, timezone.now())


def looked_at(projects: Sequence[Project]) -> dict[UUID, Window]:
    """The newest window with enough answers of each project that has one, in one query."""
    of_project = Window.objects.filter(monitor__deployment__project=OuterRef("pk"), enough=True).order_by("-to_at")
    newest = Project.objects.filter(pk__in=[project.pk for project in projects]).values(
        last=Subquery(of_project.values("pk")[:1])
    )
    rows = (
        Window.objects.filter(pk__in=newest)
        .select_related("monitor__deployment", "release__version")
        .defer(*HEAVY, *LIGHT)
    )
    return {row.monitor.deployment.project_id: row for row in rows}


@dataclass(frozen=True)
class Live:
    """A deployment as home shows it: what answers, and how many alerts are open."""

    release: Release
    alerts: int


def live_in(projects: Sequence[Project], limit: int = 20) -> list[Live]:
    """What is in production in these projects, what needs a look first; in two queries."""
    live = Release.objects.filter(deployment__project__in=projects, state=Release.State.CHAMPION)
    releases = live.filter(deployment__environment="production")
    found = list(releases.select_related("deployment__project", "deployment__monitor", "version__model")[:200])
    watched = {each.pk: each.deployment.monitor.pk for each in found if hasattr(each.deployment, "monitor")}
    alerts = open_alert_counts(list(watched.values()))
    rows = [Live(each, alerts.get(watched[each.pk], 0) if each.pk in watched else 0) for each in found]
    return sorted(rows, key=lambda row: (not row.release.trouble, -row.alerts, row.release.deployment.name))[:limit]


def newest_retrainings(projects: Sequence[Project]) -> dict[UUID, Retraining]:
    """The newest retraining of each project that has one, in one query."""
    of_project = Retraining.objects.filter(monitor__deployment__project=OuterRef("pk")).order_by("-created_at")
    newest = Project.objects.filter(pk__in=[project.pk for project in projects]).values(
        last=Subquery(of_project.values("pk")[:1])
    )
    rows = Retraining.objects.filter(pk__in=newest).select_related("run__model_version", "monitor__deployment")
    return {row.monitor.deployment.project_id: row for row in rows}


# ---- Live verdicts ----


def found_live(window: Window, goals: Sequence[Goal]) -> dict[str, Any]:
    """What is known of live answers, by the targets' keys: metrics on known outcomes, slowness, and worth."""
    performance, slowest = window.performance, _slowest(window)
    found = dict(performance.get("metrics") or {})
    if slowest:
        found[LATENCY_KEY] = slowest
    if any(goal.source == "money" for goal in goals):
        money = money_of(worth_of(window.monitor.deployment.project))
        known = performance.get("confusion") if found else {}
        found |= money_goals(goals, money, known, found.get("mae"))
    return found


def _slowest(window: Window) -> dict[str, Any] | None:
    """How slow answers were, in this window or in the last one before that timed enough of them."""
    timed = Window.objects.filter(monitor_id=window.monitor_id, release_id=window.release_id, to_at__lte=window.to_at)
    services = [window.service, *timed.order_by("-to_at").values_list("service", flat=True)[:LOOK_BACK]]
    measured = [service["slowest"] for service in services if service.get("slowest")]
    return next((found for found in measured if found["n"] >= LEAST_TIMED), None)


def judged_live(window: Window | None, project: Project, contract: Contract | None) -> list[Judgement]:
    """Every target by what is known live; what the business counts by its newest value."""
    goals = goals_of(contract)
    counted = judged_now(project, goals)
    found = found_live(window, goals) if window else {}
    return [counted.get(one.goal.key, one) if one.measurement is None else one for one in judged_from(goals, found)]
