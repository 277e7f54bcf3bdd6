"""Writes about alerts by people: take, close."""

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.services import record
from monitoring.models import Alert
from problems.problem import Conflict, Invalid


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
    row.save(update_fields=["state", "closed_at", "closing_note"])
    project = row.monitor.deployment.project
    record(by, "alert.closed", row, project_key=project.key, number=row.number, note=row.closing_note)
    return row


def _open(alert: Alert) -> Alert:
    row = Alert.objects.select_for_update(of=("self",)).select_related("monitor__deployment__project").get(pk=alert.pk)
    if row.state == Alert.State.CLOSED:
        raise Conflict(f"Alert {row.number} is closed already.", code="closed")
    return row
