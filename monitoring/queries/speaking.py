"""Reads of how the rules of alerts speak at one deployment."""

from monitoring import speaking
from monitoring.models import AlertSettings, Monitor


def speaking_of(monitor: Monitor) -> speaking.Speaking:
    """The newest settings; usual ones where nobody said otherwise."""
    row = monitor.alert_settings.first()
    return speaking.of_rows(row.rules, row.quiet, row.escalate_hours) if row else speaking.Speaking()


def settings_of(monitor: Monitor) -> list[AlertSettings]:
    """Every version, newest first."""
    return list(monitor.alert_settings.select_related("created_by")[:50])
