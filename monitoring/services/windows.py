"""Writing what a check found: the window, the alerts it opens, and those it closes."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from audit.actors import Actor
from audit.services import record
from deployments.models import Release
from monitoring import retiring, rules
from monitoring.loss import RULE
from monitoring.loss import matter as loss_matter
from monitoring.models import Alert, Learned, Monitor, Window
from monitoring.queries.money import loss_of, practices_of
from monitoring.queries.speaking import speaking_of
from monitoring.queries.watch import found_live
from monitoring.services.alerts import tell_about
from monitoring.services.incidents import incident_of, settle
from monitoring.services.monitors import PLATFORM, mark_checked
from monitoring.services.policies import lower_after_incident
from monitoring.speaking import speaks
from projects.contract import Goal
from projects.models.define import Contract
from projects.models.kpis import KpiValue
from projects.models.projects import Project
from projects.points import Point
from projects.queries.define import contract_in_force, goals_of
from projects.queries.kpis import kpis_of
from projects.results import open_words
from projects.services.kpis import put_values


@transaction.atomic
def record_window(
    monitor: Monitor, release: Release, *, start: datetime, end: datetime, found: dict[str, Any], by: Actor = PLATFORM
) -> Window:
    """Keep a window and act on it. A window without enough answers is kept up to date until it has them."""
    Monitor.objects.select_for_update().get(pk=monitor.pk)
    window = Window.objects.filter(monitor=monitor, release=release, from_at=start, enough=False).first()
    window = window or Window(monitor=monitor, release=release, from_at=start)
    window.to_at, window.rows, window.enough = end, found["rows"], found["enough"]
    window.inputs, window.answers, window.service = found["inputs"], found["answers"], found["service"]
    window.lead = rules.lead(window.inputs, window.answers)
    window.performance = found["performance"] or _known_before(monitor, release)
    window.estimated = found["estimated"]
    window.measured = found["measured"].get("now") or window.measured
    window.save()
    _measure_earlier(monitor, found["measured"])
    mark_checked(monitor)
    _count_money(window)
    newer = Window.objects.filter(monitor=monitor, enough=True, to_at__gt=window.to_at).exists()
    if not newer:
        _act_on(window, by=by)
    return window


@transaction.atomic
def keep_learned(release: Release, content: dict[str, Any], reason: str) -> None:
    """Keep what the doubt of a release's model means, or why nobody knows."""
    Learned.objects.get_or_create(release=release, defaults={"content": content, "reason": reason})


def _measure_earlier(monitor: Monitor, measured: dict[str, Any]) -> None:
    """New outcomes say how right the answers of earlier windows were."""
    for key, one in measured.items():
        if key != "now":
            Window.objects.filter(monitor=monitor, pk=key).update(measured=one)


def _known_before(monitor: Monitor, release: Release) -> dict[str, Any]:
    """The last measured performance of this release, where no new outcome arrived."""
    last = Window.objects.filter(monitor=monitor, release=release).order_by("-to_at", "-created_at").first()
    return last.performance if last else {}


def _act_on(window: Window, *, by: Actor) -> None:
    monitor = window.monitor
    goals, speaking = goals_of(contract_in_force(monitor.deployment.project)), speaking_of(monitor)
    found, loss = found_live(window, goals), loss_of(window)
    practices = practices_of(monitor, window.release)
    matters = _matters(window, goals, found)
    matters += [one for one in (loss_matter(loss), retiring.matter(practices)) if one]
    earlier = _earlier(window, goals, max((speaking.rule(one.rule).period for one in matters), default=1))
    for matter in rules.ordered(matters):
        known = (matter.rule, matter.subject)
        if speaks(speaking.rule(matter.rule), [True, *(known in seen for seen in earlier)]):
            raise_alert(monitor, matter, window=window, by=by)
    judged = set(rules.ORDER) if window.enough else {"target_at_risk"}
    judged -= set() if window.rows else {"no_data"}
    judged -= {RULE} if loss is None else set()
    judged -= set() if practices else {retiring.RULE}
    still = {(matter.rule, matter.subject) for matter in matters}
    told = [found, _unmeasured(window).get("metrics") or {}]
    unknown = {goal.name for goal in goals if all((one.get(goal.key) or {}).get("value") is None for one in told)}
    for alert in monitor.alerts.exclude(state=Alert.State.CLOSED).filter(rule__in=judged):
        unjudged = alert.rule == "target_at_risk" and alert.subject in unknown  # nobody knows whether it is over
        if (alert.rule, alert.subject) not in still and not unjudged:
            _close_by_itself(alert, window, by=by)


def _matters(window: Window, goals: list[Goal], found: dict[str, Any]) -> list[rules.Matter]:
    """What is wrong with the inputs, the answers and the targets of one window."""
    return rules.matters(
        window.inputs if window.enough else [],
        window.answers if window.enough else {},
        window.performance | {"metrics": found},
        limits=rules.Limits(window.monitor.watch_at, window.monitor.act_at),
        goals=goals,
        estimated=_unmeasured(window),
    )


def _earlier(window: Window, goals: list[Goal], period: int) -> list[set[tuple[str, str]]]:
    """What was seen in each of the checks before, the newest first, as far back as any rule counts."""
    if period < 2:
        return []
    rows = Window.objects.filter(monitor=window.monitor_id, enough=True, to_at__lt=window.to_at)
    found = []
    for row in rows.select_related("monitor__deployment__project", "release__version__run")[: period - 1]:
        matters = [*_matters(row, goals, found_live(row, goals)), loss_matter(loss_of(row))]
        found.append({(one.rule, one.subject) for one in matters if one})
    return found


def _unmeasured(window: Window) -> dict[str, Any]:
    """The estimates of a window with enough answers, as long as its own outcomes are not known."""
    return window.estimated if window.enough and not window.measured.get("metrics") else {}


def judge_again(project: Project, contract: Contract) -> None:
    """Other targets are signed: what was measured last at each monitor is judged by them at once."""
    for monitor in Monitor.objects.filter(deployment__project=project).select_related("deployment__project"):
        window = Window.objects.filter(monitor=monitor).order_by("-to_at", "-created_at").first()
        if window:
            _count_money(window)
            _act_on(window, by=PLATFORM)


def _count_money(window: Window) -> None:
    """The KPIs that are counted from the table of money get their point of this month, anew with each outcome."""
    project = window.monitor.deployment.project
    goals = [goal for goal in goals_of(contract_in_force(project)) if goal.source == "money"]
    if not goals or not window.performance.get("metrics"):
        return
    found, kpis = found_live(window, goals), {kpi.key: kpi for kpi in kpis_of(project)}
    month = min(timezone.localdate(window.to_at), timezone.localdate()).replace(day=1)
    for goal in goals:
        one = found.get(goal.key) or {}
        if one.get("value") is not None and goal.metric in kpis:
            note = f"Version {window.release.version.number}, {one['n']} answers whose outcome is known."
            point = Point(month, one["value"], one["low"], one["high"], note)
            put_values(kpis[goal.metric], [point], source=KpiValue.Source.COMPUTED, by=PLATFORM)


def raise_alert(monitor: Monitor, matter: rules.Matter, *, window: Window | None, by: Actor) -> Alert:
    """Open an alert once per matter; while it is open, a new sight of it only updates it."""
    speaking = speaking_of(monitor)
    severity = speaking.severity(matter.rule, matter.severity)
    alert = monitor.alerts.exclude(state=Alert.State.CLOSED).filter(rule=matter.rule, subject=matter.subject).first()
    if alert:
        alert.last_seen_at, alert.sentence, alert.severity = timezone.now(), matter.sentence[:300], severity
        alert.save(update_fields=["last_seen_at", "sentence", "severity"])
        return alert
    project = monitor.deployment.project
    incident = incident_of(monitor, by=by)
    alert = Alert(monitor=monitor, window=window, incident=incident, rule=matter.rule, subject=matter.subject)
    # The audit's lock comes first, so that two alerts never take the same number.
    facts = {"rule": matter.rule, "about": matter.subject, "sentence": matter.sentence[:300]}
    record(by, "alert.opened", alert, project_key=project.key, incident=incident.number, **facts)
    alert.number = (Alert.objects.aggregate(last=Max("number"))["last"] or 0) + 1
    alert.sentence, alert.severity = matter.sentence[:300], severity
    alert.held_until = speaking.held_until(timezone.now(), severity)
    alert.save(force_insert=True)
    if alert.held_until is None:
        tell_about(alert, f"Alert {alert.number}: {open_words(project.key).text(matter.sentence)}")
    lower_after_incident(alert)
    return alert


def _close_by_itself(alert: Alert, window: Window, *, by: Actor) -> None:
    project = alert.monitor.deployment.project
    alert.state, alert.closed_at = Alert.State.CLOSED, timezone.now()
    alert.closing_note = f"Gone by itself: not seen among the {window.rows} answers up to {window.to_at:%d %B %H:%M}."
    alert.held_until = alert.held_until or speaking_of(alert.monitor).held_until(timezone.now(), "watch")
    alert.save(update_fields=["state", "closed_at", "closing_note", "held_until"])
    record(by, "alert.closed_by_itself", alert, project_key=project.key, number=alert.number)
    settle(alert, by=by)
    if alert.held_until is None:
        said = open_words(project.key).text(alert.sentence)
        tell_about(alert, f"Alert {alert.number} closed by itself: {said}")
