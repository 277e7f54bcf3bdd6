"""Work of the projects room: events go out, what was long enough in the bin goes, projects are packed and brought."""

import time
from collections.abc import Callable

from django.db import DataError, IntegrityError
from django.utils import timezone

from jobs.context import Context
from jobs.registry import job, periodic
from projects import archives
from projects.models.transfers import Export, Import
from projects.services import bin as binned
from projects.services import deliveries, exports, imports
from storage import blobs

BEAT_SECONDS = 5


@periodic("projects.webhooks", every=5)
def deliver_events() -> None:
    """Send what is due. A slow target costs its own turn only: each try ends within seconds."""
    deliveries.deliver_due()


@periodic("projects.forget_deliveries", every=3600)
def forget_deliveries() -> None:
    """Old deliveries that arrived are of no use to anybody."""
    deliveries.forget_deliveries(timezone.now())


@periodic("projects.bin", every=3600)
def empty_bin() -> None:
    """Delete what has been in the bin for 30 days, and free what was too fresh before."""
    binned.empty_bin()


@job("projects.export", max_attempts=2, on_failure=exports.fail_export)
def pack(context: Context) -> None:
    """Pack the whole project into one file, as of one moment."""
    export = Export.objects.select_related("project").get(pk=context.job.payload["export"])
    context.progress(0, None, "writing it down")
    path, manifest = exports.pack(export.project, context.folder, _every_so_often(context))
    file = blobs.put_file(path)
    with context.finish({"rows": sum(manifest["counts"].values()), "bytes": file.size}):
        exports.finish_export(export, file=file, counts=manifest["counts"])


def _every_so_often(context: Context) -> Callable[[], None]:
    """Renews the lease between pieces of a large file, not between all of them."""
    told = time.monotonic()

    def beat() -> None:
        nonlocal told
        if time.monotonic() - told > BEAT_SECONDS:
            told = time.monotonic()
            context.beat()

    return beat


@job("projects.import", queue="ingestion", max_attempts=2, on_failure=imports.fail_import)
def bring(context: Context) -> None:
    """Check an archive in a limited child, keep what it brings, and make the project: whole, or not at all."""
    brought = Import.objects.select_related("created_by").get(pk=context.job.payload["import"])
    archive = blobs.verified_path(str(brought.file_id))
    known = {"archive": str(archive), "kinds": imports.kinds()}
    manifest = context.call("projects.archives:run", known)["manifest"]
    for entry, files in imports.to_check(context.folder).items():
        context.call(entry, {"files": files})
    context.progress(0, None, "making the project")
    imports.keep_contents(brought, context.folder, _every_so_often(context))
    try:
        with context.finish({"project": brought.key}):
            imports.finish_import(brought, manifest, context.folder)
    except (IntegrityError, DataError) as error:
        raise archives.refused("Its rows contradict each other.") from error


@periodic("projects.transfers", every=900)
def forget_archives() -> None:
    """Delete archives whose days are over, and free what imports left."""
    exports.sweep(timezone.now())
