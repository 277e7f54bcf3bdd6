"""Every write to datasets: start, finish and fail a load, publish a version."""

from collections.abc import Iterable
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify

from accounts.models import User
from audit.actors import Actor, Machine
from audit.services import record
from datasets.models.versions import Dataset, Ingestion, SchemaPolicy, Version
from datasets.queries import quality
from datasets.queries import versions as queries
from datasets.reading.options import Options
from datasets.sentences import short
from datasets.services import contracts, countings, writings
from datasets.services.checks import check_when_made
from jobs import services as jobs
from jobs.models import Job, State
from notices.services import tell
from problems.problem import Conflict, Gone, Invalid, TooLarge
from projects.models.projects import Project
from projects.permissions import Role
from projects.queries.team import members_with
from projects.services.projects import lock_project
from storage import blobs
from storage.models import Blob

LOADER = Machine("data loading")


def dataset_name(text: str) -> str:
    """The name as addresses have it: `Customer Churn` becomes `customer-churn`."""
    name = slugify(text)[:60].strip("-_")
    if not name:
        why = "A dataset needs a name of letters or digits."
        raise Invalid(why, fields={"name": why})
    return name


def file_name(given: str) -> str:
    """The last part of a file's name without what could be a path or a control character; only ever shown."""
    last = PurePosixPath(PureWindowsPath(given or "").name).name
    name = "".join(char for char in last if char.isprintable())[:200]
    return name if name.strip(". ") else "file"


def check_size(size: int) -> None:
    """Refuse an upload beyond the limit of this instance."""
    if size > settings.UPLOAD_MAX_BYTES:
        most = filesizeformat(settings.UPLOAD_MAX_BYTES)
        text = (
            f"The file has {filesizeformat(size)}; at most {most} can be uploaded. "
            "Pack it with gzip, split it, or ask the administrator to raise BATON_UPLOAD_MAX_MB."
        )
        raise TooLarge(text, fields={"file": text})


def keep_file(chunks: Iterable[bytes]) -> Blob:
    """Store the uploaded bytes. Call it before the transaction, so that no row is locked while bytes are written."""
    blob = blobs.put(chunks)
    check_size(blob.size)
    if not blob.size:
        raise Invalid("The file is empty.", fields={"file": "The file is empty."}, code="empty_file")
    return blob


@transaction.atomic
def start_ingestion(
    project: Project,
    *,
    name: str,
    file_name: str,
    blob: Blob,
    options: dict[str, Any],
    by: Actor,
    preview: bool = False,
) -> tuple[Ingestion, Job]:
    """Begin to load one stored file into the dataset of that name, which is made when it is new.

    With `preview` the load ends as something to look at, and becomes a version when a person says so.
    """
    stated = Options.of(options).as_dict()
    person = by if isinstance(by, User) else None
    lock_project(project)
    dataset, _ = Dataset.everything.get_or_create(
        project=project, name=dataset_name(name), defaults={"created_by": person}
    )
    if dataset.deleted_at:
        text = f"{dataset.name} is in the bin. Restore it there, or give this one another name."
        raise Conflict(text, code="in_the_bin", fields={"name": text})
    ingestion = Ingestion.objects.create(
        dataset=dataset, file_name=file_name, file_blob=blob, options=stated, created_by=person, preview=preview
    )
    job = _start_job(ingestion, project.key, by, take=not preview)
    facts = {"dataset": dataset.name, "file": file_name, "bytes": blob.size, "sha256": blob.sha256}
    record(by, "data.load_started", ingestion, project_key=project.key, **facts, options=stated)
    return ingestion, job


def _start_job(ingestion: Ingestion, key: str, by: Actor, *, take: bool) -> Job:
    """`take` says that a version is to be made; a refusal goes back to who looks, if somebody does."""
    words = "Load {} into {}" if take else "Look at {} for {}"
    return jobs.start(
        "datasets.ingest",
        by=by,
        title=words.format(ingestion.file_name, ingestion.dataset.name)[:200],
        subject=ingestion,
        project_key=key,
        payload={"ingestion": str(ingestion.pk), "take": take},
    )


@transaction.atomic
def finish_preview(ingestion: Ingestion, *, table: Blob | None, answer: dict[str, Any]) -> None:
    """Keep what was read, or why it was refused, until the person who asked has looked at it."""
    ingestion.state, ingestion.table = Ingestion.State.PREVIEW, table
    ingestion.found = {name: value for name, value in answer.items() if name != "table"}
    ingestion.message = answer.get("refusal", {}).get("text", "")
    ingestion.save(update_fields=["state", "table", "found", "message"])
    dataset = Dataset.objects.select_related("project").get(pk=ingestion.dataset_id)
    facts = {"dataset": dataset.name, "file": ingestion.file_name, "rows": answer.get("rows", 0)}
    record(LOADER, "data.preview_made", ingestion, project_key=dataset.project.key, **facts, refused=ingestion.message)
    text = f"{ingestion.file_name} was read for {dataset.name} and waits for your look. {ingestion.message}".strip()
    _tell(dataset.project, [], ingestion.created_by_id, text, preview_address(ingestion))


def _locked_preview(ingestion: Ingestion, seen: str | None) -> Ingestion:
    """The preview itself, if it still is one and still the one that was seen (its table's hash)."""
    locked = Ingestion.objects.select_for_update(of=("self",)).select_related("dataset__project").get(pk=ingestion.pk)
    if locked.state != Ingestion.State.PREVIEW:
        words = locked.get_state_display().lower()
        raise Conflict(f"This upload does not wait for a look any more; it is “{words}”.", code="no_preview")
    if seen is not None and seen != (locked.table_id or ""):
        raise Conflict(
            "Somebody has it read in another way meanwhile. Look at that first; nothing was changed.", code="stale"
        )
    return locked


@transaction.atomic
def look_again(ingestion: Ingestion, options: dict[str, Any], *, by: Actor, seen: str | None = None) -> Job:
    """Read the stored file again with corrected options, to be looked at once more."""
    return _read_again(_locked_preview(ingestion, seen), options, by, take=False)


def _read_again(ingestion: Ingestion, options: dict[str, Any], by: Actor, *, take: bool) -> Job:
    ingestion.options = Options.of(options).as_dict()
    ingestion.state, ingestion.found, ingestion.table, ingestion.message = Ingestion.State.WAITING, None, None, ""
    ingestion.save(update_fields=["options", "state", "found", "table", "message"])
    project = ingestion.dataset.project
    facts = {"dataset": ingestion.dataset.name, "file": ingestion.file_name, "options": ingestion.options}
    record(by, "data.read_again", ingestion, project_key=project.key, **facts)
    return _start_job(ingestion, project.key, by, take=take)


@transaction.atomic
def take_preview(
    ingestion: Ingestion, options: dict[str, Any] | None = None, *, by: Actor, seen: str | None = None
) -> Version | Job:
    """Make a version with exactly these options: from what was looked at, or by reading again if they differ."""
    locked = _locked_preview(ingestion, seen)
    stated = locked.options if options is None else Options.of(options).as_dict()
    found = locked.found or {}
    if stated != locked.options:
        return _read_again(locked, stated, by, take=True)
    if "refusal" in found or locked.table is None:
        raise Invalid(locked.message or "There is nothing to take.", code="refused")
    facts = {"dataset": locked.dataset.name, "file": locked.file_name}
    record(by, "data.preview_taken", locked, project_key=locked.dataset.project.key, **facts, options=stated)
    version = finish_ingestion(locked, table=locked.table, answer=found)
    locked.found = None
    locked.save(update_fields=["found"])
    return version


@transaction.atomic
def drop_preview(ingestion: Ingestion, *, by: Actor) -> Ingestion:
    """Start again: forget what was read. No version is made."""
    locked = _locked_preview(ingestion, None)
    locked.state, locked.found, locked.table = Ingestion.State.DROPPED, None, None
    locked.save(update_fields=["state", "found", "table"])
    facts = {"dataset": locked.dataset.name, "file": locked.file_name}
    record(by, "data.preview_dropped", locked, project_key=locked.dataset.project.key, **facts)
    return locked


@transaction.atomic
def finish_ingestion(ingestion: Ingestion, *, table: Blob, answer: dict[str, Any]) -> Version:
    """Make the next draft version of what the reading found."""
    dataset = Dataset.everything.select_for_update(of=("self",)).select_related("project").get(pk=ingestion.dataset_id)
    last = Version.everything.filter(dataset=dataset).aggregate(last=Max("number"))["last"] or 0
    version = Version.objects.create(
        dataset=dataset,
        number=last + 1,
        ingestion=ingestion,
        table=table,
        rows=answer["rows"],
        refused_rows=answer["refused_rows"],
        schema=answer["schema"],
        profile=answer["profile"],
        report=answer["report"],
    )
    ingestion.state, ingestion.message = Ingestion.State.READ, ""
    ingestion.save(update_fields=["state", "message"])
    facts = {"dataset": dataset.name, "number": version.number, "rows": version.rows, "refused": version.refused_rows}
    record(LOADER, "data.version_made", version, project_key=dataset.project.key, **facts, sha256=table.sha256)
    if check_when_made(version) is None:
        contracts.tell_broken(version)
    text = f"{version} is ready to look at: {short(version.rows, version.refused_rows)}."
    _tell(dataset.project, [Role.DATA_ENGINEER, Role.DBA], ingestion.created_by_id, text, address_of(version))
    return version


def fail_ingestion(job: Job) -> None:
    """A load ended without a version; the job says why. Called in the transaction that ends the job."""
    ingestion = (
        Ingestion.objects.select_for_update()
        .filter(pk=job.payload.get("ingestion"), state=Ingestion.State.WAITING)
        .first()
    )
    if ingestion is None:
        return
    cancelled = job.state == State.CANCELLED
    if ingestion.preview and not cancelled:
        refusal = {"text": job.message, "code": job.code, "fields": {}}
        finish_preview(ingestion, table=None, answer={"refusal": refusal, "report": {}})
        return
    ingestion.state = Ingestion.State.CANCELLED if cancelled else Ingestion.State.FAILED
    ingestion.message = job.message
    ingestion.save(update_fields=["state", "message"])
    dataset = Dataset.everything.select_related("project").get(pk=ingestion.dataset_id)
    facts = {"dataset": dataset.name, "file": ingestion.file_name, "reason": job.message[:500]}
    name = "data.load_stopped" if cancelled else "data.load_failed"
    record(LOADER, name, ingestion, project_key=dataset.project.key, **facts)
    if not cancelled:
        text = f"{ingestion.file_name} could not be loaded into {dataset.name}: {job.message}"
        _tell(dataset.project, [], ingestion.created_by_id, text, reverse("data", args=[dataset.project.key]))


@transaction.atomic
def publish(version: Version, *, by: Actor) -> Version:
    """Let a draft be trained on. From then on it never changes."""
    rows = Version.objects.select_for_update(of=("self",)).select_related("dataset__project")
    locked = rows.filter(pk=version.pk).first()
    if locked is None:
        raise Gone(f"{version} was deleted a moment ago.")
    if locked.state == Version.State.PUBLISHED:
        raise Conflict(f"{version} is published already.", code="already_published")
    if reasons := hindrances(locked):
        raise Conflict(quality.in_words(reasons), code="blocked", blocked_by=[reason.key for reason in reasons])
    version.state, version.published_at = Version.State.PUBLISHED, timezone.now()
    version.published_by = by if isinstance(by, User) else None
    version.save(update_fields=["state", "published_at", "published_by"])
    project = version.dataset.project
    facts = {"dataset": version.dataset.name, "number": version.number, "rows": version.rows}
    record(by, "data.published", version, project_key=project.key, **facts, sha256=version.table_id)
    contracts.forget_late(version.dataset)
    countings.read_published(version)
    writings.write_published(version)
    text = f"{version} is published: {short(version.rows, version.refused_rows)}. It can be trained on."
    _tell(project, [Role.DATA_SCIENTIST], None, text, address_of(version), but=by.actor_id)
    return version


def why_not(version: Version) -> str:
    """What keeps a draft from being published, in words; empty when nothing does."""
    return quality.in_words(hindrances(version)) if version.state == Version.State.DRAFT else ""


def hindrances(version: Version) -> list[quality.Block]:
    """Everything that keeps a draft from being published: emptiness, changed columns, rules, a broken contract."""
    if version.rows < 1 or not version.schema:
        return [quality.Block("check:rows", "There is nothing in it: at least one row and one column are needed.")]
    return [*_schema_block(version), *quality.blocks(version)]


def _schema_block(version: Version) -> list[quality.Block]:
    if version.dataset.schema_policy != SchemaPolicy.BLOCK:
        return []
    before, changes = queries.schema_changes(version)
    if before is None or not changes or version.schema_accepted_against == before.number:
        return []
    text = f"Its columns differ from those of v{before.number}, the last published: accept the change first."
    return [quality.Block("check:schema", text)]


def address_of(version: Version) -> str:
    """The page of a version."""
    dataset = version.dataset
    return reverse("dataset-version", args=[dataset.project.key, dataset.name, version.number])


def list_address(dataset: Dataset) -> str:
    """The page of all datasets of its project."""
    return reverse("data", args=[dataset.project.key])


def preview_address(ingestion: Ingestion) -> str:
    """The page on which one looks at how a file was read."""
    dataset = ingestion.dataset
    return reverse("upload-preview", args=[dataset.project.key, dataset.name, ingestion.pk])


@transaction.atomic
def set_schema_policy(dataset: Dataset, policy: str, *, by: Actor) -> Dataset:
    """Say what happens when the columns of a new version are others than those of the last published one."""
    if policy not in SchemaPolicy.values:
        why = f"“{policy}” is not one of: {', '.join(SchemaPolicy.values)}."
        raise Invalid(why, fields={"schema_policy": why})
    was, dataset.schema_policy = dataset.schema_policy, policy
    dataset.save(update_fields=["schema_policy"])
    facts = {"dataset": dataset.name, "was": was, "now": policy}
    record(by, "data.schema_policy_set", dataset, project_key=dataset.project.key, **facts)
    return dataset


@transaction.atomic
def accept_schema(version: Version, *, by: Actor) -> Version:
    """Agree that the columns of a draft differ from those of the last published version."""
    locked = Version.objects.select_for_update(of=("self",)).select_related("dataset__project").get(pk=version.pk)
    before, changes = queries.schema_changes(locked)
    if locked.state == Version.State.PUBLISHED or before is None or not changes:
        raise Conflict("There is no change of columns that waits to be accepted.", code="nothing_to_accept")
    locked.schema_accepted_against, locked.schema_accepted_at = before.number, timezone.now()
    locked.schema_accepted_by = by if isinstance(by, User) else None
    locked.save(update_fields=["schema_accepted_against", "schema_accepted_at", "schema_accepted_by"])
    facts = {"dataset": locked.dataset.name, "number": locked.number, "against": before.number}
    said = [change.text for change in changes][:50]
    record(by, "data.schema_accepted", locked, project_key=locked.dataset.project.key, **facts, changes=said)
    return locked


def _tell(project: Project, roles: list[Role], also: Any, text: str, url: str, but: str = "") -> None:
    people = {person.pk for person in members_with(project, roles)} | ({also} if also else set())
    tell([person for person in people if str(person) != but], text, url=url, project_key=project.key, kind="work")
