"""Every write to looks at what a source brings: keep it for a person, who takes it, corrects it, or drops it."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.urls import reverse

from accounts.models import User
from audit.services import record
from datasets.models.sources import Pull, PullFile, Source
from datasets.models.versions import Version
from datasets.reading.options import Options
from datasets.services import pulls, sources
from datasets.services.versions import LOADER
from jobs.models import Job
from notices.services import tell
from problems.problem import Conflict, Invalid
from storage.models import Blob


def look_address(pull: Pull) -> str:
    """The page on which one looks at what came."""
    return reverse("source-look", args=[pull.source.project.key, pull.source.name, pull.pk])


@transaction.atomic
def finish_look(pull: Pull, *, table: Blob | None, files: Sequence[PullFile], answer: dict[str, Any]) -> None:
    """Keep what came, or why it could not be read, until somebody has looked at it. The mark stays where it is."""
    locked, source = pulls.ending(pull)
    locked.state, locked.table = Pull.State.PREVIEW, table
    locked.found = {name: value for name, value in answer.items() if name not in ("table", "files")}
    locked.message = answer.get("refusal", {}).get("text", "")
    locked.save()
    pulls.keep_files(locked, files)
    facts = {"source": source.name, "rows": answer.get("rows", 0), "refused": locked.message}
    record(LOADER, "source.preview_made", locked, project_key=source.project.key, **facts)
    if pull.created_by_id:
        text = f"What {source.name} brings was read and waits for your look. {locked.message}".strip()
        tell([pull.created_by_id], text, url=look_address(pull), project_key=source.project.key, kind="work")


def _locked(pull: Pull, seen: str | None) -> Pull:
    """The look itself, if it still waits and still is the one that was seen (its table's hash)."""
    rows = Pull.objects.select_for_update(of=("self",)).select_related("source__project", "source__dataset")
    locked = rows.get(pk=pull.pk)
    if locked.state != Pull.State.PREVIEW:
        words = locked.get_state_display().lower()
        raise Conflict(f"This load does not wait for a look any more; it is “{words}”.", code="no_preview")
    if seen is not None and seen != (locked.table_id or ""):
        text = "Somebody has it read in another way meanwhile. Look at that first; nothing was changed."
        raise Conflict(text, code="stale")
    return locked


@transaction.atomic
def look_again(pull: Pull, options: dict[str, Any], *, by: User, seen: str | None = None) -> tuple[Pull, Job]:
    """Keep the corrected options with the source, and read what came once more to be looked at."""
    return _read_again(_locked(pull, seen), Options.of(options).as_dict(), by, preview=True)


def _read_again(locked: Pull, stated: dict[str, Any], by: User, *, preview: bool) -> tuple[Pull, Job]:
    """The files that came are kept: the source is asked again only where they are not all that it has."""
    sources.change(locked.source, seen=locked.revision, options=stated, by=by)
    return pulls.start_pull(locked.source, again=locked.again, preview=preview, kept=_kept(locked), by=by)


def _kept(locked: Pull) -> dict[str, Any] | None:
    everything = locked.source.mode == Source.Mode.FULL or not locked.mark_before
    if not everything or locked.found is None or not locked.files.filter(options__isnull=False).exists():
        return None
    return {"pull": str(locked.pk)} | {name: locked.found[name] for name in ("mark", "until", "notes")}


@transaction.atomic
def take_look(
    pull: Pull, options: dict[str, Any] | None = None, *, by: User, seen: str | None = None
) -> Version | tuple[Pull, Job]:
    """Make a version of exactly what was looked at; with other options than those it is read again with them."""
    locked = _locked(pull, seen)
    source, found = locked.source, locked.found or {}
    stated = source.options if options is None else Options.of(options).as_dict()
    if stated != source.options:
        return _read_again(locked, stated, by, preview=False)
    if "refusal" in found or locked.table is None:
        raise Invalid(locked.message or "There is nothing to take.", code="refused")
    record(by, "source.preview_taken", locked, project_key=source.project.key, source=source.name, options=stated)
    version = pulls.finish_pull(locked, table=locked.table, files=[], answer=found)
    Pull.objects.filter(pk=locked.pk).update(found=None, table=None)
    return version


@transaction.atomic
def drop_look(pull: Pull, *, by: User) -> Pull:
    """Forget what came. No version is made, and the next load begins where this one did."""
    locked = _locked(pull, None)
    Pull.objects.filter(pk=locked.pk).update(**pulls.DROPPED)
    record(by, "source.preview_dropped", locked, project_key=locked.source.project.key, source=locked.source.name)
    locked.refresh_from_db()
    return locked
