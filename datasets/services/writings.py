"""Every write to loads into destinations: start one, by hand or with a publication, and end it in one of its ways."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.actors import Actor, Machine
from audit.services import record
from datasets.models.destinations import Destination, Writing
from datasets.models.versions import Version
from datasets.queries import destinations as queries
from datasets.queries.quality import refuse_unusable
from datasets.services.destinations import address_of, held_by
from datasets.writing.catalog import writer_for
from jobs import services as jobs
from jobs.models import Job
from jobs.models import State as JobState
from notices.services import tell
from problems.problem import Conflict, Gone, Problem
from projects.permissions import Role
from projects.queries.team import members_with

WRITER = Machine("writing to databases")
State = Writing.State


def check_may(destination: Destination, version: Version) -> None:
    """Refuse to write what nobody approved, what may not leave, and what its rules hold back."""
    name = destination.name
    if destination.deleted_at:
        raise Conflict(f"{name} lies in the bin: nothing is written to it.", code="in_the_bin")
    if destination.state != Destination.State.APPROVED:
        words = "was refused" if destination.state == Destination.State.REFUSED else "is not approved yet"
        raise Conflict(f"{name} {words}: only approved destinations are written to.", code="not_approved")
    member = writer_for(destination.connector)
    if lacking := member.lacking({**destination.params, **dict.fromkeys(destination.sealed, "sealed")}):
        raise Conflict(f"“{lacking[0].label}” of {name} is not here. Enter it first.", code="secret_needed")
    if version.state != Version.State.PUBLISHED:
        raise Conflict(f"{version} is a draft. Publish it first.", code="not_published")
    names = [one["name"] for one in queries.taken(destination, version)]
    if held := held_by(destination, names, destination.released, queries.approver_roles(destination)):
        text = f"{name} takes sensitive columns that nobody released: {', '.join(held[:10])}."
        raise Conflict(f"{text} Release them when it is approved, or choose other columns.", code="sensitive")
    refuse_unusable(version)


@transaction.atomic
def start_writing(
    destination: Destination, version: Version, *, by: Actor, by_publication: bool = False
) -> tuple[Writing, Job]:
    """Write a published version there."""
    rows = Destination.everything.select_for_update(of=("self",)).select_related("dataset__project", "decided_by")
    locked = rows.filter(pk=destination.pk).first()
    if locked is None:
        raise Gone(f"{destination} was deleted a moment ago.")
    check_may(locked, version)
    if Writing.objects.filter(destination=locked, version=version, state=State.WAITING).exists():
        raise Conflict(f"{version} is being written to {locked.name} already.", code="running")
    writing = Writing.objects.create(
        destination=locked,
        version=version,
        number=version.number,
        revision=locked.revision,
        mode=locked.mode,
        by_publication=by_publication,
        created_by=by if isinstance(by, User) else None,
    )
    key = locked.dataset.project.key
    job = jobs.start(
        queries.WRITE,
        by=by,
        title=f"Write {version} to {locked.name}",
        subject=writing,
        project_key=key,
        payload={"writing": str(writing.pk)},
    )
    record(by, "destination.load_started", writing, project_key=key, **_facts(writing, locked))
    return writing, job


def write_published(version: Version) -> None:
    """A version was published: it goes to every destination that asked for it. What may not go is said."""
    wanted = version.dataset.destinations.filter(when=Destination.When.PUBLISHED, state=Destination.State.APPROVED)
    for destination in wanted.select_related("dataset__project"):
        try:
            with transaction.atomic():
                start_writing(destination, version, by=WRITER, by_publication=True)
        except Problem as problem:
            key = destination.dataset.project.key
            facts = {"destination": destination.name, "dataset": version.dataset.name, "number": version.number}
            record(WRITER, "destination.load_skipped", destination, project_key=key, **facts, reason=problem.text)
            text = f"{version} was not written to {destination.name}. {problem.text}"
            people = {one.pk for one in members_with(destination.dataset.project, [Role.DATA_ENGINEER])}
            tell(people, text, url=address_of(destination), project_key=key, kind="work")


def running(payload: dict[str, Any]) -> tuple[Writing, Version]:
    """What a job is to do, if it still may; refuses when the destination was changed since."""
    rows = Writing.objects.select_related("destination__dataset__project", "destination__decided_by")
    writing = rows.filter(pk=payload["writing"]).first()
    if writing is None:
        raise Gone("The destination is gone.")
    version = Version.objects.select_related("dataset__project").filter(writings=writing).first()
    if version is None:
        raise Gone("The version is gone.")
    if writing.revision != writing.destination.revision:
        text = "The destination was changed since this was started. Nothing was written."
        raise Conflict(text, code="changed_meanwhile")
    check_may(writing.destination, version)
    return writing, version


@transaction.atomic
def finish_writing(writing: Writing, version: Version, *, answer: dict[str, Any], seconds: float) -> None:
    """Keep what it did there."""
    locked = Writing.objects.select_for_update(of=("self",)).get(pk=writing.pk)
    known = answer["known"]
    locked.state, locked.message = State.UNCHANGED if known else State.DONE, known
    locked.rows = 0 if known else version.rows
    locked.added, locked.changed, locked.removed = answer["added"], answer["changed"], answer["removed"]
    locked.seconds, locked.ended_at = round(seconds, 3), timezone.now()
    locked.save()
    destination, key = writing.destination, version.dataset.project.key
    facts = _facts(locked, destination) | {"rows": locked.rows, "seconds": locked.seconds}
    facts |= {"added": locked.added, "changed": locked.changed, "removed": locked.removed, "made": answer["made"]}
    name = "destination.unchanged" if known else "destination.loaded"
    record(WRITER, name, locked, project_key=key, **facts, reason=known)
    if locked.created_by_id:
        text = (
            f"{version} is in {destination.name}: {in_words(locked)}." if not known else f"{destination.name}: {known}"
        )
        tell([locked.created_by_id], text, url=address_of(destination), project_key=key, kind="work")


def in_words(writing: Writing) -> str:
    """What a load did to the rows there."""
    parts = [f"{writing.added:,} rows added"]
    parts += [f"{writing.changed:,} changed"] if writing.mode == Destination.Mode.MERGE else []
    parts += [f"{writing.removed:,} removed"] if writing.mode == Destination.Mode.REPLACE else []
    return ", ".join(parts)


def fail_writing(job: Job) -> None:
    """A load ended without a result; the job says why. Called in the transaction that ends the job."""
    rows = Writing.objects.select_for_update(of=("self",)).filter(pk=job.payload.get("writing"), state=State.WAITING)
    writing = rows.select_related("destination__dataset__project").first()
    if writing is None:
        return
    cancelled = job.state == JobState.CANCELLED
    writing.state = State.CANCELLED if cancelled else State.FAILED
    writing.message, writing.ended_at = job.message, timezone.now()
    writing.save(update_fields=["state", "message", "ended_at"])
    destination, key = writing.destination, writing.destination.dataset.project.key
    name = "destination.load_stopped" if cancelled else "destination.load_failed"
    record(WRITER, name, writing, project_key=key, **_facts(writing, destination), reason=job.message[:500])
    if not cancelled:
        people = {writing.created_by_id} if writing.created_by_id else set()
        if writing.by_publication:
            people |= {one.pk for one in members_with(destination.dataset.project, [Role.DATA_ENGINEER])}
        text = f"{destination.dataset.name} {writing} could not be written: {job.message}"
        tell(people, text, url=address_of(destination), project_key=key, kind="work")


def _facts(writing: Writing, destination: Destination) -> dict[str, Any]:
    facts = {"destination": destination.name, "dataset": destination.dataset.name, "number": writing.number}
    return facts | {"mode": writing.mode}
