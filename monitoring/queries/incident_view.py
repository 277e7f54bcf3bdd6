"""What the page and the endpoint of an incident show: its cause, its alerts, and all that happened."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse

from monitoring import cause
from monitoring.models import Alert, Incident, Retraining
from monitoring.queries import incidents as queries
from monitoring.queries.money import loss_of
from monitoring.seen import Eyes
from projects.activity import told
from projects.permissions import Role, allows

MOST_LINES = 250


@dataclass(frozen=True)
class Line:
    """One line of the timeline."""

    at: datetime
    kind: str
    words: str
    url: str = ""


@dataclass(frozen=True)
class IncidentView:
    """Everything on an incident's page. `upstream` is the data that the model in use learned from, and newer data."""

    headline: str
    severity: str
    cause: cause.Cause
    upstream: list[tuple[str, str]]
    case_url: str
    alerts: list[Alert]
    lines: list[Line]
    retrainings: list[Retraining]
    loss: str


def incident_view(incident: Incident, eyes: Eyes, roles: frozenset[Role]) -> IncidentView:
    """One incident as somebody with these roles may see it."""
    alerts = [eyes.alert(alert) for alert in queries.alerts_in(incident)]
    windows = [eyes.window(window) for window in queries.windows_in(incident)]
    seen = [cause.Seen(one.from_at, one.to_at, one.inputs, one.performance.get("slice") or {}) for one in windows]
    found = cause.found([one for one in seen if one.inputs])
    loss = loss_of(windows[-1]) if windows else None
    still = [alert for alert in alerts if alert.state != Alert.State.CLOSED] or alerts
    return IncidentView(
        headline=still[0].sentence if still else "",
        severity=min((alert.severity for alert in still), default="watch"),
        cause=found,
        upstream=_upstream(incident),
        case_url=_case_url(incident, found, roles),
        alerts=alerts,
        lines=_lines(incident, eyes),
        retrainings=queries.retrainings_in(incident),
        loss=f"{loss.words[0].upper()}{loss.words[1:]} ({loss.between})." if loss and loss.is_sure else "",
    )


def _upstream(incident: Incident) -> list[tuple[str, str]]:
    """The versions of the data from which models learned, with where each was read from, and their pages."""
    key, found = incident.monitor.deployment.project.key, []
    for version in queries.data_behind(incident):
        file = f", read from {version.ingestion.file_name}" if version.ingestion else ""
        url = reverse("dataset-version", args=[key, version.dataset.name, version.number])
        found.append((f"{version}{file}", url))
    return found


def _case_url(incident: Incident, found: cause.Cause, roles: frozenset[Role]) -> str:
    """The form of a new edge case, filled in with the first row that shows the cause."""
    if found.first is None or not allows(roles, "case.write"):
        return ""
    deployment = incident.monitor.deployment
    asked = urlencode({"deployment": deployment.name, "prediction": found.first["id"]})
    return f"{reverse('case-new', args=[deployment.project.key])}?{asked}"


def _lines(incident: Incident, eyes: Eyes) -> list[Line]:
    key = incident.monitor.deployment.project.key
    lines = [Line(one.at, one.kind, eyes.text(one.words), _url(key, one)) for one in queries.events_of(incident)]
    for entry in queries.history_of(incident):
        data = {**entry.data, "sentence": eyes.text(str(entry.data.get("sentence", "")))}
        lines.append(Line(entry.at, "alert", f"{entry.actor_name} {told(entry.name, data)}"))
    return sorted(lines, key=lambda line: line.at)[-MOST_LINES:]


def _url(key: str, event: queries.Event) -> str:
    word, own = event.link
    return reverse(word, args=[key, *own]) if word else ""
