"""Every write to uploads that arrive in pieces: begin, take a piece, finish, abort, expire."""

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from accounts.models import User
from audit.services import record
from datasets import pieces
from datasets.models.uploads import PartialUpload
from datasets.models.versions import Ingestion
from datasets.queries.uploads import promised_bytes
from datasets.reading.options import Options
from datasets.services.versions import LOADER, check_size, dataset_name, file_name, start_ingestion
from jobs.models import Job
from jobs.queries import latest_of
from problems.problem import Conflict, Invalid, NoRoom, TooLarge, TooMany
from projects.models.projects import Project
from storage import blobs
from storage.models import Blob

KEEP_FOR = timedelta(days=2)
MOST_OPEN = 200
RESERVE_BYTES = 256 * 1024 * 1024
STRAY_SECONDS = 3600


def folder() -> Path:
    """Where files on their way lie."""
    return Path(settings.DATA_DIR) / "uploads"


def path_of(upload: PartialUpload) -> Path:
    """The file of one upload."""
    return folder() / str(upload.pk)


@transaction.atomic
def begin(
    project: Project, *, name: str, file: str, size: int, options: dict[str, Any], preview: bool, by: User
) -> PartialUpload:
    """Write down what will come, if there is room for it: nobody learns after hours that there was none."""
    check_size(size)
    if size < 1:
        raise Invalid("The file is empty.", fields={"size": "The file is empty."}, code="empty_file")
    clean, stated = dataset_name(name), Options.of(options).as_dict()
    User.objects.select_for_update().get(pk=by.pk)
    if PartialUpload.objects.filter(person=by, ingestion=None).count() >= MOST_OPEN:
        text = f"You have {MOST_OPEN} unfinished uploads. Finish or abort some of them first."
        raise TooMany(text, retry_after=60, code="too_many_uploads")
    _check_room(size)
    upload = PartialUpload.objects.create(
        project=project,
        person=by,
        dataset_name=clean,
        file_name=file_name(file),
        size=size,
        options=stated,
        preview=preview,
    )
    pieces.begin(path_of(upload))
    facts = {"dataset": clean, "file": upload.file_name, "bytes": size}
    record(by, "data.upload_begun", upload, project_key=project.key, **facts)
    return upload


def _check_room(size: int) -> None:
    place = Path(settings.DATA_DIR)
    free = shutil.disk_usage(place).free - RESERVE_BYTES - promised_bytes()
    if size > free:
        left = filesizeformat(max(0, free))
        text = (
            f"The file has {filesizeformat(size)}; beside other uploads under way the disk has room for {left}. "
            "Ask the administrator for room, or send a smaller file."
        )
        raise NoRoom(text)


def take_piece(upload: PartialUpload, source: Any, length: int, *, offset: int, checksum: str, by: User) -> int:
    """Write one piece behind what is there; returns the new offset. Pieces are not audited, only begin and end."""
    stated = pieces.Checksum.of(checksum)
    if upload.ingestion_id:
        raise Conflict("This upload is complete.", code="finished", offset=upload.size)
    if offset + length > upload.size:
        text = f"This piece ends behind the announced {upload.size} bytes. It was not kept."
        raise TooLarge(text, code="beyond_size", offset=upload.received)

    def acknowledged() -> int:
        received = PartialUpload.objects.values_list("received", flat=True).get(pk=upload.pk)
        if received != offset:
            text = f"The next piece begins at {received}, not at {offset}."
            raise Conflict(text, code="wrong_offset", offset=received)
        return received

    def commit(received: int) -> None:
        kept = PartialUpload.objects.filter(pk=upload.pk, person=by)
        if not kept.update(received=received, touched_at=timezone.now()):
            raise Conflict("This upload was aborted.", code="aborted")

    try:
        return pieces.append(path_of(upload), source, length, offset=acknowledged, checksum=stated, commit=commit)
    except OSError as error:
        raise NoRoom(f"The piece could not be written to disk ({error.strerror}). It was not kept.") from None


def finish(upload: PartialUpload, *, sha256: str, by: User) -> tuple[Ingestion, Job | None]:
    """Prove the whole file, store it without copying it, and start to read it. Asked again, it answers the same."""
    stated = pieces.checked_sha256(sha256)
    if upload.ingestion is None:
        if upload.missing:
            text = f"{upload.missing} of {upload.size} bytes are still to come."
            raise Conflict(text, code="incomplete", offset=upload.received)
        with pieces.held(path_of(upload)):
            found = pieces.whole_hash(path_of(upload), upload.size)
            if stated and found != stated:
                text = "The file arrived with other bytes than its sha256 says. Abort this upload and send it again."
                raise Invalid(text, fields={"sha256": text}, code="sha256_mismatch", sha256=found)
            blob = blobs.adopt(path_of(upload), found, upload.size)
            upload = _start(upload, blob, by)
        pieces.remove(path_of(upload))
    assert upload.ingestion is not None
    return upload.ingestion, latest_of(upload.ingestion)


@transaction.atomic
def _start(upload: PartialUpload, blob: Blob, by: User) -> PartialUpload:
    locked = PartialUpload.objects.select_for_update(of=("self",)).select_related("project").filter(pk=upload.pk)
    held = locked.first()
    if held is None:
        raise Conflict("This upload was aborted.", code="aborted")
    if held.ingestion is None:
        held.ingestion, _ = start_ingestion(
            held.project,
            name=held.dataset_name,
            file_name=held.file_name,
            blob=blob,
            options=held.options,
            by=by,
            preview=held.preview,
        )
        held.touched_at = timezone.now()
        held.save(update_fields=["ingestion", "touched_at"])
    return held


def abort(upload: PartialUpload, *, by: User) -> int:
    """Forget an unfinished upload and free its bytes; returns how many."""
    with transaction.atomic():
        if not PartialUpload.objects.filter(pk=upload.pk, ingestion=None).delete()[0]:
            raise Conflict("This upload is complete; what was read of it is on the page of the data.", code="finished")
        facts = {"dataset": upload.dataset_name, "file": upload.file_name, "received": upload.received}
        record(by, "data.upload_aborted", upload, project_key=upload.project.key, **facts)
    return pieces.remove(path_of(upload))


def expire() -> int:
    """Forget what nobody went on with for two days, and files without a row; returns the bytes that this freed."""
    freed, now = 0, timezone.now()
    for upload in PartialUpload.objects.filter(touched_at__lt=now - KEEP_FOR).select_related("project"):
        with transaction.atomic():
            if not PartialUpload.objects.filter(pk=upload.pk, touched_at=upload.touched_at).delete()[0]:
                continue  # it went on at this moment
            if upload.ingestion_id is None:
                facts = {"dataset": upload.dataset_name, "file": upload.file_name, "received": upload.received}
                record(LOADER, "data.upload_expired", upload, project_key=upload.project.key, **facts)
        freed += pieces.remove(path_of(upload))
    return freed + _remove_strays(now.timestamp())


def _remove_strays(now: float) -> int:
    """Files whose upload is gone, or is complete and has its second name: a process died before removing them."""
    lying = {path.name: path for path in folder().glob("*")} if folder().is_dir() else {}
    if not lying:
        return 0
    going_on = {str(pk) for pk in PartialUpload.objects.filter(ingestion=None).values_list("pk", flat=True)}
    freed = 0
    for name, path in lying.items():
        if name not in going_on and path.stat().st_mtime < now - STRAY_SECONDS:
            freed += pieces.remove(path)
    return freed
