"""Asking a run's model about one row that somebody typed."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from audit.actors import Actor
from audit.services import record
from experiments.models.runs import Run
from experiments.signatures import checked_row
from jobs.models import Job
from jobs.services import start
from problems.problem import Conflict
from storage.blobs import verified_path

KIND = "experiments.explain"
NOT_ASKED = {
    "forecast": "A forecast is asked about a series, not about a row: see Use.",
    "clustering": "Groups have no reasons; the report says what each is like.",
}


def refuse_unaskable(run: Run) -> None:
    """Only a finished model of single rows can give reasons."""
    if why := NOT_ASKED.get(run.project.kind):
        raise Conflict(why, code="no_reasons")
    if run.state != Run.State.FINISHED or run.bundle_id is None:
        raise Conflict(f"Run {run.number} has no model to ask: it is {run.get_state_display().lower()}.")


@transaction.atomic
def ask_model(run: Run, *, row: Mapping[str, Any], by: Actor) -> Job:
    """Queue the answer to one row with its reasons; a row that the model does not take is refused at once."""
    refuse_unaskable(run)
    clean = checked_row(run.evaluation["signature"], dict(row))
    key = run.project.key
    payload = {"run": str(run.pk), "row": clean}
    job = start(KIND, by=by, title=f"Ask run {run.number} about a row", project_key=key, payload=payload)
    record(by, "run.asked", run, project_key=key, run=run.number)
    return job


def asking_spec(run: Run, row: Mapping[str, Any]) -> dict[str, Any]:
    """What the engine needs to know, as plain JSON."""
    assert run.bundle_id is not None
    return {"bundle": str(verified_path(run.bundle_id)), "row": dict(row)}
