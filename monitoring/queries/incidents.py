"""Reads of incidents: the list, one with what belongs to it, and all that happened around it, in order of time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from audit.models import Entry
from datasets.models.versions import Version
from monitoring.models import Alert, Incident, Retraining, Window
from problems.problem import Missing
from projects.models.projects import Project

MOST_CHECKS, MOST_EVENTS, BEFORE = 60, 200, timedelta(days=1)


@dataclass(frozen=True)
class Event:
    """One line of the timeline: when, what kind, in words, and whose page shows more (a word and its own)."""

    at: datetime
    kind: str
    words: str
    link: tuple[str, Any] = ("", None)


def incidents_of(project: Project) -> QuerySet[Incident]:
    """All incidents of a project, newest first, with how many alerts each has."""
    still = Count("alerts", filter=~Q(alerts__state=Alert.State.CLOSED))
    rows = Incident.objects.filter(monitor__deployment__project=project).annotate(count=Count("alerts"), still=still)
    return rows.select_related("monitor__deployment__project", "taken_by").order_by("-number")


def incident_for(project: Project, number: int) -> Incident:
    """One incident of this project by its number."""
    incident = incidents_of(project).filter(number=number).first()
    if incident is None:
        raise Missing(f"There is no incident {number} in this project.")
    return incident


def alerts_in(incident: Incident) -> list[Alert]:
    """Its alerts, what is open and to act on first."""
    rows = incident.alerts.select_related("monitor__deployment__project", "taken_by", "window")
    return sorted(rows, key=lambda one: (one.state == Alert.State.CLOSED, one.severity, one.number))


def begun_at(incident: Incident) -> datetime:
    """When the answers began that its first alert was seen in."""
    starts = incident.alerts.filter(window__isnull=False).order_by("window__from_at").values_list("window__from_at")
    first = starts.first()
    return min(first[0], incident.opened_at) if first else incident.opened_at


def windows_in(incident: Incident) -> list[Window]:
    """The checks of its time, oldest first."""
    until = incident.closed_at or timezone.now()
    rows = incident.monitor.windows.filter(to_at__gte=begun_at(incident), from_at__lte=until)
    rows = rows.select_related("monitor__deployment", "release__version__model").order_by("-to_at")
    return list(reversed(rows[:MOST_CHECKS]))


def retrainings_in(incident: Incident) -> list[Retraining]:
    """Those that its alerts asked for, and all others that began while it was open."""
    until = incident.closed_at or timezone.now()
    meant = Q(alert__incident=incident) | Q(created_at__gte=incident.opened_at, created_at__lte=until)
    rows = incident.monitor.retrainings.filter(meant)
    return list(rows.select_related("run__data", "plan__challenger__version", "alert")[:20])


def events_of(incident: Incident) -> list[Event]:
    """Checks, releases, data versions, retrainings, trials and notes around it, in order of time."""
    start, until = begun_at(incident) - BEFORE, incident.closed_at or timezone.now()
    found = [
        *_checks(incident),
        *_releases(incident, start, until),
        *_data(incident, start, until),
        *_retrainings(incident),
        *_trials(incident, start, until),
        *(Event(note.created_at, "note", f"{_name(note.created_by)}: {note.text}") for note in _notes(incident)),
    ]
    return sorted(found, key=lambda event: event.at)[-MOST_EVENTS:]


def history_of(incident: Incident) -> list[Entry]:
    """What was written down about it and its alerts in the audit, in order."""
    own = Q(subject_type="monitoring.incident", subject_id=str(incident.pk))
    alerts = [str(pk) for pk in incident.alerts.values_list("pk", flat=True)]
    of_alerts = Q(subject_type="monitoring.alert", subject_id__in=alerts)
    return list(Entry.objects.filter(own | of_alerts).exclude(name="incident.noted").order_by("seq")[:MOST_EVENTS])


def data_behind(incident: Incident) -> list[Version]:
    """What the model that was in use when it began learned from, and the newest data of that kind."""
    release = incident.monitor.windows.filter(to_at__gte=begun_at(incident)).order_by("to_at").first()
    if release is None:
        return []
    data = release.release.version.run.data
    newest = Version.objects.filter(dataset=data.dataset_id, state=Version.State.PUBLISHED).order_by("-number")
    rows = Version.objects.filter(pk__in=[data.pk, *newest.values_list("pk", flat=True)[:1]])
    return list(rows.select_related("dataset", "ingestion").order_by("number"))


def _notes(incident: Incident) -> Iterable[Any]:
    return incident.notes.select_related("created_by")


def _name(person: Any) -> str:
    return person.name if person else "Somebody who left"


def _checks(incident: Incident) -> Iterable[Event]:
    for window in windows_in(incident):
        moved = sum(entry.get("state") in ("act", "watch") for entry in window.inputs)
        said = f"Check of {window.rows} answers: {moved} of {len(window.inputs)} inputs moved"
        yield Event(window.to_at, "check", said if window.enough else f"Check of {window.rows} answers, too few")


def _releases(incident: Incident, start: datetime, until: datetime) -> Iterable[Event]:
    rows = incident.monitor.deployment.releases.filter(started_at__gte=start, started_at__lte=until)
    for release in rows.select_related("version__model").exclude(state__in=("trial", "tried")):
        back = ", back again" if release.went_back_from_id else ""
        link = ("model-version", (release.version.model.name, release.version.number))
        yield Event(
            release.started_at or start, "release", f"Version {release.version.number} came into use{back}", link
        )


def _data(incident: Incident, start: datetime, until: datetime) -> Iterable[Event]:
    datasets: set[UUID] = set(
        incident.monitor.deployment.releases.values_list("version__run__data__dataset", flat=True)
    )
    rows = Version.objects.filter(dataset__in=datasets, published_at__gte=start, published_at__lte=until)
    for version in rows.select_related("dataset"):
        link = ("dataset-version", (version.dataset.name, version.number))
        yield Event(version.published_at or start, "data", f"{version} was published", link)


def _retrainings(incident: Incident) -> Iterable[Event]:
    for one in retrainings_in(incident):
        link = ("retraining", (one.pk,))
        yield Event(one.created_at, "retraining", f"Retraining began as run {one.run.number}", link)
        if one.compared_at:
            said = str(one.comparison.get("finding", ""))
            yield Event(one.compared_at, "retraining", f"Run {one.run.number} was compared: {said}", link)


def _trials(incident: Incident, start: datetime, until: datetime) -> Iterable[Event]:
    rows = incident.monitor.deployment.plans.filter(created_at__gte=start, created_at__lte=until)
    for plan in rows.select_related("challenger__version"):
        yield Event(plan.created_at, "trial", f"Trial {plan.number} of version {plan.challenger.version.number} began")
        if plan.ended_at:
            yield Event(
                plan.ended_at, "trial", f"Trial {plan.number}: {plan.get_state_display().lower()}. {plan.reason}"
            )
