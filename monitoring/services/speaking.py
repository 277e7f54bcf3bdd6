"""Saying how the rules of alerts speak at one deployment; each change is a version that stays."""

from typing import Any

from django.db import transaction
from django.db.models import Max

from accounts.models import User
from audit.services import record
from monitoring import speaking
from monitoring.models import AlertSettings, Monitor
from problems.problem import Conflict, Invalid


@transaction.atomic
def change_settings(
    monitor: Monitor, *, rules: Any, quiet: Any, escalate_hours: Any, seen: int, reason: str, by: User
) -> AlertSettings:
    """The next version of them. `seen` is the newest one when it was read; 0 before the first."""
    if not reason.strip():
        raise Invalid("Say in a sentence why.", fields={"reason": "Say in a sentence why."})
    checked = speaking.checked(rules, quiet, escalate_hours)
    Monitor.objects.select_for_update().get(pk=monitor.pk)
    last = monitor.alert_settings.aggregate(last=Max("version"))["last"] or 0
    if last != seen:
        raise Conflict("Somebody changed these settings since you opened them.", code="changed_meanwhile")
    kept_rules, kept_quiet = speaking.as_rows(checked)
    row = AlertSettings.objects.create(
        monitor=monitor,
        version=last + 1,
        rules=kept_rules,
        quiet=kept_quiet,
        escalate_hours=checked.escalate_hours,
        reason=reason.strip()[:300],
        created_by=by,
    )
    facts = {"deployment": monitor.deployment.name, "version": row.version, "rules": kept_rules, "quiet": kept_quiet}
    project_key = monitor.deployment.project.key
    record(by, "alert_settings.changed", row, project_key=project_key, reason=row.reason, **facts)
    return row
