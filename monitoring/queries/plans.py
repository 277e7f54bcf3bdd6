"""What the engines of a check, of learning and of a comparison need to know; every file is verified here."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max
from django.utils import timezone

from datasets.queries.versions import table_path
from deployments.models import Deployment, Release, Segment
from deployments.queries.decisions import rule_for
from deployments.queries.deployments import segments_between
from experiments.models.runs import Run
from experiments.queries.models import bundle_path
from monitoring.models import Learned, Monitor, Outcome, Retraining, Window
from monitoring.queries.watch import Span, weights_of
from problems.problem import Conflict
from projects.models.projects import Project
from projects.queries.define import contract_in_force, goals_of
from storage.blobs import verified_path

OUTCOME_DAYS = 90
MOST_MEASURED = 60


def newest_outcome(deployment: Deployment) -> int:
    """The place of the outcome that came last; each has a higher one than all that were stored before it."""
    found: int | None = Outcome.objects.filter(deployment=deployment).aggregate(at=Max("pk"))["at"]
    return found or 0


def new_outcomes(monitor: Monitor, newest: int) -> bool:
    """Whether outcomes came after those that were read last, or were read before their answers were stored."""
    last = Window.objects.filter(monitor=monitor).order_by("-to_at", "-created_at").first()
    known = last.performance if last else {}
    return newest > known.get("read_to", 0) or bool(newest and known.get("early"))


def engine_spec(monitor: Monitor, span: Span, *, with_outcomes: bool) -> dict[str, Any]:
    """What the engine of a check needs to know; every file is verified here."""
    run = span.release.version.run
    since = max(timezone.now() - timedelta(days=OUTCOME_DAYS), span.release.started_at or span.release.created_at)
    answered = segments_between(monitor.deployment, since, timezone.now()) if with_outcomes else []
    return {
        "start": span.start.isoformat(),
        "end": span.end.isoformat(),
        "release": str(span.release.pk),
        "bundle": str(bundle_path(span.release.version)),
        "segments": [_path(s) for s in segments_between(monitor.deployment, span.start, span.end)],
        "answered": [_path(segment) for segment in answered],
        "outcomes": "outcomes.json" if with_outcomes else "",
        "minimum_rows": monitor.minimum_rows,
        "limits": {"watch_at": monitor.watch_at, "act_at": monitor.act_at},
        "weights": weights_of(run),
        "goals": [asdict(goal) for goal in goals_of(contract_in_force(monitor.deployment.project))],
        "learned": learned_of(span.release),
        "past": _past(monitor, span.release, since) if with_outcomes else [],
    }


def learned_of(release: Release) -> dict[str, Any] | None:
    """What the doubt of its model means; None while nobody has looked."""
    row = Learned.objects.filter(release=release).first()
    return row.content if row else None


def learning_spec(release: Release) -> dict[str, Any]:
    """What the engine that learns it needs to know; every file is verified here."""
    run = release.version.run
    return {"bundle": str(bundle_path(release.version)), "run": _prepared_spec(run, run.project)}


def _past(monitor: Monitor, release: Release, since: datetime) -> list[dict[str, Any]]:
    """The newest windows whose answers may have outcomes by now, with how many were known at the last look."""
    rows = monitor.windows.filter(release=release, enough=True, to_at__gte=since).order_by("-to_at")
    found = rows.values_list("pk", "from_at", "to_at", "measured__joined")[:MOST_MEASURED]
    return [
        {"id": str(pk), "start": start.isoformat(), "end": end.isoformat(), "joined": joined or 0}
        for pk, start, end, joined in found
    ]


def _path(segment: Segment) -> str:
    return str(verified_path(segment.table_id))


def outcomes_by_id(deployment: Deployment) -> dict[str, str]:
    """Every known outcome of the last three months by prediction id."""
    since = timezone.now() - timedelta(days=OUTCOME_DAYS)
    rows = Outcome.objects.filter(deployment=deployment, received_at__gte=since)
    return dict(rows.values_list("prediction_id", "value").iterator(chunk_size=10_000))


def comparison_spec(retraining: Retraining) -> dict[str, Any]:
    """What the engine of a comparison needs to know; every file is verified here."""
    run, champion = retraining.run, retraining.champion
    deployment = retraining.monitor.deployment
    if run.bundle_id is None:
        raise Conflict(f"Run {run.number} left no model to compare.")
    contract = contract_in_force(deployment.project)
    goals = [asdict(goal) for goal in goals_of(contract)]
    since = timezone.now() - timedelta(days=OUTCOME_DAYS)
    answered = segments_between(deployment, since, timezone.now())
    return {
        "champion": str(bundle_path(champion.version)),
        "challenger": str(verified_path(run.bundle_id)),
        "champion_run": _prepared_spec(champion.version.run, deployment.project),
        "challenger_run": _prepared_spec(run, deployment.project) | {"goals": goals},
        "segments": [_path(segment) for segment in answered],
        "outcomes": "outcomes.json",
        "thresholds": _thresholds(deployment.project, champion.version.run, run),
        "goals": goals,
        "contract": contract.version if contract else None,
    }


def _thresholds(project: Project, champion: Run, challenger: Run) -> dict[str, float]:
    """Of both models, where a decision policy is in force: it would decide for either."""
    rules = {"champion": rule_for(project, champion), "challenger": rule_for(project, challenger)}
    return {name: rule.threshold for name, rule in rules.items() if rule}


def _prepared_spec(run: Run, project: Project) -> dict[str, Any]:
    return {**run.spec, "kind": project.kind, "table": str(table_path(run.data)), "schema": run.data.schema}
