"""Writes about traces: keep one, write and take away its tags, delete some with their files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db import transaction

from audit.actors import Actor
from audit.services import record
from experiments.models.logged import LogExperiment, LogFile, LogRun, LogTrace
from experiments.tracking.wire import Refused, unknown
from storage import blobs

LONGEST_TEXT, MOST = 10_000, 500


@dataclass(frozen=True)
class Traced:
    """What a client says of a trace; moments in milliseconds."""

    key: str
    began: int
    client_key: str = ""
    state: str = "IN_PROGRESS"
    lasted: int | None = None
    request: str = ""
    response: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@transaction.atomic
def keep_trace(experiment: LogExperiment, said: Traced, *, run: LogRun | None) -> LogTrace:
    """A trace; said again, it is the same with what is new. Like points, traces are not audited one by one."""
    if experiment.deleted_at is not None:
        raise Refused(f"The experiment {experiment.number} must be in the 'active' state. Current state is deleted.")
    if len(said.metadata) > MOST or len(said.tags) > MOST:
        raise Refused(f"A trace has at most {MOST} tags and {MOST} entries of metadata.")
    found = LogTrace.objects.filter(project=experiment.project, key=said.key).first()
    if found is not None and found.experiment_id != experiment.pk:
        raise Refused(f"The trace {said.key} is in another experiment.")
    fields = {
        "experiment": experiment, "run": run, "client_key": said.client_key, "state": said.state, "began": said.began,
        "lasted": said.lasted, "request": said.request[:LONGEST_TEXT], "response": said.response[:LONGEST_TEXT],
        "metadata": dict(said.metadata), "tags": {**(found.tags if found else {}), **said.tags},
    }  # fmt: skip
    return LogTrace.objects.update_or_create(project=experiment.project, key=said.key, defaults=fields)[0]


@transaction.atomic
def tag_trace(trace: LogTrace, *, key: str, value: str | None) -> None:
    """Write a tag, or take it away where there is no value."""
    row = LogTrace.objects.select_for_update(of=("self",)).get(pk=trace.pk)
    if value is None and key not in row.tags:
        raise unknown(f"No tag with key '{key}' found for trace with ID '{row.key}'.")
    tags = {name: text for name, text in row.tags.items() if name != key}
    row.tags = tags if value is None else tags | {key: value}
    if len(row.tags) > MOST:
        raise Refused(f"A trace has at most {MOST} tags.")
    row.save(update_fields=["tags"])


@transaction.atomic
def delete_traces(experiment: LogExperiment, traces: Sequence[LogTrace], *, by: Actor) -> int:
    """Delete traces of one experiment with their files."""
    roots = [f"{experiment.number}/traces/{one.key}/artifacts" for one in traces]
    files = LogFile.objects.filter(project=experiment.project, root__in=roots)
    held = set(files.values_list("blob_id", flat=True))
    files.delete()
    LogTrace.objects.filter(pk__in=[one.pk for one in traces]).delete()
    if traces:
        facts = {"experiment": experiment.name, "traces": len(traces)}
        record(by, "traces.deleted", experiment, project_key=experiment.project.key, **facts)
    transaction.on_commit(lambda: blobs.free(held))
    return len(traces)
