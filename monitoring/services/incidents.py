"""Writes about incidents: opened with their first alert, taken, noted, closed by people or with their last alert."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts.models import User
from audit.actors import Actor
from audit.services import record
from monitoring.models import Alert, Incident, IncidentNote, Monitor
from problems.problem import Conflict, Invalid

LONGEST, LONGEST_SNOOZE = 1000, 14 * 24


def incident_of(monitor: Monitor, *, by: Actor) -> Incident:
    """The incident that is open here, or a new one; in the transaction that opens an alert."""
    found = monitor.incidents.filter(closed_at=None).first()
    if found:
        return found
    incident = Incident(monitor=monitor)
    # The audit's lock comes first, so that two incidents never take the same number.
    deployment = monitor.deployment
    record(by, "incident.opened", incident, project_key=deployment.project.key, deployment=deployment.name)
    incident.number = (Incident.objects.aggregate(last=Max("number"))["last"] or 0) + 1
    incident.save(force_insert=True)
    return incident


def settle(alert: Alert, *, by: Actor) -> None:
    """An alert was closed: with the last one its incident closes too."""
    incident = alert.incident
    if incident is None or incident.closed_at or incident.alerts.exclude(state=Alert.State.CLOSED).exists():
        return
    incident.closed_at = timezone.now()
    incident.closing_note = f"Its last alert, {alert.number}, closed: {alert.closing_note}"[:300]
    incident.save(update_fields=["closed_at", "closing_note"])
    _record(by, "incident.closed_by_itself", incident)


@transaction.atomic
def take_incident(incident: Incident, *, by: User) -> Incident:
    """It is this person's now, with every alert of it that nobody took."""
    row = _open(incident)
    if row.taken_by_id and row.taken_by_id != by.pk:
        raise Conflict(f"{row.taken_by} took this incident already.", code="taken")
    row.taken_by = by
    row.save(update_fields=["taken_by"])
    row.alerts.filter(state=Alert.State.OPEN).update(state=Alert.State.TAKEN, taken_by=by)
    _record(by, "incident.taken", row)
    return row


@transaction.atomic
def snooze_incident(incident: Incident, *, hours: int, by: User) -> Incident:
    """Leave people alone about all of its open alerts for a while."""
    row = _open(incident)
    if not 1 <= hours <= LONGEST_SNOOZE:
        said = f"Between 1 and {LONGEST_SNOOZE} hours."
        raise Invalid(said, fields={"hours": said})
    until = timezone.now() + timedelta(hours=hours)
    row.alerts.exclude(state=Alert.State.CLOSED).update(snoozed_until=until)
    _record(by, "incident.snoozed", row, hours=hours)
    return row


@transaction.atomic
def note_incident(incident: Incident, *, text: str, by: User) -> IncidentNote:
    """Write down what was found; also after it was closed."""
    if not text.strip() or len(text) > LONGEST:
        said = f"Write from 1 to {LONGEST} characters."
        raise Invalid(said, fields={"text": said})
    note = IncidentNote.objects.create(incident=incident, text=text.strip(), created_by=by)
    _record(by, "incident.noted", incident)
    return note


@transaction.atomic
def close_incident(incident: Incident, *, note: str, by: User) -> Incident:
    """It is over, and its open alerts with it, for a reason that others can read."""
    if not note.strip():
        raise Invalid("Say in a sentence why it is over.", fields={"note": "Say in a sentence why it is over."})
    row = _open(incident)
    row.closed_at, row.closing_note = timezone.now(), note.strip()[:300]
    row.save(update_fields=["closed_at", "closing_note"])
    still = row.alerts.exclude(state=Alert.State.CLOSED)
    still.update(state=Alert.State.CLOSED, closed_at=row.closed_at, closing_note=row.closing_note, held_until=None)
    _record(by, "incident.closed", row, note=row.closing_note)
    return row


def _open(incident: Incident) -> Incident:
    rows = Incident.objects.select_for_update(of=("self",)).select_related("monitor__deployment__project")
    row = rows.get(pk=incident.pk)
    if row.closed_at:
        raise Conflict(f"Incident {row.number} is closed already.", code="closed")
    return row


def _record(by: Actor, name: str, incident: Incident, **facts: object) -> None:
    deployment = incident.monitor.deployment
    about = {"number": incident.number, "deployment": deployment.name}
    record(by, name, incident, project_key=deployment.project.key, **about, **facts)
