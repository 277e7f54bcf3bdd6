"""Writes about evaluations: start, finish, fail."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.urls import reverse
from django.utils import timezone

from accounts.models import User, as_user
from audit.actors import Actor, Machine
from audit.services import record
from datasets.models.versions import Version
from datasets.queries.versions import table_path
from experiments.models.evaluations import Evaluation
from experiments.models.runs import Run
from experiments.queries.evaluations import MOST_ATTRIBUTES, last_attributes, protected_in
from experiments.queries.models import bundle_path, rival_of
from experiments.services.runs import engine_spec
from jobs.models import Job
from jobs.models import State as JobState
from jobs.services import start
from notices.services import tell
from problems.problem import Conflict, Gone, Invalid
from projects.contract import as_row, judged_from
from projects.measures import UNLABELLED
from projects.queries.define import contract_in_force, goals_of
from projects.results import open_words
from projects.services.projects import lock_project
from storage.blobs import verified_path

PLATFORM = Machine("evaluation")
SAME_TYPES = {"integer": ("integer", "number"), "number": ("integer", "number")}


@transaction.atomic
def start_evaluation(
    run: Run, *, by: Actor, data: Version | None = None, attributes: Sequence[str] | None = None
) -> tuple[Evaluation, Job]:
    """Judge a finished run's model on its locked test rows, or on another published version that has the answer.

    `attributes` names columns whose groups must be treated alike; without them those of the targets,
    those that the charter names as protected, and those of last time.
    """
    project = run.project
    lock_project(project)  # one number after the other
    row = Run.objects.select_related("project", "data__dataset").filter(pk=run.pk).first()
    if row is None:
        raise Gone(f"Run {run.number} was deleted a moment ago.")
    if row.state != Run.State.FINISHED or row.bundle_id is None:
        raise Conflict(f"Run {row.number} has no model to judge: it is {row.get_state_display().lower()}.")
    rows = _usable(row, data or row.data)
    if row.evaluations.filter(state=Evaluation.State.WAITING, data=rows).exists():
        raise Conflict(f"Run {row.number} is being judged on {rows} already. Wait for it.", code="busy")
    contract = contract_in_force(project)
    evaluation = Evaluation.objects.create(
        run=row,
        number=(row.evaluations.aggregate(last=Max("number"))["last"] or 0) + 1,
        data=rows,
        contract=contract,
        attributes=_attributes(row, rows, attributes),
        created_by=as_user(by),
    )
    title = f"Judge run {row.number} on {rows}"
    job = start("experiments.evaluate", by=by, title=title, subject=evaluation, project_key=project.key)
    about = {"run": row.number, "evaluation": evaluation.number, "data": str(rows)}
    record(by, "evaluation.started", evaluation, project_key=project.key, **about, attributes=evaluation.attributes)
    return evaluation, job


def _usable(run: Run, data: Version) -> Version:
    """The version, when it is published and has all that the model needs and its answer, of the same types."""
    if data.pk == run.data_id:
        return data
    if data.state != Version.State.PUBLISHED:
        raise Invalid(f"{data} is a draft. Publish it first.", fields={"data": "Only published versions."})
    signature, types = run.evaluation["signature"], {entry["name"]: entry["type"] for entry in data.schema}
    wanted = [one for one in signature["inputs"] if one["type"] != "history"]  # the past is in the rows themselves
    lacking = [one["name"] for one in wanted if not _fits(one["type"], types.get(one["name"], ""))]
    asked = [] if run.project.kind in UNLABELLED else [signature["target"]]  # known answers only check
    lacking += [name for name in asked if name not in types]
    if lacking:
        names = ", ".join(lacking[:5]) + (f" and {len(lacking) - 5} more" if len(lacking) > 5 else "")
        raise Invalid(f"{data} does not fit: it lacks {names}, or has another type there.", fields={"data": names})
    return data


def _fits(wanted: str, found: str) -> bool:
    return found in SAME_TYPES.get(wanted, (wanted,))


def _attributes(run: Run, data: Version, given: Sequence[str] | None) -> list[str]:
    known = [entry["name"] for entry in data.schema]
    if given is None:
        return [name for name in protected_in(run, last_attributes(run.project)) if name in known]
    names = list(dict.fromkeys(str(name) for name in given))
    if unknown := [name for name in names if name not in known]:
        raise Invalid(f"{data} has no column “{unknown[0][:60]}”.", fields={"attributes": "Not a column."})
    if len(names) > MOST_ATTRIBUTES:
        raise Invalid(f"Name at most {MOST_ATTRIBUTES} columns.", fields={"attributes": "Too many."})
    return names


def judging_spec(evaluation: Evaluation) -> dict[str, Any]:
    """What the engine needs to know, as plain JSON."""
    run, found = evaluation.run, evaluation.run.evaluation
    method = found["methods"][found["chosen"]]
    spec = engine_spec(run, table_path(run.data)) | {
        "goals": [asdict(goal) for goal in goals_of(evaluation.contract)],
        "bundle": str(_bundle(run)),
        "metric": found["decide_by"],
        "attributes": evaluation.attributes,
        "importance": [one["name"] for one in found["importance"]],
        "method": found["chosen"],
        "settings": method["settings"],
        "fit_seconds": method.get("fit_seconds") or method.get("seconds") or 0.0,
        "run": f"run {run.number}",
    }
    if not evaluation.on_held_back:
        own = evaluation.data.dataset_id == run.data.dataset_id
        table = str(table_path(evaluation.data))
        spec["rows"] = {"table": table, "schema": evaluation.data.schema, "own": own}
    if rival := rival_of(run):
        spec["rival"] = {"bundle": str(bundle_path(rival)), "name": str(rival)}
    return spec


def looking_spec(run: Run, parts: Sequence[str]) -> dict[str, Any]:
    """The same for some parts only, on the locked test rows, where no evaluation is kept."""
    contract = contract_in_force(run.project)
    asked = Evaluation(run=run, data=run.data, contract=contract, attributes=protected_in(run))
    spec = judging_spec(asked)
    spec.pop("rival", None)
    return spec | {"parts": list(parts)}


def _bundle(run: Run) -> Path:
    assert run.bundle_id is not None
    return verified_path(run.bundle_id)


@transaction.atomic
def finish_evaluation(evaluation: Evaluation, found: dict[str, Any]) -> Evaluation:
    """Keep what was found and judge it by the targets that held when it was started.

    Call it inside `context.finish()`: a lost lease undoes it.
    """
    rows = Evaluation.objects.select_for_update(of=("self",)).select_related("run__project", "contract", "created_by")
    row = rows.get(pk=evaluation.pk)
    if row.state != Evaluation.State.WAITING:
        raise Conflict(f"Evaluation {row.number} is already over.", code="too_late")
    row.found, row.finished_at, row.state = found, timezone.now(), Evaluation.State.FINISHED
    row.verdicts = [as_row(judged) for judged in judged_from(goals_of(row.contract), found["metrics"])]
    row.save()
    verdicts = {judged["name"]: judged["verdict"] for judged in row.verdicts}
    about = {"run": row.run.number, "evaluation": row.number, "verdicts": verdicts}
    record(PLATFORM, "evaluation.finished", row, project_key=row.run.project.key, **about)
    _tell(row, f"The evaluation of run {row.run.number} is there.")
    return row


def fail_evaluation(job: Job) -> None:
    """The job ended badly or was stopped; say so on its row. Runs in the transaction that ends the job."""
    rows = Evaluation.objects.select_related("run__project", "created_by")
    row = rows.filter(pk=job.subject_id, state=Evaluation.State.WAITING).first()
    if row is None:
        return
    stopped = job.state == JobState.CANCELLED
    row.state = Evaluation.State.CANCELLED if stopped else Evaluation.State.FAILED
    row.message, row.finished_at = job.message, timezone.now()
    row.save(update_fields=["state", "message", "finished_at"])
    key, name = row.run.project.key, "evaluation.cancelled" if stopped else "evaluation.failed"
    about = {"run": row.run.number, "evaluation": row.number, "message": job.message}
    record(PLATFORM, name, row, project_key=key, **about)
    if not stopped:
        _tell(row, f"Judging run {row.run.number} failed: {open_words(key).text(job.message)}")


def _tell(row: Evaluation, text: str) -> None:
    if isinstance(row.created_by, User):
        key = row.run.project.key
        address = reverse("evaluation", args=[key, row.run.number, row.number])
        tell([row.created_by.pk], text, url=address, project_key=key, kind="work")
