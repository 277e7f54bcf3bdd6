"""Data scored in batches: asked for once, carried out by one job, kept as a version of a dataset."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.urls import reverse
from django.utils import timezone

from accounts.models import as_user
from audit.actors import Actor
from audit.services import record
from datasets.models.versions import Version
from datasets.queries.quality import refuse_unusable
from datasets.services.made import add_made, target_for
from datasets.services.versions import dataset_name
from deployments.models import BatchPlan, BatchScoring, Deployment
from deployments.queries.batches import batches_of, refuse_columns, version_to_score
from deployments.queries.decisions import rule_for
from deployments.services.telling import PLATFORM
from experiments.models.registry import ModelVersion
from jobs import services as jobs
from jobs.models import Job, State
from jobs.queries import latest_of
from notices.services import tell
from problems.problem import Conflict, Invalid
from projects.access import roles_of
from projects.permissions import allows
from projects.policies import Rule
from storage.models import Blob

LONGEST_KEY = 100


@transaction.atomic
def start_batch(
    deployment: Deployment,
    source: Version,
    *,
    number: int | None = None,
    key: str = "",
    target: str = "",
    keep: Sequence[str] | None = None,
    plan: BatchPlan | None = None,
    by: Actor,
) -> tuple[BatchScoring, Job | None]:
    """Score a published version with the model in use, or with version `number` of those that were let in.

    Asked again with the same key, it is the same batch. `keep` names columns that go along; None stands for all.
    """
    locked = Deployment.objects.select_for_update(of=("self",)).select_related("project", "model").get(pk=deployment.pk)
    version = version_to_score(locked, number)
    wanted = dataset_name(target or f"{locked.name}-scored")
    kept = kept_columns(source, keep)
    _refuse_input(source, version, wanted, key)
    same = BatchScoring.objects.filter(deployment=locked, source=source, version=version, key=key)
    there = same.filter(state__in=(BatchScoring.State.WAITING, BatchScoring.State.DONE)).first()
    if there is not None:
        return _again(there, wanted, kept), latest_of(there)
    target_for(locked.project, wanted, by=by)
    rule = rule_for(locked.project, version.run)
    batch = BatchScoring.objects.create(
        deployment=locked,
        number=(batches_of(locked).aggregate(last=Max("number"))["last"] or 0) + 1,
        plan=plan,
        source=source,
        source_name=str(source),
        version=version,
        key=key,
        target=wanted,
        keep=kept,
        policy=rule.version if rule else None,
        created_by=as_user(by),
    )
    facts = {"deployment": locked.name, "number": batch.number, "of": str(source), "model": str(version), "key": key}
    record(by, "batch.started", batch, project_key=locked.project.key, **facts)
    return batch, _start(batch, rule, by)


def _start(batch: BatchScoring, rule: Rule | None, by: Actor) -> Job:
    policy = None
    if rule is not None and rule.version is not None:
        policy = {name: getattr(rule, name) for name in ("threshold", "low", "high", "version", "person_cost")}
    return jobs.start(
        "deployments.score",
        by=by,
        title=f"Score {batch.source_name} with {batch.version}",
        subject=batch,
        project_key=batch.deployment.project.key,
        payload={"batch": str(batch.pk), "policy": policy},
    )


def kept_columns(source: Version, keep: Sequence[str] | None) -> list[str]:
    """The columns that go along, in the order of the version."""
    names = [one["name"] for one in source.schema]
    if keep is None:
        return names
    if foreign := [name for name in keep if name not in names]:
        text = f"{source} has no column “{foreign[0][:100]}”."
        raise Invalid(text, fields={"keep": text})
    return [name for name in names if name in set(keep)]


def _refuse_input(source: Version, version: ModelVersion, target: str, key: str) -> None:
    if len(key) > LONGEST_KEY:
        text = f"A key has at most {LONGEST_KEY} characters."
        raise Invalid(text, fields={"key": text})
    if source.state != Version.State.PUBLISHED:
        text = f"{source} is a draft: publish it first."
        raise Invalid(text, fields={"version": text}, code="draft")
    if target == source.dataset.name:
        text = f"What comes out cannot be a version of {target}, which goes in."
        raise Invalid(text, fields={"target": text})
    refuse_unusable(source)
    refuse_columns(version, source)


def _again(batch: BatchScoring, target: str, keep: list[str]) -> BatchScoring:
    """The batch that was asked for before; with the same key it cannot be another."""
    if (batch.target, batch.keep) != (target, keep):
        text = f"Batch {batch.number} is of the same data, model and key, with other columns or another target."
        raise Conflict(text, code="key_used", fields={"key": "Give another key."})
    if batch.state == BatchScoring.State.DONE and (batch.made is None or batch.made.deleted_at):
        text = f"Batch {batch.number} made this before, and what it made was deleted. Give a key to make it again."
        raise Conflict(text, code="made_and_deleted", fields={"key": "Give another key."})
    return batch


@transaction.atomic
def finish_batch(batch: BatchScoring, *, table: Blob, aside: Blob, answer: Mapping[str, Any]) -> Version:
    """Keep what came out as the next version of the target, and the refused rows beside it."""
    row = BatchScoring.objects.select_for_update(of=("self",)).get(pk=batch.pk)
    if row.source_id is None:
        raise Conflict("The data of this batch was deleted meanwhile.", code="no_data")
    source = Version.everything.select_related("dataset__project").get(pk=row.source_id)
    project, person = source.dataset.project, batch.created_by
    target = target_for(project, row.target, by=person or PLATFORM)
    words = f"{batch.source_name}, scored by {batch.version} under {batch.deployment}, batch {row.number}"
    version = add_made(
        target,
        table=table,
        answer=answer,
        read=source,
        kept=row.keep,
        words=words,
        publish=bool(person and allows(roles_of(person, project), "data.publish")),
        by=person or PLATFORM,
    )
    row.state, row.message, row.made, row.ended_at = BatchScoring.State.DONE, "", version, timezone.now()
    row.aside = aside if answer["refused_rows"] else None
    row.rows, row.refused_rows, row.unseen = answer["rows"], answer["refused_rows"], answer["unseen"]
    row.save()
    facts = {"deployment": batch.deployment.name, "number": row.number, "made": str(version)}
    facts |= {"rows": row.rows, "refused": row.refused_rows}
    record(PLATFORM, "batch.done", row, project_key=project.key, **facts)
    _tell(row, f"{version} is ready: {row.rows} rows of {row.source_name} scored, {row.refused_rows} refused.")
    return version


def fail_batch(job: Job) -> None:
    """A batch ended without a version; the job says why. Called in the transaction that ends the job."""
    waiting = BatchScoring.objects.select_for_update(of=("self",)).filter(
        pk=job.payload.get("batch"), state=BatchScoring.State.WAITING
    )
    row = waiting.select_related("deployment__project").first()
    if row is None:
        return
    stopped = job.state == State.CANCELLED
    row.state = BatchScoring.State.CANCELLED if stopped else BatchScoring.State.FAILED
    row.message, row.ended_at = job.message, timezone.now()
    row.save(update_fields=["state", "message", "ended_at"])
    facts = {"deployment": row.deployment.name, "number": row.number, "reason": job.message[:500]}
    name = "batch.stopped" if stopped else "batch.failed"
    record(PLATFORM, name, row, project_key=row.deployment.project.key, **facts)
    if not stopped:
        _tell(row, f"{row.source_name} could not be scored: {job.message}")


def _tell(batch: BatchScoring, text: str) -> None:
    key = batch.deployment.project.key
    if batch.created_by_id:
        url = reverse("batch", args=[key, batch.deployment.name, batch.number])
        tell([batch.created_by_id], text, url=url, project_key=key)
