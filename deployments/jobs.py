"""The jobs of the deployments room: rehearsal, promotion, and storing the prediction log."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from audit.actors import Actor, Machine
from datasets.queries.versions import table_path
from deployments import conditions
from deployments.guarding import STOP, judged
from deployments.measuring import what_outcomes_say
from deployments.models import BatchScoring, Release, TrafficPlan
from deployments.queries.decisions import rule_for
from deployments.queries.deployments import recorded_for
from deployments.queries.gates import champions_to_ask, parts_to_look_at
from deployments.queries.packages import onnx_facts
from deployments.queries.traffic import guards_of_plan, is_shadow_only, plan_of, plans_to_look_at, standing_of
from deployments.services.batch_plans import start_due_batches
from deployments.services.batches import fail_batch, finish_batch
from deployments.services.gates import refresh_checks
from deployments.services.releases import fail_promotion, finish_promotion, refuse_failing_cases
from deployments.services.servers import add_segment, forget_answers
from deployments.services.traffic import forget_old, record_check
from deployments.serving.journal import SUFFIX, folders, seal_leftovers
from experiments.models.registry import ModelVersion
from experiments.services import cases
from experiments.services.evaluations import looking_spec
from jobs import services as jobs
from jobs.context import Context
from jobs.limits import Limits
from jobs.models import OPEN_STATES, Job
from jobs.registry import job, periodic
from problems.problem import Conflict, Missing, Problem
from projects.measures import MEASURES
from storage.blobs import put_file, verified_path

PLATFORM = Machine("platform")
FILES_AT_ONCE = 50
QUICK = Limits(wall_seconds=15 * 60, cpu_seconds=15 * 60)


@job("deployments.rehearse", queue="evaluation", limits=QUICK)
def rehearse(context: Context) -> None:
    """Answer a version's golden rows and measure its speed and size, for the gate's checks."""
    version = ModelVersion.objects.select_related("model__project", "run__data", "run__project").get(
        pk=context.job.payload["version"]
    )
    path = verified_path(version.bundle_id)
    recorded = [str(verified_path(segment.table_id)) for segment in recorded_for(version)]
    measured = context.call("deployments.rehearsal:run", {"bundle": str(path), "replay": recorded})
    measured |= _looked_at(context, version)
    results = _asked(context, version)
    with context.finish(measured):
        cases.keep_results(version.run, results)
        refresh_checks(version, by=PLATFORM)


def _looked_at(context: Context, version: ModelVersion) -> dict[str, Any]:
    """How groups fare and what strain costs, where a gate wants to know; what cannot be had says why."""
    parts = parts_to_look_at(version)
    if not parts:
        return {}
    context.progress(0, 1, "Looking at groups and strain")
    rule = rule_for(version.model.project, version.run)
    threshold = rule.threshold if rule else None
    spec = looking_spec(version.run, parts) | {"threshold": threshold}
    try:
        found = context.call("experiments.judging:run", spec)
    except Problem as problem:
        found = {part: {"reason": problem.text} for part in parts} | {"metric": ""}
    measured: dict[str, Any] = {"parts": list(parts), "attributes": spec["attributes"], "at": threshold}
    if "fairness" in parts:
        measured["apart"] = conditions.apart(found["fairness"])
    if "stress" in parts:
        measure = MEASURES.get(found["metric"])
        measured["strained"] = conditions.strained(found["stress"], measure.better if measure else "at_least")
    return measured


def _asked(context: Context, version: ModelVersion) -> list[dict[str, Any]]:
    """What the model answers to the edge-case book; nothing while the book is empty."""
    spec = cases.book_spec(version.run)
    found: list[dict[str, Any]] = context.call("experiments.casebook:run", spec)["results"] if spec["cases"] else []
    return found


@job("deployments.prove_onnx", queue="evaluation", limits=QUICK)
def prove_onnx(context: Context) -> None:
    """Make a version as ONNX, and compare its answers with the stored pipeline's on held-back rows."""
    rows = ModelVersion.objects.select_related("model__project", "run__data__dataset", "run__project")
    version = rows.get(pk=context.job.payload["version"])
    spec = looking_spec(version.run, []) | {
        "facts": onnx_facts(version),
        "bundle": str(verified_path(version.bundle_id)),
    }
    found = context.call("deployments.packages.onnx_engine:run", spec)
    with context.finish(found | {"bundle": version.bundle_id}):
        context.log(found["refused"] or f"{found['rows']} rows are answered the same.")


def _promotion_failed(ended: Job) -> None:
    fail_promotion(ended.payload["release"], ended.message or "It was stopped.", by=PLATFORM)


@job("deployments.promote", queue="evaluation", limits=QUICK, on_failure=_promotion_failed)
def promote(context: Context) -> None:
    """Rehearse the model once more, then switch to it in one transaction."""
    release = Release.objects.select_related("version__run__project", "gate", "created_by").get(
        pk=context.job.payload["release"]
    )
    path = verified_path(release.version.bundle_id)
    measured = context.call("deployments.rehearsal:run", {"bundle": str(path)})
    if measured["different"]:
        count = measured["different"]
        raise Conflict(
            f"{count} of {measured['golden']} stored rows are answered differently now. Nothing was switched."
        )
    cases.keep_results(release.version.run, _asked(context, release.version))
    plan = TrafficPlan.objects.filter(challenger=release).first()
    if plan is None or not is_shadow_only(plan):  # a shadow answers nobody
        refuse_failing_cases(release)
    by: Actor = release.created_by or PLATFORM
    with context.finish(measured):
        finish_promotion(release, measured, by=by)


@job("deployments.check_traffic", queue="monitoring", limits=QUICK)
def check_traffic(context: Context) -> None:
    """One look at a running trial: what was counted since its step began, judged, and what follows."""
    plan = plan_of(context.job.payload["plan"])
    if plan.state != TrafficPlan.State.RUNNING:
        with context.finish({"action": "over"}):
            return
    standing = standing_of(plan, timezone.now(), what_outcomes_say(plan, context))
    found = judged(standing, guards_of_plan(plan))
    counts = {"champion": dict(standing.champion), "challenger": dict(standing.challenger)}
    with context.finish({"action": found.action, "reason": found.reason}):
        record_check(plan, plan.step, found, counts)


@periodic("deployments.traffic", every=min(2, settings.TICK_SECONDS))
def look_at_trials() -> None:
    """A check for each running trial whose time has come, and at once where something has to follow."""
    for plan, is_due in plans_to_look_at():
        mine = Job.objects.filter(kind="deployments.check_traffic", subject_id=str(plan.pk), state__in=OPEN_STATES)
        if mine.exists():
            continue
        if is_due or judged(standing_of(plan, timezone.now()), guards_of_plan(plan)).action == STOP:
            jobs.start(
                "deployments.check_traffic",
                by=PLATFORM,
                title=f"Checking {plan}",
                subject=plan,
                project_key=plan.deployment.project.key,
                payload={"plan": str(plan.pk)},
            )
    forget_old()


@job("deployments.score", queue="scoring", on_failure=fail_batch)
def score(context: Context) -> None:
    """Score a data version in a limited child, and keep the answers and the refused rows."""
    rows = BatchScoring.objects.select_related("deployment__project", "version__model", "source__dataset", "created_by")
    batch = rows.get(pk=context.job.payload["batch"])
    if batch.source is None:
        raise Missing(f"{batch.source_name} was deleted, so it cannot be scored.")
    spec = {
        "bundle": str(verified_path(batch.version.bundle_id)),
        "model": str(batch.version_id),
        "policy": context.job.payload["policy"],
        "table": str(table_path(batch.source)),
        "schema": batch.source.schema,
        "keep": batch.keep,
    }
    answer = context.call("deployments.batch.engine:run", spec)
    context.log(f"Answered by the {answer['path'] or 'stored'} model.")
    context.progress(1, 1, "keeping the table")
    table, aside = (put_file(context.folder / answer[name]) for name in ("table", "aside"))
    with context.finish({"rows": answer["rows"], "refused_rows": answer["refused_rows"], "unseen": answer["unseen"]}):
        finish_batch(batch, table=table, aside=aside, answer=answer)


@periodic("deployments.batches", every=settings.TICK_SECONDS)
def start_batches() -> None:
    """Start the batches that new versions and schedules ask for."""
    start_due_batches()


def _sealed_files() -> list[Path]:
    _, sealed = folders(settings.DATA_DIR)
    return sorted(sealed.glob(f"*{SUFFIX}"), key=lambda path: path.name)[:FILES_AT_ONCE]


@job("deployments.seal", queue="scoring", limits=QUICK)
def seal(context: Context) -> None:
    """Store sealed pieces of the prediction log as tables; a piece that was stored before is only removed."""
    files = _sealed_files()
    answer = context.call("deployments.sealing:run", {"files": [str(path) for path in files]})
    stored = [(found, put_file(context.folder / found["table"])) for found in answer["segments"]]
    rows = sum(found["rows"] for found in answer["segments"])
    with context.finish({"files": len(files), "rows": rows, "damaged": sum(answer["damaged"].values())}):
        for found, table in stored:
            add_segment(found, table)
    for path in files:
        if str(path) in answer["damaged"]:
            path.rename(path.with_suffix(".damaged"))  # somebody may want to look at it
        else:
            path.unlink(missing_ok=True)


@periodic("deployments.ask_cases", every=3600)
def ask_what_is_in_use() -> None:
    """Put the edge-case book to everything in use, once a day and soon after a case is written."""
    for release in champions_to_ask():
        cases.ask_about_cases(release.version.run, by=PLATFORM, everything=True)


@periodic("deployments.forget", every=3600)
def forget_old_answers() -> None:
    """Let stored answers go that are older than the operator keeps them."""
    if settings.PREDICTION_DAYS:
        forget_answers(timezone.now() - timedelta(days=settings.PREDICTION_DAYS), by=PLATFORM)


@periodic("deployments.seal", every=settings.TICK_SECONDS)
def seal_when_due() -> None:
    """Seal what dead servers left; start a job when there is something to store and none is on its way."""
    seal_leftovers(settings.DATA_DIR)
    if _sealed_files() and not Job.objects.filter(kind="deployments.seal", state__in=OPEN_STATES).exists():
        jobs.start("deployments.seal", by=PLATFORM, title="Storing the prediction log")
