"""Writes that bring what a running MLflow server holds: runs as runs of the project, marked with where they come from.

Ids of runs and models, numbers of versions and moments stay as they were there. A run that is here whole is not brought
again; one whose import was interrupted, or that was still running there, is written anew with all its points. Each
write holds the job's row, so that a worker which lost its lease writes nothing.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts.models import User, as_user
from audit.actors import Actor, Machine
from audit.services import record as write_down
from experiments.importing.server import origin_of
from experiments.models.logged import LogExperiment, LogInput, LogModel, LogModelLink, LogRun
from experiments.models.records import RunKey, RunMetric, RunRecord, RunText
from experiments.queries.log_import import AT, FROM, KIND, NUMBER, imports_of
from experiments.services.log_experiments import free_name
from experiments.services.log_models import keep_file
from experiments.services.log_runs import CONTEXT_TAG, ENDED, moment
from experiments.services.records import next_number
from experiments.services.tracking import Logged, keep
from experiments.tracking.showing import model_root, run_root
from jobs import services as jobs
from jobs.models import OPEN_STATES, Job
from problems.problem import Conflict, Invalid
from projects.models.projects import Project
from projects.services.projects import lock_project
from storage import blobs
from storage.sealed import seal, unseal

POINTS_AT_ONCE, MOST_NAMES, LONGEST_NAME = 50_000, 200, 480
Plain = Mapping[str, Any]
Owner = LogRun | LogModel
Beat = Callable[[], None]


@transaction.atomic
def start_import(
    project: Project,
    *,
    address: str,
    by: Actor,
    user: str = "",
    secret: str = "",
    experiments: Sequence[str] = (),
    registry: bool = True,
) -> Job:
    """Begin to bring what a server holds. The secret is sealed, and forgotten when the job ends."""
    origin = origin_of(address, settings.OUTBOUND_ALLOW)
    if len(experiments) > MOST_NAMES:
        raise Invalid("Too many names.", fields={"experiments": f"Name at most {MOST_NAMES}, or none for all."})
    if user and not secret:
        raise Invalid("A user name needs a password.", fields={"secret": "Give the password, or leave both empty."})
    lock_project(project)
    if imports_of(project).filter(state__in=OPEN_STATES).exists():
        raise Conflict("An import is under way in this project. Wait until it ends, or stop it.", code="under_way")
    payload: dict[str, Any] = {"address": origin, "user": user, "registry": registry}
    payload["experiments"] = list(dict.fromkeys(experiments))
    if person := as_user(by):
        payload["by"] = str(person.pk)
    if secret:
        payload["sealed"] = seal(secret).decode()
    job = jobs.start(KIND, by=by, title=f"Import from {origin}", subject=project, project_key=project.key,
                     payload=payload)  # fmt: skip
    write_down(by, "import.started", project, project_key=project.key, address=origin)
    return job


def secret_of(job: Job) -> dict[str, str]:
    """What signs the requests."""
    sealed = job.payload.get("sealed", "")
    return {"secret": unseal(sealed.encode())} if sealed else {}


def forget_secret(job: Job) -> None:
    """The job is over: nothing is left to sign."""
    kept = {name: value for name, value in job.payload.items() if name != "sealed"}
    Job.objects.filter(pk=job.pk).update(payload=kept)


def finish_import(job: Job, result: Plain) -> None:
    """It came to its end. In the transaction that ends the job."""
    forget_secret(job)
    project = Project.objects.get(key=job.project_key)
    by = person_of(job)
    write_down(by, "import.finished", project, project_key=project.key, address=result["address"], **result["here"])


def person_of(job: Job) -> Actor:
    """Who started it, in whose name the runs come; the platform, where they have no account any more."""
    return User.objects.filter(pk=job.payload.get("by")).first() or Machine("import")


# ---- Experiments and runs ----


@transaction.atomic
def bring_experiment(job: Job, project: Project, told: Plain, *, by: Actor) -> LogExperiment:
    """The folder that stands for one there; it keeps its name where that is free here."""
    jobs.hold(job)
    origin = job.payload["address"]
    lock_project(project)
    for row in LogExperiment.objects.filter(project=project):
        if (row.tags.get(FROM), row.tags.get(NUMBER)) == (origin, told["id"]):
            row.project = project
            return row
    last = LogExperiment.objects.filter(project=project).aggregate(last=Max("number"))["last"] or 0
    name = told["name"] if told["name"] != "Default" else f"Default of {origin.partition('//')[2]}"
    made = LogExperiment.objects.create(
        project=project, number=last + 1, name=free_name(project, name[:LONGEST_NAME]),
        tags={**told["tags"], FROM: origin, NUMBER: told["id"]}, created_at=when(told["created"]),
        changed_at=timezone.now(),
    )  # fmt: skip
    write_down(by, "experiment.created", made, project_key=project.key, experiment=made.name, origin=origin)
    return made


def when(milliseconds: int) -> datetime:
    """A moment there; now, where it is none."""
    return moment(milliseconds) if milliseconds > 0 else timezone.now()


@dataclass
class Opened:
    """Runs whose points and files come next, how many were here already, and what stays there."""

    runs: dict[str, LogRun] = field(default_factory=dict)
    already: int = 0
    left: list[dict[str, str]] = field(default_factory=list)


@transaction.atomic
def open_runs(job: Job, folder: LogExperiment, told: Sequence[Plain], *, by: Actor) -> Opened:
    """The rows of these runs with what they hold beside points and files; they are under way until they are closed."""
    jobs.hold(job)
    lock_project(folder.project)
    found, origin = Opened(), job.payload["address"]
    here = _here(folder.project, [one["id"] for one in told])
    number = next_number(folder.project)
    for one in told:
        run, marks = here.get(one["id"], (None, {}))
        if run is None:
            run, number = _new_run(folder, one, number, by), number + 1
        elif marks.get(FROM) != origin:
            found.left.append({"what": f"run {one['id']}", "why": "A run of this id is here already."})
            continue
        elif AT in marks or run.record.deleted_at is not None:
            found.already += 1
            continue
        _write_held(run, one, origin)
        found.runs[run.key] = run
    return found


def _here(project: Project, keys: Sequence[str]) -> dict[str, tuple[LogRun | None, dict[str, str]]]:
    """Runs of these ids that are here, with their marks."""
    rows = LogRun.objects.filter(project=project, key__in=keys).select_related("record", "experiment")
    runs = {row.record_id: row for row in rows}
    marks: dict[int, dict[str, str]] = defaultdict(dict)
    names = RunKey.objects.filter(project=project, kind=RunKey.Kind.TAG, name__in=(FROM, AT))
    texts = RunText.objects.filter(record__in=list(runs), key__in=list(names.values_list("pk", flat=True)))
    for record, name, value in texts.values_list("record", "key__name", "value"):
        marks[record][name] = value
    for row in runs.values():
        row.project = row.record.project = project
    return {row.key: (row, marks[row.record_id]) for row in runs.values()}


def _new_run(folder: LogExperiment, told: Plain, number: int, by: Actor) -> LogRun:
    record = RunRecord.objects.create(
        project=folder.project, number=number, kind=RunRecord.Kind.NOTEBOOK, state=RunRecord.State.RUNNING,
        created_by=as_user(by), created_at=when(told["started"]),
    )  # fmt: skip
    return LogRun.objects.create(
        project=folder.project, experiment=folder, record=record, key=told["id"], name=told["name"],
        user_name=told["user"], started=told["started"], ended=told["ended"],
    )  # fmt: skip


def _write_held(run: LogRun, told: Plain, origin: str) -> None:
    """Settings, tags, data and models of a run as they are there; points that an interrupted import left go."""
    RunMetric.objects.filter(record=run.record).delete()
    RunText.objects.filter(record=run.record).delete()
    LogInput.objects.filter(run=run).delete()
    LogModelLink.objects.filter(run=run).delete()
    LogRun.objects.filter(pk=run.pk).update(name=told["name"], ended=told["ended"])
    keep(run.record, params=told["params"], tags={**told["tags"], FROM: origin})
    LogInput.objects.bulk_create(
        [
            LogInput(run=run, **{**one, "tags": one["tags"]}, context=one["tags"].get(CONTEXT_TAG, ""))
            for one in told["inputs"]
        ],
        ignore_conflicts=True,
    )
    links = [(key, 0, False) for key in told["used"]] + [(key, step, True) for key, step in told["made"]]
    LogModelLink.objects.bulk_create(
        [LogModelLink(run=run, model_key=key, step=step, made=made) for key, step, made in links],
        ignore_conflicts=True,
    )


def add_points(job: Job, runs: Mapping[str, LogRun], lines: Iterable[str], beat: Beat) -> int:
    """The points of whole metrics, as the engine wrote them; some thousands a transaction. How many there were."""
    count, size = 0, 0
    waiting: dict[str, list[Logged]] = defaultdict(list)
    for line in lines:
        key, name, points = json.loads(line)
        for start in range(0, len(points), POINTS_AT_ONCE):
            part = points[start : start + POINTS_AT_ONCE]
            waiting[key] += [(name, step, at, value) for step, at, value in part]
            count, size = count + len(part), size + len(part)
            if size >= POINTS_AT_ONCE:
                _keep_points(job, runs, waiting)
                beat()
                waiting, size = defaultdict(list), 0
    _keep_points(job, runs, waiting)
    return count


@transaction.atomic
def _keep_points(job: Job, runs: Mapping[str, LogRun], waiting: Mapping[str, list[Logged]]) -> None:
    jobs.hold(job)
    for key, metrics in waiting.items():
        keep(runs[key].record, metrics=metrics)


@transaction.atomic
def close_run(job: Job, run: LogRun, told: Plain) -> None:
    """All of it is here. One that still runs there is not over here, and the next import brings it anew."""
    jobs.hold(job)
    record, state = run.record, RunRecord.State(told["state"])
    record.state = state
    if state in ENDED:
        record.finished_at = when(told["ended"] or told["started"])
        record.seconds = max(0, (told["ended"] or told["started"]) - told["started"]) / 1000
        keep(record, tags={AT: timezone.now().isoformat(timespec="seconds")})
    record.save(update_fields=["state", "finished_at", "seconds"])


# ---- Files ----


def known_files(owner: Owner) -> dict[str, int]:
    """The files of a run or model that are here, with their sizes."""
    return dict(owner.files.values_list("path", "blob__size"))


def keep_files(owners: Mapping[str, Owner], found: Iterable[Plain], place: Path, beat: Beat) -> int:
    """Store what the engine fetched into its folder; how many bytes these were."""
    size = 0
    for one in found:
        owner, file = owners[one["owner"]], place / one["file"]
        run = owner if isinstance(owner, LogRun) else None
        model = owner if isinstance(owner, LogModel) else None
        root = run_root(owner) if isinstance(owner, LogRun) else model_root(owner)
        chunks = _beating(blobs.read_chunks(file), beat)
        kept = keep_file(root, one["path"], chunks, run=run, model=model, project=owner.project)
        size += kept.blob.size
        file.unlink()
    return size


def _beating(chunks: Iterable[bytes], beat: Beat) -> Iterator[bytes]:
    """A large file takes longer than a lease."""
    for chunk in chunks:
        yield chunk
        beat()
