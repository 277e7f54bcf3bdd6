"""Writes about runs that programs log: begin, end, rename, hide; points, parameters and tags; inputs and models."""

import json
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db import transaction
from django.utils import timezone

from accounts.models import as_user
from audit.actors import Actor
from audit.services import record as write_down
from datasets.models.versions import Version
from experiments.models.logged import LogExperiment, LogInput, LogModel, LogModelLink, LogRun
from experiments.models.records import RunKey, RunRecord, RunText
from experiments.services.records import costs, next_number, price_of
from experiments.services.tracking import LONGEST_VALUE, Logged, keep
from experiments.tracking.wire import STATES, Refused, unknown
from problems.problem import Conflict
from projects.services.projects import lock_project

NAME_TAG, CONTEXT_TAG = "mlflow.runName", "mlflow.data.context"
ENDED = {
    RunRecord.State.FINISHED: "run.finished",
    RunRecord.State.FAILED: "run.failed",
    RunRecord.State.CANCELLED: "run.cancelled",
}
ADJECTIVES = (
    "able", "bold", "brisk", "calm", "clever", "deft", "eager", "fair", "fleet", "frank", "gentle", "glad", "keen",
    "kind", "lively", "merry", "mild", "neat", "nimble", "patient", "quick", "quiet", "sturdy", "swift", "vivid",
)  # fmt: skip
NOUNS = (
    "auk", "bee", "colt", "crane", "crow", "deer", "dove", "elk", "finch", "fox", "gnat", "grouse", "hare", "hawk",
    "heron", "kite", "lark", "lynx", "mole", "newt", "otter", "owl", "pike", "quail", "robin", "seal", "shrew", "snipe",
)  # fmt: skip


def made_name() -> str:
    """A name for a run that has none."""
    return f"{secrets.choice(ADJECTIVES)}-{secrets.choice(NOUNS)}-{secrets.randbelow(1000)}"


def moment(milliseconds: int) -> datetime:
    """A moment of a client, where it is one; else now."""
    try:
        found = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return timezone.now()
    return found if 1970 < found.year < 9000 else timezone.now()


@transaction.atomic
def begin_run(
    experiment: LogExperiment,
    *,
    by: Actor,
    name: str = "",
    user_name: str = "",
    started: int | None = None,
    tags: Mapping[str, str] | None = None,
) -> LogRun:
    """A new run with a number of the project's, and its own id for clients."""
    project = experiment.project
    lock_project(project)  # one number after the other
    row = LogExperiment.objects.select_for_update().get(pk=experiment.pk)
    if row.deleted_at is not None:
        raise Refused(f"The experiment {row.number} must be in the 'active' state. Current state is deleted.")
    now = timezone.now()
    began = started if started else round(now.timestamp() * 1000)
    tags = dict(tags or {})
    name = name or tags.get(NAME_TAG, "") or made_name()
    record = RunRecord.objects.create(
        project=project,
        number=next_number(project),
        kind=RunRecord.Kind.NOTEBOOK,
        state=RunRecord.State.RUNNING,
        created_by=as_user(by),
        created_at=moment(began),
    )
    run = LogRun.objects.create(
        project=project, experiment=experiment, record=record, key=uuid.uuid4().hex, name=name[:500],
        user_name=user_name[:256], started=began,
    )  # fmt: skip
    keep(record, tags={**tags, NAME_TAG: name[:500]})
    write_down(by, "run.started", record, project_key=project.key, run=record.number, cause="notebook", title=run.name)
    return run


def locked(run: LogRun, *, active: bool = True) -> RunRecord:
    """The record of a run, locked; a deleted one takes no writes."""
    record = RunRecord.everything.select_for_update(of=("self",)).select_related("project").get(pk=run.record_id)
    if (record.deleted_at is None) != active:
        state, wanted = ("deleted", "active") if active else ("active", "deleted")
        raise Refused(f"The run {run.key} must be in the '{wanted}' state. Current state is {state}.")
    return record


@transaction.atomic
def change_run(
    run: LogRun, *, by: Actor, status: str = "", ended: int | None = None, name: str | None = None
) -> LogRun:
    """Another state, end or name. An end is audited; a word that is no state changes nothing, as clients expect."""
    record = locked(run)
    state = STATES.get(status)
    over = state in ENDED and record.state != state
    if state is not None:
        record.state = state
        run.ended = ended if ended is not None else run.ended
        if state not in ENDED:
            run.ended = record.finished_at = record.seconds = None
    if run.ended is not None and state in ENDED:
        _close(record, run)
    if name:
        run.name = name[:500]
        keep(record, tags={NAME_TAG: run.name})
    record.save(update_fields=["state", "finished_at", "seconds", "cost", "currency"])
    run.save(update_fields=["ended", "name"])
    if over and state is not None:
        word = ENDED[RunRecord.State(state)]
        write_down(by, word, record, project_key=record.project.key, run=record.number, cause="notebook")
    run.record = record
    return run


def _close(record: RunRecord, run: LogRun) -> None:
    assert run.ended is not None
    record.finished_at = moment(run.ended)
    record.seconds = max(0, run.ended - run.started) / 1000
    record.cost, record.currency = costs(record.seconds, price_of(record.project))


@transaction.atomic
def delete_run(run: LogRun, *, by: Actor) -> None:
    """Hide it."""
    record = RunRecord.everything.select_for_update(of=("self",)).select_related("project").get(pk=run.record_id)
    if record.deleted_at is None:
        record.deleted_at = timezone.now()
        record.save(update_fields=["deleted_at"])
        write_down(by, "run.deleted", record, project_key=record.project.key, run=record.number)


@transaction.atomic
def restore_run(run: LogRun, *, by: Actor) -> None:
    """Show it again."""
    record = RunRecord.everything.select_for_update(of=("self",)).select_related("project").get(pk=run.record_id)
    if run.experiment.deleted_at is not None:
        raise Refused(f"The experiment {run.experiment.number} of this run is deleted. Restore it first.")
    if record.deleted_at is not None:
        record.deleted_at = None
        record.save(update_fields=["deleted_at"])
        write_down(by, "run.restored", record, project_key=record.project.key, run=record.number)


# ---- What it logs ----


@transaction.atomic
def log(
    run: LogRun,
    *,
    metrics: Sequence[Logged] = (),
    params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Points, parameters and tags, all or nothing."""
    if run.record.deleted_at is not None:
        raise Refused(f"The run {run.key} must be in the 'active' state. Current state is deleted.")
    if not (metrics or params or tags):
        return
    try:
        keep(run.record, metrics=metrics, params=params, tags=tags)
    except Conflict as conflict:
        raise Refused(f"Changing param values is not allowed. {_which(run, params or {})}") from conflict
    if tags and NAME_TAG in tags:
        LogRun.objects.filter(pk=run.pk).update(name=tags[NAME_TAG][:500])


def _which(run: LogRun, params: Mapping[str, str]) -> str:
    rows = RunText.objects.filter(record=run.record_id, key__kind=RunKey.Kind.PARAM, key__name__in=list(params))
    for key, value in rows.values_list("key__name", "value"):
        if params[key] != value:
            said = f"Param with key='{key}' was already logged with value='{value[:250]}' for run ID='{run.key}'."
            return f"{said} Attempted logging new value '{params[key][:250]}'."
    return ""


@transaction.atomic
def note_model(run: LogRun, text: str) -> None:
    """What an old client says of a model among the run's files: one more entry of the tag that such clients read."""
    record = locked(run)
    tag = "mlflow.log-model.history"
    known = RunText.objects.filter(record=record, key__kind=RunKey.Kind.TAG, key__name=tag).first()
    try:
        model, history = json.loads(text), json.loads(known.value) if known else []
    except (ValueError, RecursionError):
        raise Refused("Malformed model info. The model_json is not JSON.") from None
    if not isinstance(model, dict):
        raise Refused("Malformed model info. The model_json must be an object.")
    said = [
        *history,
        {name: value for name, value in model.items() if name not in ("signature", "saved_input_example_info")},
    ]
    while len(json.dumps(said)) > LONGEST_VALUE and len(said) > 1:
        said = said[1:]
    if len(json.dumps(said)) <= LONGEST_VALUE:
        keep(record, tags={tag: json.dumps(said)})


@transaction.atomic
def delete_tag(run: LogRun, *, key: str) -> None:
    """Take a tag away."""
    record = locked(run)
    gone, _ = RunText.objects.filter(record=record, key__kind=RunKey.Kind.TAG, key__name=key).delete()
    if not gone:
        raise unknown(f"No tag with name: {key} in run with id {run.key}")


# ---- Inputs and models ----


@dataclass(frozen=True)
class Used:
    """A dataset that a run says it used; `version` where it is one of the project's."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str = ""
    profile: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    version: Version | None = None


@transaction.atomic
def add_inputs(run: LogRun, *, datasets: Sequence[Used], models: Sequence[str], by: Actor) -> None:
    """Write down what a run used. A dataset version of the project becomes the run's data, if it has none yet."""
    record = locked(run)
    for one in datasets:
        fields = {"source_type": one.source_type, "source": one.source, "schema": one.schema}
        fields |= {"profile": one.profile, "context": one.tags.get(CONTEXT_TAG, "")}
        row, is_new = LogInput.objects.get_or_create(
            run=run, name=one.name, digest=one.digest,
            defaults={**fields, "tags": dict(one.tags), "version": one.version},
        )  # fmt: skip
        if not is_new and one.tags:
            row.tags = {**row.tags, **one.tags}
            row.context = row.tags.get(CONTEXT_TAG, "")
            row.save(update_fields=["tags", "context"])
        if one.version is not None and record.data_id is None:
            record.data = one.version
            record.save(update_fields=["data"])
            write_down(by, "run.used", record, project_key=record.project.key, run=record.number, data=str(one.version))
    link_models(run, [(key, 0) for key in models], made=False)


def link_models(run: LogRun, models: Sequence[tuple[str, int]], *, made: bool) -> None:
    """Logged models that a run used or made. Call it in a transaction that holds the run."""
    known = set(
        LogModel.objects.filter(project=run.project_id, key__in=[key for key, _ in models]).values_list(
            "key", flat=True
        )
    )
    for key, step in models:
        if key not in known:
            raise unknown(f"Logged model with ID '{key}' not found.")
        LogModelLink.objects.update_or_create(run=run, model_key=key, made=made, defaults={"step": step})


@transaction.atomic
def add_outputs(run: LogRun, models: Sequence[tuple[str, int]]) -> None:
    """Logged models that a run made."""
    locked(run)
    link_models(run, models, made=True)
