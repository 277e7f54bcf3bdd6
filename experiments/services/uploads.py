"""Writes about models that were made elsewhere: take a file in as a run, and let go of it when the run is over."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit.actors import Actor
from audit.services import record
from datasets.models.versions import Version
from datasets.queries.quality import refuse_unusable
from datasets.queries.versions import table_path
from experiments.estimators.catalog import UPLOADED
from experiments.guesses import TIMES
from experiments.models.runs import Cause, Run
from experiments.services.runs import complete_spec, engine_spec, published, write_run
from jobs.models import Job
from jobs.services import start
from problems.problem import Invalid
from projects.models.projects import Project
from storage import blobs
from storage.models import Blob

KINDS = ("binary", "multiclass", "regression")
STATED = ("target", "positive", "inputs", "split", "seed", "threshold", "decide_by")
FORGOTTEN_AT_ONCE, QUIET = 100, timedelta(minutes=2)


@transaction.atomic
def start_upload(
    project: Project,
    *,
    file: Blob,
    file_name: str,
    names: Iterable[str],
    stated: Mapping[str, Any],
    by: Actor,
    data: Version | None = None,
    notes: str = "",
    cause_text: str = "",
    source: Mapping[str, Any] | None = None,
) -> tuple[Run, Job]:
    """Write the run of a stored file and queue its check. `names` are the inputs that the file itself names.

    `source` says where the file had been logged, if it was.
    """
    data, spec = check_upload(project, names=names, stated=stated, data=data)
    about = {"file": file_name[:200], "sha256": file.sha256, "bytes": file.size} | dict(source or {})
    words: dict[str, Any] = {"cause": Cause.UPLOAD, "cause_text": cause_text, "notes": notes}
    run = write_run(project, spec=spec, data=data, by=by, given=file, **words)
    title = f"Take in {about['file']} as run {run.number}"
    job = start(
        "experiments.take_upload",
        by=by,
        title=title[:200],
        subject=run,
        project_key=project.key,
        payload={"uploaded": about},
    )
    record(by, "run.uploaded", run, project_key=project.key, run=run.number, data=str(data), spec=spec, **about)
    return run, job


def check_upload(
    project: Project, *, names: Iterable[str], stated: Mapping[str, Any], data: Version | None = None
) -> tuple[Version, dict[str, Any]]:
    """The version and the whole spec, or a refusal. Call it also before the bytes are stored, so that none are left."""
    if project.kind not in KINDS:
        raise Invalid("Only models for a yes or no, one of several answers, or a number can be brought from elsewhere.")
    data = published(project, data, None)
    refuse_unusable(data)
    return data, _spec(project, data, list(names), stated)


def _spec(project: Project, data: Version, names: list[str], stated: Mapping[str, Any]) -> dict[str, Any]:
    """The whole spec: what the file says of its inputs wins, and what people state must not contradict it."""
    given = {name: value for name, value in stated.items() if name in STATED and value not in (None, "", [])}
    if names and given.get("inputs") and given["inputs"] != names:
        text = f"The file itself says that it looks at {', '.join(names[:20])}. Leave the inputs empty."
        raise Invalid(text, fields={"inputs": text})
    given["inputs"] = names or given.get("inputs")
    if not given["inputs"]:
        text = "The file does not name its inputs. Name the columns that it looks at, in its order."
        raise Invalid(text, fields={"inputs": text})
    types = {entry["name"]: entry["type"] for entry in data.schema}
    lacking = [name for name in given["inputs"] if name not in types]
    if lacking:
        text = f"The model looks at {', '.join(lacking[:5])}, which {data} does not have."
        raise Invalid(text, fields={"inputs": text})
    times = [name for name in given["inputs"] if types[name] in TIMES]
    if times:
        text = (
            f"“{times[0]}” is a date; a model from elsewhere can be asked about numbers, words and truth values only."
        )
        raise Invalid(text, fields={"inputs": text})
    spec = complete_spec(project, given, data)
    return {name: value for name, value in spec.items() if name != "treatments"} | {"methods": {UPLOADED: {}}}


def taking_spec(run: Run, about: Mapping[str, Any]) -> dict[str, Any]:
    """What the engine needs to know, as plain JSON."""
    assert run.given_id is not None
    file = blobs.verified_path(run.given_id)
    return engine_spec(run, table_path(run.data)) | {"file": str(file), "uploaded": dict(about)}


def forget_files() -> int:
    """Let go of the files of runs that are over; the bundle holds the model of those that ended well."""
    while_new = timezone.now() - QUIET  # the store keeps what came a moment ago
    over = Run.everything.exclude(given=None).exclude(state=Run.State.WAITING).exclude(finished_at__gt=while_new)
    found = dict(over.values_list("pk", "given_id")[:FORGOTTEN_AT_ONCE])
    Run.everything.filter(pk__in=found).update(given=None)
    blobs.free(str(sha256) for sha256 in found.values())
    return len(found)
