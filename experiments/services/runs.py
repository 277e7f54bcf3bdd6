"""Writes about runs: start, finish, fail, note."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import User, as_user
from audit.actors import Actor, Machine
from audit.services import record
from datasets.models.versions import Version
from datasets.queries.catalog import newest_published
from datasets.queries.quality import refuse_unusable
from experiments.estimators.catalog import UPLOADED, name_of
from experiments.guesses import columns_of
from experiments.models.runs import Cause, Run
from experiments.queries.runs import data_in_use, judged_run, last_run
from experiments.reproduction import compared
from experiments.services.records import close_record, next_number, open_record
from experiments.services.tunings import start_search
from experiments.specs import completed
from experiments.tried import learned_spec
from jobs.models import Job
from jobs.models import State as JobState
from jobs.services import start
from notices.services import tell
from problems.problem import Conflict, Gone, Invalid
from projects.contract import as_row
from projects.models.projects import Project
from projects.queries.baseline import baseline_spec
from projects.queries.define import charter_of, contract_in_force, goals_of
from projects.results import open_words
from projects.services.projects import lock_project
from storage.models import Blob

PLATFORM = Machine("training")
LONGEST_NOTE = 20_000


@transaction.atomic
def start_run(
    project: Project,
    *,
    spec: Any,
    by: Actor,
    data: Version | None = None,
    cause: str = Cause.PERSON,
    cause_text: str = "",
    copied_from: Run | None = None,
    notes: str = "",
    hypothesis: str = "",
) -> tuple[Run, Job]:
    """Check and complete the spec against the data version, write the run, and queue its training.

    Without `data`: the newest published version of the copied run's dataset, else of the project.
    """
    data = published(project, data, copied_from)
    refuse_unusable(data)
    _refuse_made_elsewhere(copied_from, spec)
    spec = complete_spec(project, spec, data)
    about: dict[str, Any] = {"cause": cause, "cause_text": cause_text, "copied_from": copied_from, "notes": notes}
    run = write_run(project, spec=spec, data=data, by=by, hypothesis=hypothesis, **about)
    job = start_search(run, by=by) if "tuning" in spec else _training(run, by)
    record(by, "run.started", run, project_key=project.key, run=run.number, data=str(data), cause=cause, spec=spec)
    return run, job


def write_run(
    project: Project,
    *,
    spec: dict[str, Any],
    data: Version,
    by: Actor,
    cause: str,
    cause_text: str = "",
    copied_from: Run | None = None,
    notes: str = "",
    hypothesis: str = "",
    given: Blob | None = None,
) -> Run:
    """The row of a run with its record, under the next number. Its completed spec is not checked again."""
    lock_project(project)  # one number after the other
    if not Version.objects.filter(pk=data.pk).exists():
        raise Gone(f"{data} was deleted a moment ago.")
    run = Run.objects.create(
        project=project,
        number=next_number(project),
        data=data,
        contract=contract_in_force(project),
        copied_from=copied_from,
        spec=spec,
        cause=cause,
        cause_text=cause_text.strip()[:300],
        notes=_note(notes),
        given=given,
        created_by=as_user(by),
    )
    open_record(run, hypothesis=hypothesis)
    return run


def _refuse_made_elsewhere(before: Run | None, spec: Any) -> None:
    """What nothing here trained, nothing here can train again."""
    methods = spec.get("methods") if isinstance(spec, dict) else None
    if before and isinstance(methods, (dict, list)) and UPLOADED in methods:
        raise Conflict(
            f"The model of run {before.number} was made elsewhere and uploaded; nothing here can train it again. "
            "Train it where it was made and upload it, or start a run with methods of this place.",
            code="made_elsewhere",
        )


def _training(run: Run, by: Actor) -> Job:
    key = run.project.key
    return start("experiments.train", by=by, title=f"Train run {run.number}", subject=run, project_key=key)


def reproduce(run: Run, *, by: Actor) -> tuple[Run, Job]:
    """Start the same again, on the same data; what came out differently is told when it has ended."""
    if run.state != Run.State.FINISHED:
        raise Conflict(f"Run {run.number} did not end well, so there is nothing to make again.", code="not_finished")
    words = f"run {run.number} again"
    return start_run(
        run.project,
        spec=learned_spec(run),
        by=by,
        data=run.data,
        cause=Cause.REPRODUCTION,
        cause_text=words,
        copied_from=run,
    )


def complete_spec(project: Project, given: Any, data: Version) -> dict[str, Any]:
    """The whole spec for this data version; what cannot work is refused before anything waits in a queue."""
    before, charter = last_run(project), charter_of(project)
    hints = (before.spec["target"] if before else "", charter.prediction, charter.problem, project.question)
    columns = columns_of(data.schema, data.profile)
    return completed(given, kind=project.kind, columns=columns, hints=hints, positive_hint=charter.positive_word)


def published(project: Project, data: Version | None, copied_from: Run | None) -> Version:
    if data is None:
        data = _newest_like(copied_from) if copied_from else data_in_use(project)
    if data is None or data.dataset.project_id != project.pk:
        raise Conflict("There is no published data version to learn from. Publish one first.", code="no_data")
    if data.state != Version.State.PUBLISHED:
        raise Invalid(f"{data} is a draft. Publish it first.", fields={"data": "Only published versions."})
    return data


def _newest_like(run: Run) -> Version:
    """The newest published version of the dataset that a run learned from, or that version itself."""
    return newest_published(run.data.dataset) or run.data


def _note(text: Any) -> str:
    if not isinstance(text, str) or len(text) > LONGEST_NOTE:
        raise Invalid("Notes are too long.", fields={"notes": f"Use at most {LONGEST_NOTE} characters."})
    return text.replace("\x00", "")


def engine_spec(run: Run, table: Path) -> dict[str, Any]:
    """What the engine needs to know, as plain JSON."""
    targets = goals_of(run.contract)
    unit = next((goal.unit for goal in targets if goal.unit and goal.measure), "")
    return {
        **learned_spec(run),
        "kind": run.project.kind,
        "table": str(table),
        "schema": run.data.schema,
        "goals": [asdict(goal) for goal in targets],
        "unit": unit,
        "run": f"{run.project.key} run {run.number}",
        "data_sha256": run.data.table_id,
        "baseline": baseline_spec(run.project),
    }


@transaction.atomic
def finish_run(run: Run, answer: dict[str, Any], bundle: Blob) -> Run:
    """Keep what training found and judge it against the targets that held when it was started.

    Call it inside `context.finish()`: a lost lease undoes it.
    """
    row = Run.objects.select_for_update(of=("self",)).select_related("project", "contract").get(pk=run.pk)
    if row.state != Run.State.WAITING:
        raise Conflict(f"Run {row.number} is already over.", code="too_late")
    row.bundle = bundle
    row.method, row.metrics = answer["method"], answer["metrics"]
    row.evaluation, row.environment = answer["evaluation"], answer["environment"]
    if row.cause == Cause.REPRODUCTION and row.copied_from:
        row.evaluation["reproduction"] = {"run": row.copied_from.number} | compared(
            _record(row.copied_from), _record(row)
        )
    row.verdicts = [as_row(judged) for judged in judged_run(row, row.contract)]
    row.state, row.finished_at = Run.State.FINISHED, timezone.now()
    row.save()
    close_record(row, series=answer.get("series", ()))
    verdicts = {judged["name"]: judged["verdict"] for judged in row.verdicts}
    again = row.evaluation.get("reproduction")
    record(
        PLATFORM,
        "run.finished",
        row,
        project_key=row.project.key,
        run=row.number,
        method=row.method,
        bundle=row.bundle_id,
        verdicts=verdicts,
        **({"reproduced": again["same"]} if again else {}),
    )
    said = "the uploaded model was measured" if row.method == UPLOADED else f"{name_of(row.method)} was best"
    _tell(row, f"Run {row.number} is finished: {said}.")
    return row


def _record(run: Run) -> dict[str, Any]:
    return {"evaluation": run.evaluation, "environment": run.environment, "spec": learned_spec(run)}


def fail_run(job: Job) -> None:
    """A training job ended badly or was stopped; say so on its run. Runs in the transaction that ends the job."""
    run = Run.objects.select_related("project", "created_by").filter(pk=job.subject_id).first()
    if run is None or run.state != Run.State.WAITING:
        return
    stopped = job.state == JobState.CANCELLED
    run.state = Run.State.CANCELLED if stopped else Run.State.FAILED
    run.message, run.finished_at = job.message, timezone.now()
    run.save(update_fields=["state", "message", "finished_at"])
    close_record(run)
    name = "run.cancelled" if stopped else "run.failed"
    record(PLATFORM, name, run, project_key=run.project.key, run=run.number, message=job.message, code=job.code)
    if not stopped:
        _tell(run, f"Run {run.number} failed: {open_words(run.project.key).text(job.message)}")


def _tell(run: Run, text: str) -> None:
    if isinstance(run.created_by, User):
        address = reverse("run", args=[run.project.key, run.number])
        tell([run.created_by.pk], text, url=address, project_key=run.project.key, kind="work")


@transaction.atomic
def set_notes(run: Run, *, notes: str, by: Actor) -> Run:
    """Write what people want to remember about a run."""
    run.notes = _note(notes)
    run.save(update_fields=["notes"])
    record(by, "run.notes_changed", run, project_key=run.project.key, run=run.number)
    return run
