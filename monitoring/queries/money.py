"""Reads of what live answers cost or bring: against training, and against the practice without a model."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils import timezone

from deployments.models import Release
from deployments.queries.decisions import rule_for
from experiments.value import confusion_under
from monitoring.loss import Loss, Side, lost
from monitoring.models import Monitor, Window
from projects.models.kpis import Kpi, KpiValue
from projects.queries.kpis import kpis_of, newest_values
from projects.queries.worth import money_of, worth_of

LAST = 5


def loss_of(window: Window) -> Loss | None:
    """What a week of answers like those of this window costs: measured where outcomes are known, else estimated."""
    project, run = window.monitor.deployment.project, window.release.version.run
    money = money_of(worth_of(project))
    if money is None or money.cases_a_month is None:
        return None
    promised = Side(confusion_under(run.evaluation, run.method, rule_for(project, run)), run.metrics.get("mae"))
    found = window.measured if window.measured.get("metrics") else window.estimated if window.enough else {}
    if not found.get("metrics"):
        return None
    now = Side(found.get("confusion") or _right_and_wrong(found), found["metrics"].get("mae"))
    return lost(money, promised, now, is_estimated=found is not window.measured)


def _right_and_wrong(found: dict[str, Any]) -> dict[str, float] | None:
    """Of several answers: how many were right, as the table of money counts them."""
    share = found["metrics"].get("accuracy") or {}
    if share.get("value") is None:
        return None
    return {"tp": share["value"] * share["n"], "fp": (1 - share["value"]) * share["n"], "fn": 0.0, "tn": 0.0}


@dataclass(frozen=True)
class Beside:
    """One KPI beside the model: its newest value, of which day, and how it changed since the release."""

    name: str
    newest: str
    at: date
    change: str


def kpis_beside(release: Release) -> list[Beside]:
    """What the business counts, against its last value from before this model came into use."""
    kpis = list(kpis_of(release.deployment.project))
    newest, found = newest_values(kpis), []
    day = timezone.localdate(release.started_at or release.created_at)
    for kpi in kpis:
        value = newest.get(kpi.pk)
        if value is None:
            continue
        before = kpi.values.filter(on__lt=day).order_by("-on").first()
        found.append(Beside(kpi.name, _said(value.value, kpi.unit), value.on, _change(kpi, value, before, day)))
    return found


def _said(value: float, unit: str) -> str:
    return f"{value:,.4g} {unit}".replace(",", "\u2009").strip()


def _change(kpi: Kpi, value: KpiValue, before: KpiValue | None, day: date) -> str:
    if value.on < day:
        return "no value since this model is in use"
    if before is None:
        return "no value from before to compare with"
    apart = value.value - before.value
    better = (apart > 0) == (kpi.direction == "at_least")
    word = "as before" if not apart else "better" if better else "worse"
    return f"{word}: it was {_said(before.value, kpi.unit)} on {before.on.day} {before.on:%B}"


def practices_of(monitor: Monitor, release: Release) -> list[dict[str, Any]]:
    """How the newest windows stand beside the practice without a model, newest first."""
    rows = monitor.windows.filter(release=release, enough=True).order_by("-to_at")[: LAST * 4]
    found = [measured.get("practice") or {} for measured in rows.values_list("measured", flat=True)]
    return [one for one in found if one][:LAST]
