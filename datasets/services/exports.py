"""Every write to exported files and to addresses that programs read."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.one_time import digest, new_secret
from audit.actors import Actor, Machine
from audit.services import record
from datasets import exporting
from datasets.models.feeds import Export, Feed
from datasets.models.versions import Dataset, Version
from datasets.queries import seen
from jobs import services as jobs
from jobs.models import Job
from notices.services import tell
from problems.problem import Conflict, Invalid
from projects.permissions import Role, allows
from projects.queries.rights import refusal
from storage import blobs
from storage.models import Blob

WRITER = Machine("data exports")
KEPT_DAYS = 7
MOST_DAYS = 366
MOST_FEEDS = 20
USED_EVERY = timedelta(minutes=10)


@transaction.atomic
def start_export(version: Version, *, kind: str, raw: bool, roles: frozenset[Role], by: User) -> tuple[Export, Job]:
    """Have a version written as a file by a job. It hides what these roles must not see."""
    exporting.check(kind, version.rows)
    if raw and kind != "csv":
        text = "Only CSV has a raw form; Parquet is always raw, a workbook never."
        raise Invalid(text, fields={"raw": text})
    names = {column["name"] for column in version.schema}
    made = Export.objects.create(
        version=version,
        format=kind,
        raw=raw,
        masked=sorted(seen.hidden_of(version.dataset, roles) & names),
        created_by=by,
        expires_at=timezone.now() + timedelta(days=KEPT_DAYS),
    )
    key = version.dataset.project.key
    job = jobs.start(
        "datasets.export",
        by=by,
        title=f"Write {version} as {kind}",
        subject=made,
        project_key=key,
        payload={"export": str(made.pk)},
    )
    facts = {"dataset": version.dataset.name, "number": version.number, "format": kind, "raw": raw}
    record(by, "data.export_started", made, project_key=key, **facts, masked=made.masked)
    return made, job


def note_download(version: Version, *, kind: str, raw: bool, masked: list[str], by: User) -> None:
    """Write down that a version was taken away as a file at once."""
    facts = {"dataset": version.dataset.name, "number": version.number, "format": kind, "raw": raw}
    record(by, "data.exported", version, project_key=version.dataset.project.key, **facts, masked=masked)


@transaction.atomic
def finish_export(export: Export, blob: Blob) -> None:
    """Keep the file and tell who asked."""
    export.file, export.state = blob, Export.State.DONE
    export.save(update_fields=["file", "state"])
    dataset = export.version.dataset
    url = f"/p/{dataset.project.key}/data/{dataset.name}/v{export.version.number}/export/"
    if export.created_by_id:
        text = f"{export} is ready to fetch, for {KEPT_DAYS} days."
        tell([export.created_by_id], text, url=url, project_key=dataset.project.key, kind="work")


def fail_export(job: Job) -> None:
    """The job ended badly and says why."""
    waiting = Export.objects.filter(pk=job.payload.get("export"), state=Export.State.WAITING)
    waiting.update(state=Export.State.FAILED, message=job.message)


def sweep_exports() -> int:
    """Delete files that were kept long enough; returns bytes freed."""
    gone = list(Export.objects.filter(expires_at__lt=timezone.now())[:100])
    held = {export.file_id for export in gone if export.file_id}
    Export.objects.filter(pk__in=[export.pk for export in gone]).delete()
    return blobs.free(held).bytes


@transaction.atomic
def make_feed(dataset: Dataset, *, name: str, days: int, by: User) -> tuple[Feed, str]:
    """An address for programs; the secret is shown this once."""
    clean = " ".join(name.split())[:60]
    if not clean:
        raise Invalid("Name the address by what reads it.", fields={"name": "Name what reads it, like “Sales report”."})
    if not 1 <= days <= MOST_DAYS:
        text = f"An address lives between 1 and {MOST_DAYS} days."
        raise Invalid(text, fields={"days": text})
    Dataset.objects.select_for_update().get(pk=dataset.pk)
    now = timezone.now()
    if dataset.feeds.filter(revoked_at=None, expires_at__gt=now).count() >= MOST_FEEDS:
        raise Conflict(f"{dataset.name} has {MOST_FEEDS} addresses already. Revoke one that nobody uses.")
    secret = new_secret("feed")
    made = Feed.objects.create(
        dataset=dataset, name=clean, digest=digest(secret), owner=by, expires_at=now + timedelta(days=days)
    )
    facts: dict[str, Any] = {"dataset": dataset.name, "feed": clean, "until": made.expires_at.isoformat()}
    record(by, "data.feed_made", made, project_key=dataset.project.key, **facts)
    return made, secret


def check_revoke(feed: Feed, roles: frozenset[Role], *, by: User) -> None:
    """Who made it may close it, and who looks after the data."""
    if feed.owner_id != by.pk and not allows(roles, "data.tag"):
        raise refusal(feed.dataset.project, "data.tag")


@transaction.atomic
def revoke_feed(feed: Feed, *, by: Actor) -> Feed:
    """Close an address for good."""
    locked = Feed.objects.select_for_update(of=("self",)).select_related("dataset__project").get(pk=feed.pk)
    if locked.revoked_at:
        raise Conflict("This address is revoked already.", code="revoked")
    locked.revoked_at = timezone.now()
    locked.save(update_fields=["revoked_at"])
    facts = {"dataset": locked.dataset.name, "feed": locked.name}
    record(by, "data.feed_revoked", locked, project_key=locked.dataset.project.key, **facts)
    return locked


def note_read(feed: Feed, version: Version, masked: list[str]) -> None:
    """Write down that a program read, at most once in ten minutes."""
    now = timezone.now()
    due = Feed.objects.filter(pk=feed.pk).exclude(last_used_at__gt=now - USED_EVERY)
    with transaction.atomic():
        if due.update(last_used_at=now):
            facts = {"dataset": feed.dataset.name, "number": version.number, "feed": feed.name, "masked": masked}
            record(feed.owner, "data.feed_read", feed, project_key=feed.dataset.project.key, **facts)
