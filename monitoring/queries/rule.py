"""Reads of how things stand for the rule by which a model is retrained by itself."""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from datasets.models.versions import Version
from datasets.queries.versions import published_versions
from deployments.models import Release
from deployments.queries.deployments import champion_of
from experiments.models.runs import Run
from monitoring import autonomy, rules
from monitoring.models import Alert, Monitor, Retraining, RetrainPolicy
from monitoring.queries import watch as queries
from projects.contract import TargetKind, Verdict
from projects.queries.define import contract_in_force

BUDGET_DAYS = 30


def policies_of(monitor: Monitor) -> list[RetrainPolicy]:
    """Every version of the rule, newest first."""
    found = monitor.policies.select_related("proposed_by", "signed_by").prefetch_related("signatures__user")
    return list(found[:50])


def policy_in_force(monitor: Monitor) -> RetrainPolicy | None:
    """The newest signed version."""
    signed = monitor.policies.filter(signed_at__isnull=False)
    return signed.select_related("monitor__deployment__project").first()


def rules_of(policy: RetrainPolicy) -> autonomy.Rules:
    """The version as the engine knows it, with the level that counts now."""
    values = {field.name: getattr(policy, field.name) for field in fields(autonomy.Rules)}
    return autonomy.Rules(**values | {"level": policy.level_now})


def window_of(policy: RetrainPolicy) -> dict[str, Any]:
    """From which rows a challenger learns, as a run's spec has it; empty for all."""
    if policy.window == "all":
        return {}
    window: dict[str, Any] = {"kind": policy.window, "column": policy.window_column}
    if policy.window == "since":
        return window | {"since": str(policy.window_since or "")}
    return window | {"size": policy.window_size}


@dataclass(frozen=True)
class Standing:
    """The facts, and which alert stands behind each trigger."""

    facts: autonomy.Facts
    alerts: dict[str, Alert]


def standing_of(monitor: Monitor) -> Standing | None:
    """How things stand; None where nothing is in use."""
    release = champion_of(monitor.deployment)
    if release is None:
        return None
    run, now = release.version.run, timezone.now()
    newest = newest_like(run)
    own = monitor.retrainings.select_related("run").order_by("-created_at")
    last = own.first()
    alerts = _alerts(monitor)
    facts = autonomy.Facts(
        now=now,
        trained_at=run.created_at,
        last_at=last.created_at if last else None,
        today=own.filter(created_at__gte=now - timedelta(days=1)).count(),
        minutes=_minutes(monitor, now),
        under_way=own.filter(state=Retraining.State.TRAINING).exists(),
        newer=str(newest) if newest != run.data else "",
        new_rows=newest.rows - run.data.rows,
        tried=own.filter(run__data=newest).exclude(state=Retraining.State.FAILED).exists(),
        alert_drift=_said(alerts.get("drift")),
        alert_performance=_said(alerts.get("performance")),
        missed_kpi=_missed_kpi(monitor, release),
    )
    return Standing(facts, alerts)


def newest_like(run: Run) -> Version:
    """The newest published version of the dataset that a run learned from."""
    newest = published_versions(run.project).filter(dataset_id=run.data.dataset_id).order_by("-number").first()
    return newest or run.data


def _alerts(monitor: Monitor) -> dict[str, Alert]:
    """The first open alert to act on that nobody retrained for, of the target and of the inputs."""
    found = monitor.alerts.exclude(state=Alert.State.CLOSED).filter(severity="act", retrainings=None)
    performance = found.filter(rule="target_at_risk").order_by("number").first()
    drift = found.filter(rule__in=[*rules.INPUT_RULES, "answer_drift"]).order_by("number").first()
    return {name: alert for name, alert in (("performance", performance), ("drift", drift)) if alert}


def _said(alert: Alert | None) -> str:
    return f"Alert {alert.number}: {alert.sentence}"[:300] if alert else ""


def _missed_kpi(monitor: Monitor, release: Release) -> str:
    project = monitor.deployment.project
    window = queries.windows_of(monitor).filter(release=release).first()
    judged = queries.judged_live(window, project, contract_in_force(project))
    missed = [one.goal.name for one in judged if one.goal.kind == TargetKind.KPI and one.verdict == Verdict.NOT_MET]
    return missed[0] if missed else ""


def _minutes(monitor: Monitor, now: datetime) -> float:
    """How long retrainings by rule took in the last month, from their start to their comparison or until now."""
    since = now - timedelta(days=BUDGET_DAYS)
    rows = monitor.retrainings.filter(created_at__gte=since).exclude(policy=None)
    ended = [(start, end or (now if state == Retraining.State.TRAINING else start)) for start, end, state in
             rows.values_list("created_at", "compared_at", "state")]  # fmt: skip
    return sum((end - start) / timedelta(minutes=1) for start, end in ended)
