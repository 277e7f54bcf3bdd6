"""Deleting: into the bin, out of it again, and for good with the bytes freed."""

import logging
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from accounts.elsewhere import forget
from accounts.models import User
from audit.actors import Actor, Machine
from audit.services import record
from jobs.models import Job
from notices.models import Notice
from problems.problem import Conflict, Gone, Invalid, Missing, Problem
from projects.discarding import KINDS, Kind, empty, keeps, kind, needed_by
from projects.models.bin import Binned
from projects.models.decisions import Decision
from projects.models.policy import Policy
from projects.models.projects import Project
from projects.queries.work import jobs_in
from projects.services.projects import lock_project
from storage import blobs

log = logging.getLogger(__name__)
DAYS = 30
AT_ONCE = 50
SWEEPER = Machine("the bin")


def discard(project: Project, word: str, thing: Any, *, by: User) -> Binned:
    """Put a thing into the bin, unless something still needs it. It is hidden at once and everywhere."""
    try:
        return _discard(project, KINDS[word], thing, by)
    except IntegrityError:
        raise Gone(f"{thing} was deleted a moment ago.") from None


@transaction.atomic
def _discard(project: Project, sort: Kind, thing: Any, by: User) -> Binned:
    lock_project(project)
    if not sort.model._default_manager.filter(pk=thing.pk).exists():
        raise Gone(f"{thing} was deleted a moment ago.")
    if needs := needed_by(sort.word, thing):
        text = f"{thing} cannot be deleted now. {' '.join(needs[:5])}"
        raise Conflict(text, code="needed", blocked_by=needs)
    now = timezone.now()
    binned = Binned.objects.create(
        project=project,
        project_key=project.key,
        kind=sort.word,
        subject_id=str(thing.pk),
        name=str(thing)[:160],
        deleted_by=by,
        deleted_at=now,
        purge_at=now + timedelta(days=DAYS),
    )
    sort.hide(thing, now)
    record(by, "bin.put", binned, project_key=project.key, kind=sort.words, what=binned.name, id=binned.subject_id)
    return binned


def _thing(binned: Binned) -> Any:
    found = KINDS[binned.kind].model._base_manager.filter(pk=binned.subject_id).first()
    if found is None:
        raise Gone(f"{binned.name} is gone for good.")
    return found


@transaction.atomic
def restore(binned: Binned, *, by: User) -> None:
    """Take a thing out of the bin, with all that went along."""
    _locked(binned)
    sort, thing = KINDS[binned.kind], _thing(binned)
    sort.hide(thing, None)
    record(by, "bin.restored", binned, project_key=binned.project_key, kind=sort.words, what=binned.name)
    binned.delete()


def _locked(binned: Binned) -> Binned:
    row = Binned.objects.select_for_update().filter(pk=binned.pk).first()
    if row is None:
        raise Missing(f"{binned.name} is not in the bin any more.")
    if row.purged_at:
        raise Gone(f"{binned.name} is gone for good.")
    return row


def delete_now(binned: Binned, *, name: str, by: User) -> int:
    """Delete for good, without waiting; the name is typed so that nobody does so by a slip. Returns freed bytes."""
    if name.strip() != binned.name:
        raise Invalid(f"Type {binned.name} to delete it for good.", fields={"name": f"Type {binned.name}."})
    return purge(binned, by=by)


def purge(binned: Binned, *, by: Actor) -> int:
    """Delete the rows, then the stored files that nobody else needs; returns how many bytes that freed."""
    try:
        _delete_rows(binned, by)
    except ProtectedError:
        text = f"Something else in the bin still needs {binned.name}. It goes when that has gone."
        raise Conflict(text, code="needed") from None
    return free_left(binned)


@transaction.atomic
def _delete_rows(binned: Binned, by: Actor) -> None:
    row = _locked(binned)
    sort = KINDS[row.kind]
    held = sort.purge(_thing(row))
    row.refresh_from_db()
    row.purged_at, row.left = timezone.now(), sorted(held)
    row.save(update_fields=["purged_at", "left"])
    record(by, "bin.purged", row, project_key=row.project_key, kind=sort.words, what=row.name, files=len(held))


def free_left(binned: Binned) -> int:
    """Free what a purge left to free. Fresh files wait for the next time; returns all bytes freed so far."""
    row = Binned.objects.get(pk=binned.pk)
    freed = blobs.free(row.left)
    row.freed_bytes, row.left = row.freed_bytes + freed.bytes, sorted(freed.later)
    row.save(update_fields=["freed_bytes", "left"])
    return row.freed_bytes


def empty_bin() -> int:
    """Delete for good what has been in the bin for its 30 days; returns how many things went."""
    gone = 0
    for binned in Binned.objects.filter(purged_at=None, purge_at__lte=timezone.now()).order_by("deleted_at")[:AT_ONCE]:
        try:
            purge(binned, by=SWEEPER)
            gone += 1
        except Problem as problem:
            log.info("%s stays in the bin: %s", binned.name, problem.text)
    for binned in Binned.objects.exclude(purged_at=None).exclude(left=[])[:AT_ONCE]:
        free_left(binned)
    return gone


# ---- A project as a whole ----


def _hide_project(project: Project, at: Any) -> None:
    Project.everything.filter(pk=project.pk).update(deleted_at=at)


def _purge_project(project: Project) -> set[str]:
    held = empty(project)
    Binned.objects.filter(project=project, purged_at=None).exclude(kind="project").update(purged_at=timezone.now())
    Job.objects.filter(project_key=project.key).delete()
    Notice.objects.filter(project_key=project.key).delete()
    Policy.objects.filter(project=project).delete()  # a protected reference stands even against what goes with it
    Decision.objects.filter(project=project).update(supersedes=None)
    batch = project.pk
    project.delete()
    forget(batch)
    return held


def _no_project_within(project: Project, words: str) -> Project:
    """A project is deleted by its own address, never as a thing of itself."""
    raise Missing("A project is deleted on its own page.")


@keeps("archive")
@keeps("project")
def jobs_under_way(project: Project) -> Iterable[str]:
    """Work that waits or runs."""
    for job in jobs_in([project.key], only_open=True)[:3]:
        yield f"“{job.title}” is under way."


kind(Kind("project", "project", "project.delete", Project, _no_project_within, _hide_project, _purge_project))
