"""Packing a project into an archive, and letting the archive go after its days."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from audit.services import record
from jobs import services as jobs
from jobs.models import Job
from problems.problem import Conflict
from projects import archives
from projects.discarding import empties
from projects.models.projects import Project
from projects.models.transfers import Export, Import, TransferState
from projects.queries.transfers import Packed, pack_rows
from projects.services.projects import lock_project
from storage import blobs
from storage.models import Blob

DAYS = 7
AT_ONCE = 50


@transaction.atomic
def start_export(project: Project, *, by: User) -> tuple[Export, Job]:
    """Begin to pack the whole project; one archive of it is made at a time."""
    lock_project(project)
    try:
        with transaction.atomic():
            export = Export.objects.create(project=project, created_by=by)
    except IntegrityError:
        raise Conflict("An archive of this project is being made already.", code="under_way") from None
    job = jobs.start(
        "projects.export",
        by=by,
        title=f"Pack {project.name}",
        subject=export,
        project_key=project.key,
        payload={"export": str(export.pk)},
    )
    return export, job


def pack(project: Project, folder: Path, beat: Callable[[], None]) -> tuple[Path, dict[str, Any]]:
    """Write the archive into the folder; returns its path and its manifest."""
    packed = pack_rows(project, folder)
    path = folder / "archive.zip"
    return path, archives.write(path, _contents(packed, folder), _facts(packed), beat)


def _contents(packed: Packed, folder: Path) -> Iterator[tuple[str, Path]]:
    for label in sorted(packed.counts):
        yield f"rows/{label}.jsonl", folder / f"rows.{label}.jsonl"
    for name in archives.LINES:
        yield name, folder / name
    for sha256 in sorted(packed.blobs):
        yield f"blobs/{sha256}", blobs.unverified_path(sha256)


def _facts(packed: Packed) -> dict[str, Any]:
    return {
        "product": settings.VERSION,
        "packed_at": timezone.now().isoformat(),
        "project": packed.project,
        "counts": dict(packed.counts),
        "left_out": dict(packed.left_out),
    }


@transaction.atomic
def finish_export(export: Export, *, file: Blob, counts: dict[str, int]) -> None:
    """The archive is ready, for its days."""
    now = timezone.now()
    Export.objects.filter(pk=export.pk).update(
        state=TransferState.DONE, file=file, counts=counts, expires_at=now + timedelta(days=DAYS)
    )
    facts = {"sha256": file.sha256, "bytes": file.size}
    by = export.created_by
    if by is not None:
        record(by, "project.packed", export.project, project_key=export.project.key, **facts)


def fail_export(job: Job) -> None:
    """Its job ended badly."""
    waiting = Export.objects.filter(pk=job.payload["export"], state=TransferState.WAITING)
    waiting.update(state=TransferState.FAILED, message=job.message)


def sweep(now: datetime) -> int:
    """Delete archives whose days are over, and free what nobody needs any more; returns how many bytes that freed."""
    for export in Export.objects.filter(state=TransferState.DONE, expires_at__lte=now)[:AT_ONCE]:
        left = [export.file_id] if export.file_id else []
        Export.objects.filter(pk=export.pk).update(state=TransferState.GONE, file=None, left=left)
    freed = 0
    ended = (TransferState.DONE, TransferState.FAILED, TransferState.GONE)
    for model in (Export, Import):
        for row in model._default_manager.filter(state__in=ended).exclude(left=[])[:AT_ONCE]:
            found = blobs.free(row.left)
            freed += found.bytes
            model._default_manager.filter(pk=row.pk).update(left=sorted(found.later))
    return freed


@empties(90)
def empty_exports(project: Project) -> set[str]:
    """The archives of a project that goes for good."""
    found = Export.objects.filter(project=project)
    held = {str(file) for file in found.values_list("file_id", flat=True) if file}
    held |= {sha256 for left in found.values_list("left", flat=True) for sha256 in left}
    found.delete()
    return held
