"""Writes about alerts: people take, snooze and close them; what nobody takes goes further up."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from audit.services import record
from monitoring.models import Alert
from monitoring.queries.speaking import speaking_of
from monitoring.services.incidents import LONGEST_SNOOZE, settle
from monitoring.services.monitors import PLATFORM
from notices.services import tell
from problems.problem import Conflict, Invalid
from projects.permissions import Role
from projects.queries.team import members_with
from projects.results import open_words

TOLD = [Role.MLOPS_ENGINEER, Role.ML_ENGINEER]
ESCALATED_TO = [Role.OWNER, Role.PRODUCT_MANAGER, Role.MLOPS_ENGINEER]


@transaction.atomic
def take_alert(alert: Alert, *, by: User) -> Alert:
    """It is this person's now; the others see who looks after it."""
    row = _open(alert)
    if row.taken_by_id and row.taken_by_id != by.pk:
        raise Conflict(f"{row.taken_by} took this alert already.", code="taken")
    row.state, row.taken_by = Alert.State.TAKEN, by
    row.save(update_fields=["state", "taken_by"])
    record(by, "alert.taken", row, project_key=row.monitor.deployment.project.key, number=row.number)
    return row


@transaction.atomic
def close_alert(alert: Alert, *, note: str, by: User) -> Alert:
    """It is over, for a reason that others can read."""
    if not note.strip():
        raise Invalid("Say in a sentence why it is over.", fields={"note": "Say in a sentence why it is over."})
    row = _open(alert)
    row.state, row.closed_at, row.closing_note = Alert.State.CLOSED, timezone.now(), note.strip()[:300]
    row.held_until = None
    row.save(update_fields=["state", "closed_at", "closing_note", "held_until"])
    project = row.monitor.deployment.project
    record(by, "alert.closed", row, project_key=project.key, number=row.number, note=row.closing_note)
    settle(row, by=by)
    return row


@transaction.atomic
def snooze_alert(alert: Alert, *, hours: int, by: User) -> Alert:
    """Leave people alone about it for a while; it stays open, and what is seen meanwhile is written down."""
    if not 1 <= hours <= LONGEST_SNOOZE:
        said = f"Between 1 and {LONGEST_SNOOZE} hours."
        raise Invalid(said, fields={"hours": said})
    row = _open(alert)
    row.snoozed_until = timezone.now() + timedelta(hours=hours)
    row.save(update_fields=["snoozed_until"])
    project = row.monitor.deployment.project
    record(by, "alert.snoozed", row, project_key=project.key, number=row.number, hours=hours)
    return row


def escalate() -> int:
    """Alerts to act on that nobody took in time are told to those who answer for the project, once."""
    now = timezone.now()
    lying = Alert.objects.filter(state=Alert.State.OPEN, severity="act", escalated_at=None)
    lying = lying.filter(opened_at__lte=now - timedelta(hours=1)).exclude(snoozed_until__gt=now)
    lying = lying.filter(monitor__deployment__project__deleted_at=None, monitor__deployment__project__archived_at=None)
    rows = lying.select_related("monitor__deployment__project").order_by("opened_at")[:500]
    return sum(_escalate(alert) for alert in rows)


@transaction.atomic
def _escalate(alert: Alert) -> bool:
    speaking, now = speaking_of(alert.monitor), timezone.now()
    hours = speaking.escalate_hours
    if alert.opened_at > now - timedelta(hours=hours) or speaking.held_until(now, "act"):
        return False
    row = Alert.objects.select_for_update(of=("self",)).select_related("monitor__deployment__project").get(pk=alert.pk)
    if row.escalated_at or row.state != Alert.State.OPEN:
        return False
    row.escalated_at = now
    row.save(update_fields=["escalated_at"])
    project = row.monitor.deployment.project
    record(PLATFORM, "alert.escalated", row, project_key=project.key, number=row.number, hours=hours)
    text = f"Nobody took alert {row.number} for {hours} hours: {open_words(project.key).text(row.sentence)}"
    _send(row, text, ESCALATED_TO)
    return True


def tell_held() -> int:
    """What came in quiet hours is told at their end."""
    rows = Alert.objects.filter(held_until__lte=timezone.now())
    rows = rows.filter(monitor__deployment__project__deleted_at=None, monitor__deployment__project__archived_at=None)
    return sum(_tell_held(pk) for pk in rows.values_list("pk", flat=True)[:100])


@transaction.atomic
def _tell_held(pk: UUID) -> bool:
    row = Alert.objects.select_for_update(of=("self",)).select_related("monitor__deployment__project").get(pk=pk)
    if row.held_until is None:
        return False
    row.held_until = None
    row.save(update_fields=["held_until"])
    said = open_words(row.monitor.deployment.project.key).text(row.sentence)
    over = row.state == Alert.State.CLOSED
    tell_about(row, f"Alert {row.number} {'closed by itself' if over else 'came'} in quiet hours: {said}")
    return True


def tell_about(alert: Alert, text: str) -> None:
    """Those who run models, and the role that owns the rule."""
    owner = speaking_of(alert.monitor).rule(alert.rule).owner
    _send(alert, text, [*TOLD, *([Role(owner)] if owner else [])])


def _send(alert: Alert, text: str, roles: list[Role]) -> None:
    project = alert.monitor.deployment.project
    people = {person.pk for person in members_with(project, roles)}
    tell(people, text, url=reverse("alert", args=[project.key, alert.number]), project_key=project.key, kind="alert")


def _open(alert: Alert) -> Alert:
    row = Alert.objects.select_for_update(of=("self",)).select_related("monitor__deployment__project").get(pk=alert.pk)
    if row.state == Alert.State.CLOSED:
        raise Conflict(f"Alert {row.number} is closed already.", code="closed")
    return row
