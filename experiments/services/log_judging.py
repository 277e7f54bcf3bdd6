"""Writes about logged models that are to be judged: one becomes a run by the same path as an uploaded file."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from audit.actors import Actor
from datasets.models.versions import Version
from experiments.models.logged import LogFile, LogJudged
from experiments.models.runs import Run
from experiments.queries.log_models import source_of
from experiments.services.uploads import start_upload
from experiments.uploading.looking import Look, check_size, look
from jobs.models import Job
from projects.models.projects import Project
from storage import blobs


def looked_at(file: LogFile) -> Look:
    """A static look at a logged file, as at one that is uploaded: it builds nothing of it."""
    check_size(file.blob.size)
    with blobs.verified_path(file.blob_id).open("rb") as content:
        return look(content, file.path.rpartition("/")[2])


def judge_logged(
    project: Project,
    file: LogFile,
    *,
    stated: Mapping[str, Any],
    by: Actor,
    data: Version | None = None,
    notes: str = "",
) -> tuple[Run, Job]:
    """Measure a logged model on held-back rows of a version of the project, as a run like any other."""
    names = looked_at(file).names
    model, run = source_of(file)
    said = f"Logged as {model.name}" if model else "A file"
    words = f"{said} by run {run.record.number}" if run else said
    facts = {"logged_model": model.key if model else "", "logged_run": run.record.number if run else None}
    with transaction.atomic():
        made, job = start_upload(
            project, file=file.blob, file_name=file.path.rpartition("/")[2], names=names, stated=stated, by=by,
            data=data, notes=notes, cause_text=words, source=facts,
        )  # fmt: skip
        LogJudged.objects.create(run=made, logged_run=run, logged_model=model, path=file.path)
    return made, job
