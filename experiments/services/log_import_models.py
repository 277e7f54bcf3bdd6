"""Writes that bring an MLflow server's logged models and registered names; their files are kept as bytes."""

import re
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import as_user
from audit.actors import Actor
from audit.services import record as write_down
from experiments.models.logged import LogExperiment, LogModel, LogName, LogRun, LogVersion
from experiments.queries.log_import import AT, FROM
from experiments.services.log_import import when
from experiments.services.log_names import LONGEST_TEXT, STAGES, checked_name
from experiments.tracking.showing import model_root, run_root
from jobs import services as jobs
from jobs.models import Job
from problems.problem import Problem
from projects.models.projects import Project
from projects.services.projects import lock_project

Plain = Mapping[str, Any]
Left = list[dict[str, str]]
MODEL = re.compile(r"models:/(m-[0-9a-f]{32})")
RUN = re.compile(r"runs:/([0-9a-f]{32})/(.+)")
FILES = re.compile(r"(?:^|/)([0-9a-f]{32})/artifacts/(.+)$")
OF_MODEL = re.compile(r"(?:^|/)models/(m-[0-9a-f]{32})/artifacts/?$")


@transaction.atomic
def open_model(job: Job, folder: LogExperiment, told: Plain) -> LogModel | None:
    """A logged model whose files come next; None where it is here whole, or was deleted here."""
    jobs.hold(job)
    origin, project = job.payload["address"], folder.project
    row = LogModel.objects.filter(project=project, key=told["id"]).first()
    if row is not None and (row.deleted_at or AT in row.tags or row.tags.get(FROM) != origin):
        return None
    run = LogRun.objects.filter(project=project, key=told["run"]).first() if told["run"] else None
    fields = {
        "experiment": folder, "run": run, "name": told["name"], "kind": told["kind"], "source_run": told["run"],
        "params": told["params"], "tags": {**told["tags"], FROM: origin}, "metrics": told["metrics"],
        "created_at": when(told["created"]), "changed_at": when(told["changed"]), "state": LogModel.State.PENDING,
    }  # fmt: skip
    made, _ = LogModel.objects.update_or_create(project=project, key=told["id"], defaults=fields)
    made.experiment = folder
    return made


@transaction.atomic
def close_model(job: Job, model: LogModel, told: Plain) -> None:
    """All its files are here."""
    jobs.hold(job)
    model.state = LogModel.State.READY if told["ready"] else LogModel.State.FAILED
    model.tags = {**model.tags, AT: timezone.now().isoformat(timespec="seconds")}
    model.save(update_fields=["state", "tags"])


# ---- Names ----


@transaction.atomic
def bring_name(job: Job, project: Project, told: Plain, *, by: Actor) -> tuple[int, Left]:
    """A registered name with its versions and aliases: how many versions are new, and what stays there."""
    jobs.hold(job)
    lock_project(project)
    origin, left = job.payload["address"], []
    try:
        row = _named(project, told, origin, by)
    except Problem as problem:
        return 0, [{"what": f"the name {told['name'][:200]}", "why": problem.text}]
    here = {one.number for one in LogVersion.objects.filter(name=row)}
    fresh = []
    for one in told["versions"]:
        if one["number"] in here:
            continue
        if one["number"] <= row.last:
            why = "A version of this number was deleted here."
            left.append({"what": f"{row.name} version {one['number']}", "why": why})
        elif (version := _version(row, one, origin, by)) is None:
            why = f"Its files are not among those that came: {one['source'][:200]}"
            left.append({"what": f"{row.name} version {one['number']}", "why": why})
        else:
            fresh.append(version)
    LogVersion.objects.bulk_create(fresh)
    numbers = here | {one.number for one in fresh}
    row.aliases = {alias: number for alias, number in told["aliases"].items() if number in numbers} | row.aliases
    row.last = max([row.last, *numbers])
    row.save(update_fields=["aliases", "last"])
    return len(fresh), left


def _named(project: Project, told: Plain, origin: str, by: Actor) -> LogName:
    """The row of a name; one that is somebody else's here is refused."""
    row = LogName.objects.filter(project=project, name=checked_name(told["name"])).first()
    if row is not None:
        if row.tags.get(FROM) != origin:
            raise Problem("This name is taken here.", code="taken")
        return row
    made = LogName.objects.create(
        project=project, name=told["name"], description=told["description"][:LONGEST_TEXT],
        tags={**told["tags"], FROM: origin}, created_at=when(told["created"]), changed_at=when(told["changed"]),
    )  # fmt: skip
    write_down(by, "model.named", made, project_key=project.key, model=made.name, origin=origin)
    return made


def _version(row: LogName, told: Plain, origin: str, by: Actor) -> LogVersion | None:
    """A version with the place of its files here; None where these did not come."""
    found = place_of(row.project, told)
    if found is None:
        return None
    place, run, model = found
    return LogVersion(
        name=row, number=told["number"], source=told["source"][:1000], place=f"mlflow-artifacts:/{place}",
        run_key=told["run"] or run, run_link=told["link"], model_key=told["model"] or model,
        description=told["description"][:LONGEST_TEXT], stage=STAGES.get(told["stage"].lower(), "None"),
        tags={**told["tags"], FROM: origin}, created_by=as_user(by), created_at=when(told["created"]),
        changed_at=when(told["changed"]),
    )  # fmt: skip


def place_of(project: Project, told: Plain) -> tuple[str, str, str] | None:
    """Where a version's files are here, with its run and logged model: whatever form its source has there."""
    source = told["source"]
    asked = MODEL.fullmatch(source) or OF_MODEL.search(source)
    key = asked[1] if asked else told["model"]
    model = LogModel.objects.select_related("experiment").filter(project=project, key=key, deleted_at=None).first()
    if model is not None:
        return model_root(model), model.source_run, model.key
    found = RUN.fullmatch(source) or FILES.search(source)
    if found is None:
        return None
    run = LogRun.objects.select_related("experiment").filter(project=project, key=found[1]).first()
    path = found[2].rstrip("/")
    if run is None or not run.files.filter(path__startswith=path).exists():
        return None
    return f"{run_root(run)}/{path}", run.key, ""
