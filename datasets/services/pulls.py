"""Every write to loads from sources: start one, by hand or on the schedule, and end it in one of its ways."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts.models import User
from audit.actors import Actor
from audit.services import record
from datasets import schedules
from datasets.models.sources import Pull, PullFile, Source
from datasets.models.versions import Dataset, Version
from datasets.sentences import short
from datasets.services import contracts, versions
from datasets.services.checks import check_when_made
from datasets.services.sources import address_of
from datasets.services.versions import LOADER
from jobs import services as jobs
from jobs.models import Job, State
from notices.services import tell
from problems.problem import Conflict, Gone
from projects.permissions import Role
from projects.queries.team import members_with
from storage.models import Blob

MOST_DUE = 50
DROPPED = {"state": Pull.State.DROPPED, "found": None, "table": None}


def check_feeds(source: Source) -> None:
    """Refuse to load from what nobody approved or whose licence ran out."""
    if source.expired:
        text = f"The licence of {source.name} ran out on {source.licence_until}: it feeds nothing any more."
        raise Conflict(text, code="expired")
    if source.deleted_at:
        raise Conflict(f"{source.name} lies in the bin: it feeds nothing.", code="in_the_bin")
    if not source.feeds:
        words = "was refused" if source.state == Source.State.REFUSED else "is not approved yet"
        raise Conflict(f"{source.name} {words}: only approved sources feed a project.", code="not_approved")


@transaction.atomic
def start_pull(
    source: Source,
    *,
    by: Actor,
    again: bool = False,
    by_schedule: bool = False,
    preview: bool = False,
    kept: dict[str, Any] | None = None,
) -> tuple[Pull, Job]:
    """Load from it: what is new since the last load, or with `again` from the beginning.

    With `preview` it becomes a version only when a person has looked at it. A look that waits goes with the next load.
    With `kept`, what an earlier load brought is read once more and nothing is fetched.
    """
    locked = _free(source)
    Pull.objects.filter(source=locked, state=Pull.State.PREVIEW).update(**DROPPED)
    pull = Pull.objects.create(
        source=locked,
        revision=locked.revision,
        again=again,
        by_schedule=by_schedule,
        preview=preview,
        mark_before={} if again else locked.mark,
        created_by=by if isinstance(by, User) else None,
    )
    job = jobs.start(
        "datasets.pull",
        by=by,
        title=f"{'Look at' if preview else 'Load'} {locked.dataset.name} from {locked.name}",
        subject=pull,
        project_key=locked.project.key,
        payload={"pull": str(pull.pk), "kept": kept},
    )
    facts = {"source": locked.name, "dataset": locked.dataset.name, "again": again}
    record(by, "source.load_started", pull, project_key=locked.project.key, **facts)
    return pull, job


def _free(source: Source) -> Source:
    """The source, locked, if it may be loaded now."""
    rows = Source.everything.select_for_update(of=("self",)).select_related("project", "dataset")
    locked = rows.filter(pk=source.pk).first()
    if locked is None:
        raise Gone(f"{source} was deleted a moment ago.")
    check_feeds(locked)
    if Dataset.everything.filter(pk=locked.dataset_id).exclude(deleted_at=None).exists():
        raise Conflict(f"{locked.dataset.name} is in the bin. Restore it first.", code="in_the_bin")
    if Pull.objects.filter(source=locked, state=Pull.State.WAITING).exists():
        raise Conflict(f"{locked.name} is being loaded already.", code="running")
    return locked


def start_due() -> int:
    """Start what the schedule says; what was missed is made up once. Returns how many were started."""
    now, started = timezone.now(), 0
    alive = Source.objects.filter(next_at__lte=now, project__deleted_at=None, project__archived_at=None)
    for source in alive.select_related("project", "dataset").order_by("next_at")[:MOST_DUE]:
        coming = schedules.next_after(now, source.schedule, source.at, source.weekday)
        with transaction.atomic():
            if not Source.objects.filter(pk=source.pk, next_at=source.next_at).update(next_at=coming):
                continue  # another scheduler was faster
            try:
                with transaction.atomic():
                    start_pull(source, by=LOADER, by_schedule=True)
                started += 1
            except Conflict as problem:
                facts = {"source": source.name, "reason": problem.text}
                record(LOADER, "source.load_skipped", source, project_key=source.project.key, **facts)
    return started


def ending(pull: Pull) -> tuple[Pull, Source]:
    """Both rows, locked, if the source is still what was loaded from."""
    source = Source.everything.select_for_update(of=("self",)).select_related("project").get(pk=pull.source_id)
    locked = Pull.objects.select_for_update(of=("self",)).get(pk=pull.pk)
    if source.revision != locked.revision:
        raise Conflict("The source was changed while it was being loaded. Nothing was kept.", code="changed_meanwhile")
    check_feeds(source)
    return locked, source


def _move_on(pull: Pull, source: Source, answer: dict[str, Any]) -> None:
    """The mark moves with what it made."""
    source.mark, source.until = answer["mark"], answer["until"]
    source.save(update_fields=["mark", "until"])
    pull.mark_after, pull.until, pull.notes = answer["mark"], answer["until"], answer["notes"][:50]
    pull.rows_fetched, pull.bytes_fetched = answer.get("rows_fetched", 0), answer.get("bytes", 0)
    pull.ended_at, pull.message = timezone.now(), ""


@transaction.atomic
def finish_unchanged(pull: Pull, answer: dict[str, Any]) -> None:
    """There was nothing new: no version is made, and that is said."""
    locked, source = ending(pull)
    _move_on(locked, source, answer)
    locked.state = Pull.State.UNCHANGED
    locked.save()
    record(LOADER, "source.unchanged", locked, project_key=source.project.key, source=source.name)


@transaction.atomic
def finish_pull(pull: Pull, *, table: Blob, files: Sequence[PullFile], answer: dict[str, Any]) -> Version:
    """Make the next draft version of what was fetched, and move the mark with it."""
    locked, source = ending(pull)
    dataset = Dataset.objects.select_for_update(of=("self",)).select_related("project").get(pk=source.dataset_id)
    last = Version.everything.filter(dataset=dataset).aggregate(last=Max("number"))["last"] or 0
    version = Version.objects.create(
        dataset=dataset,
        number=last + 1,
        table=table,
        rows=answer["rows"],
        refused_rows=answer["refused_rows"],
        schema=answer["schema"],
        profile=answer["profile"],
        report={**answer["report"], "source": source.name},
    )
    _move_on(locked, source, answer)
    locked.state, locked.version = Pull.State.MADE, version
    locked.save()
    keep_files(locked, files)
    facts = {"dataset": dataset.name, "number": version.number, "rows": version.rows, "source": source.name}
    if check_when_made(version) is None:
        contracts.tell_broken(version)
    record(LOADER, "source.loaded", version, project_key=dataset.project.key, **facts, sha256=table.sha256)
    words = short(version.rows, version.refused_rows)
    text = f"{version} is ready to look at: {words}. It came from the source {source.name}."
    people = {one.pk for one in members_with(dataset.project, [Role.DATA_ENGINEER, Role.DBA])}
    people |= {pull.created_by_id} if pull.created_by_id else set()
    tell(people, text, url=versions.address_of(version), project_key=dataset.project.key, kind="work")
    return version


def keep_files(pull: Pull, files: Sequence[PullFile]) -> None:
    """Keep with a load what it brought."""
    for one in files:
        one.pull = pull
    PullFile.objects.bulk_create(files)


def kept_files(kept: dict[str, Any]) -> list[PullFile]:
    """What an earlier load brought, to be kept with another one too."""
    before = PullFile.objects.filter(pull=kept["pull"])
    return [PullFile(name=one.name, blob_id=one.blob_id, options=one.options) for one in before]


def fail_pull(job: Job) -> None:
    """A load ended without a result; the job says why. Called in the transaction that ends the job."""
    waiting = Pull.objects.select_for_update(of=("self",)).filter(pk=job.payload.get("pull"), state=Pull.State.WAITING)
    pull = waiting.select_related("source__project").first()
    if pull is None:
        return
    cancelled = job.state == State.CANCELLED
    pull.state = Pull.State.CANCELLED if cancelled else Pull.State.FAILED
    pull.message, pull.ended_at = job.message, timezone.now()
    pull.save(update_fields=["state", "message", "ended_at"])
    source = pull.source
    name = "source.load_stopped" if cancelled else "source.load_failed"
    facts = {"source": source.name, "reason": job.message[:500]}
    record(LOADER, name, pull, project_key=source.project.key, **facts)
    if not cancelled:
        people = {pull.created_by_id} if pull.created_by_id else set()
        if pull.by_schedule:
            people |= {one.pk for one in members_with(source.project, [Role.DATA_ENGINEER])}
        text = f"{source.name} could not be loaded: {job.message}"
        tell(people, text, url=address_of(source), project_key=source.project.key, kind="work")
