"""Writes about logged models, and about files that clients bring."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit.actors import Actor
from audit.services import record
from experiments.models.logged import LogExperiment, LogFile, LogModel, LogRun
from experiments.tracking.wire import Refused, unknown
from projects.models.projects import Project
from storage import blobs
from storage.models import Blob

LONGEST_PARAM, LONGEST_TAG, MOST = 6000, 8000, 2000


@transaction.atomic
def create_model(
    experiment: LogExperiment,
    *,
    name: str,
    kind: str,
    source_run: str,
    run: LogRun | None,
    params: Mapping[str, str],
    tags: Mapping[str, str],
    by: Actor,
) -> LogModel:
    """A logged model, whose files come next."""
    if experiment.deleted_at is not None:
        raise Refused(f"The experiment {experiment.number} must be in the 'active' state. Current state is deleted.")
    now = timezone.now()
    made = LogModel.objects.create(
        project=experiment.project, experiment=experiment, run=run, key=f"m-{uuid.uuid4().hex}", name=name,
        kind=kind[:250], source_run=source_run, params=_checked(params, LONGEST_PARAM),
        tags=_checked(tags, LONGEST_TAG), created_at=now, changed_at=now,
    )  # fmt: skip
    facts = {"run": run.record.number} if run else {}
    record(by, "model.logged", made, project_key=experiment.project.key, model=name, **facts)
    return made


def _checked(texts: Mapping[str, str], longest: int) -> dict[str, str]:
    if len(texts) > MOST:
        raise Refused(f"A logged model has at most {MOST} of these.")
    return {key: value[:longest] for key, value in texts.items()}


def _locked(model: LogModel) -> LogModel:
    row = LogModel.objects.select_for_update(of=("self",)).get(pk=model.pk)
    if row.deleted_at is not None:
        raise unknown(f"Logged model with ID '{row.key}' not found.")
    return row


@transaction.atomic
def change_model(
    model: LogModel,
    *,
    state: str | None = None,
    tags: Mapping[str, str] | None = None,
    without_tag: str | None = None,
    params: Mapping[str, str] | None = None,
) -> LogModel:
    """Another state, more tags or parameters."""
    row = _locked(model)
    if state is not None:
        row.state = state
    if without_tag is not None:
        if without_tag not in row.tags:
            raise unknown(f"No tag with key '{without_tag}' found for model with ID '{row.key}'.")
        row.tags = {key: value for key, value in row.tags.items() if key != without_tag}
    if tags:
        row.tags = _checked({**row.tags, **tags}, LONGEST_TAG)
    if params:
        row.params = _checked({**row.params, **params}, LONGEST_PARAM)
    row.changed_at = timezone.now()
    row.save(update_fields=["state", "tags", "params", "changed_at"])
    return row


@transaction.atomic
def delete_model(model: LogModel, *, by: Actor) -> None:
    """Hide it."""
    row = _locked(model)
    row.deleted_at = timezone.now()
    row.save(update_fields=["deleted_at"])
    record(by, "model.log_deleted", row, project_key=row.project.key, model=row.name)


@transaction.atomic
def add_metrics(model: LogModel, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep the latest value of each metric and dataset; rows have key, value, step, timestamp and run_id."""
    row = _locked(model)
    known = {_place(one): one for one in row.metrics}
    for new in rows:
        before = known.get(_place(new))
        if before is None or (before["step"], before["timestamp"]) <= (new["step"], new["timestamp"]):
            known[_place(new)] = dict(new)
    if len(known) > MOST:
        raise Refused(f"A logged model has at most {MOST} metrics.")
    row.metrics = list(known.values())
    row.save(update_fields=["metrics"])


def _place(row: Mapping[str, Any]) -> tuple[str, ...]:
    return row["key"], row.get("dataset_name", ""), row.get("dataset_digest", ""), row.get("run_id", "")


# ---- Files ----


def keep_file(
    root: str, path: str, chunks: Iterable[bytes], *, run: LogRun | None, model: LogModel | None, project: Project
) -> LogFile:
    """Store a file as it comes; the row is written when its bytes are durable."""
    return _write(root, path, blobs.put(chunks), run, model, project)


@transaction.atomic
def _write(root: str, path: str, blob: Blob, run: LogRun | None, model: LogModel | None, project: Project) -> LogFile:
    fields = {"run": run, "model": model, "blob": blob, "changed_at": timezone.now()}
    return LogFile.objects.update_or_create(project=project, root=root, path=path, defaults=fields)[0]


@transaction.atomic
def delete_files(project: Project, root: str, path: str) -> None:
    """Take a file, or all below a folder, away; contents that nothing else needs go with them."""
    rows = LogFile.objects.filter(project=project, root=root)
    if path:
        rows = rows.filter(path=path) | rows.filter(path__startswith=f"{path}/")
    held = set(rows.values_list("blob_id", flat=True))
    rows.delete()
    transaction.on_commit(lambda: blobs.free(held))
