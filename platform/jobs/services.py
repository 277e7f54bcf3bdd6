"""Every write to a job: start, claim, beat, finish, fail, cancel, and the sweep that gives lost work back."""

import secrets
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Case, DateTimeField, ExpressionWrapper, F, Value, When
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Now

from audit.actors import Actor
from audit.services import record
from jobs import bell
from jobs.models import OPEN_STATES, Job, Line, State, Worker
from jobs.registry import KINDS
from problems.problem import Conflict

RING_AGAIN_SECONDS = 15
RINGS = 200
MAX_LINES = 5000


class LeaseLost(Exception):
    """Another worker holds this job now; nothing of this attempt may be written."""


def _in(seconds: float) -> "ExpressionWrapper[CombinedExpression]":
    """A moment by the database's clock, `seconds` from now."""
    return ExpressionWrapper(Now() + Value(timedelta(seconds=seconds)), output_field=DateTimeField())


@transaction.atomic
def start(
    kind: str,
    *,
    by: Actor,
    title: str,
    subject: models.Model | None = None,
    project_key: str = "",
    payload: dict[str, Any] | None = None,
) -> Job:
    """Insert a QUEUED row in the caller's transaction and ring the bell when it commits."""
    registered = KINDS[kind]
    job = Job.objects.create(
        kind=kind,
        queue=registered.queue,
        max_attempts=registered.max_attempts,
        title=title[:200],
        subject_type=subject._meta.label_lower if subject else "",
        subject_id=str(subject.pk) if subject else "",
        project_key=project_key,
        payload=payload or {},
        created_by_id=by.actor_id,
        created_by_name=by.actor_name,
    )
    transaction.on_commit(lambda: bell.ring(str(job.pk), job.queue), robust=True)
    return job


def claim(job_id: str, worker: str) -> Job | None:
    """Take the lease of a QUEUED job, or return None because somebody else has it or it is over."""
    owner = f"{worker}:{secrets.token_hex(4)}"  # of this claim alone
    taken = Job.objects.filter(pk=job_id, state=State.QUEUED).update(
        state=State.RUNNING,
        attempt=F("attempt") + 1,
        lease_owner=owner,
        lease_token=F("lease_token") + 1,
        lease_expires_at=_in(settings.LEASE_SECONDS),
        started_at=Case(When(started_at=None, then=Now()), default=F("started_at")),
        done=0,
        total=None,
        progress_text="",
    )
    return Job.objects.filter(pk=job_id, lease_owner=owner).first() if taken else None


def _held(job: Job) -> models.QuerySet[Job]:
    return Job.objects.filter(pk=job.pk, state=State.RUNNING, lease_token=job.lease_token)


def beat(job: Job, lines: list[str], done: int, total: int | None, text: str) -> bool:
    """Renew the lease and write progress and log lines. Returns whether the job was asked to stop."""
    held = _held(job).update(
        lease_expires_at=_in(settings.LEASE_SECONDS), done=done, total=total, progress_text=_plain(text, 200)
    )
    if not held:
        raise LeaseLost(str(job.pk))
    add_lines(job, lines)
    return Job.objects.filter(pk=job.pk, cancel_requested_at__isnull=False).exists()


def add_lines(job: Job, lines: list[str]) -> None:
    """Append to the job's log, up to its limit."""
    room = MAX_LINES - Line.objects.filter(job=job).count() if lines else 0
    Line.objects.bulk_create(Line(job=job, attempt=job.attempt, text=_plain(line, 2000)) for line in lines[:room])


def _plain(text: str, length: int) -> str:
    """Cut, and without the characters that PostgreSQL refuses in a text."""
    return text[:length].replace("\x00", "").encode(errors="replace").decode()


def hold(job: Job) -> None:
    """Hold a running job's row until the transaction ends, so that nothing of a lost lease is written in it."""
    if _held(job).select_for_update().first() is None:
        raise LeaseLost(str(job.pk))


def succeed(job: Job, result: dict[str, Any] | None = None) -> None:
    """End the job well. Call it in the transaction that writes the result; a lost lease undoes both."""
    if not _held(job).update(
        state=State.SUCCEEDED, ended_at=Now(), result=result, message="", code="", lease_owner="", lease_expires_at=None
    ):
        raise LeaseLost(str(job.pk))


@transaction.atomic
def fail(job: Job, *, code: str, message: str, retry: bool) -> None:
    """End this attempt badly: back to the queue when a retry can help and attempts are left, else FAILED."""
    row = _locked(job)
    message = _plain(message, 2000)
    row.history = [*row.history, {"attempt": job.attempt, "code": code, "message": message}]
    if row.cancel_requested_at:
        _cancel(row)
        return
    again = retry and job.attempt < job.max_attempts
    row.code, row.message, row.lease_owner, row.lease_expires_at = code, message, "", None
    row.state, row.rung_at = State.QUEUED if again else State.FAILED, None
    row.save()
    if again:
        transaction.on_commit(lambda: bell.ring(str(row.pk), row.queue), robust=True)
    else:
        _close(row)


@transaction.atomic
def cancelled(job: Job) -> None:
    """The worker has ended the child of a job that was asked to stop."""
    _cancel(_locked(job))


@transaction.atomic
def give_back(job: Job) -> None:
    """The worker stops: the job waits again, and this attempt does not count."""
    row = _locked(job)
    if row.cancel_requested_at:
        _cancel(row)
        return
    row.state, row.attempt, row.rung_at = State.QUEUED, row.attempt - 1, None
    row.lease_owner, row.lease_expires_at, row.progress_text = "", None, ""
    row.save()


def _locked(job: Job) -> Job:
    """The row, locked, while this attempt still holds it."""
    row = Job.objects.select_for_update().filter(pk=job.pk, state=State.RUNNING, lease_token=job.lease_token).first()
    if row is None:
        raise LeaseLost(str(job.pk))
    return row


@transaction.atomic
def cancel(job: Job, *, by: Actor) -> Job:
    """Ask a job to stop: at once while it waits, within seconds while it runs."""
    row = Job.objects.select_for_update().get(pk=job.pk)
    if row.state not in OPEN_STATES:
        raise Conflict(f"This job is already over: {row.get_state_display().lower()}.", code="too_late")
    if row.cancel_requested_at is None:
        Job.objects.filter(pk=row.pk).update(cancel_requested_at=Now())
        record(by, "job.cancel_requested", row, project_key=row.project_key, kind=row.kind)
    if row.state == State.QUEUED:
        _cancel(row)
    row.refresh_from_db()
    return row


def _cancel(row: Job) -> None:
    row.state, row.code, row.message = State.CANCELLED, "cancelled", "Stopped by request."
    row.lease_owner, row.lease_expires_at = "", None
    row.save(update_fields=["state", "code", "message", "history", "lease_owner", "lease_expires_at"])
    _close(row)


def _close(row: Job) -> None:
    Job.objects.filter(pk=row.pk).update(ended_at=Now())
    kind = KINDS.get(row.kind)
    if kind and kind.on_failure:
        kind.on_failure(row)


def sweep() -> int:
    """Give back jobs whose lease ran out, and ring again for rows that wait unheard. Returns how many were touched."""
    return _end_lost() + _ring_again()


def _end_lost() -> int:
    touched = 0
    for job in Job.objects.filter(state=State.RUNNING, lease_expires_at__lt=Now())[:100]:
        try:
            fail(job, code="worker_lost", message="The worker that ran it was lost.", retry=True)
            touched += 1
        except LeaseLost:
            continue
    return touched


def _ring_again() -> int:
    """Only where the broker holds no ring of the queue: those that it holds will be heard."""
    unheard = Job.objects.filter(state=State.QUEUED, created_at__lt=_in(-1)).exclude(
        rung_at__gt=_in(-RING_AGAIN_SECONDS)
    )
    touched = 0
    for queue in list(unheard.order_by("queue").values_list("queue", flat=True).distinct()):
        if bell.waiting(queue) != 0:
            continue
        for job_id in list(unheard.filter(queue=queue).order_by("created_at").values_list("pk", flat=True)[:RINGS]):
            if not unheard.filter(pk=job_id).update(rung_at=Now()):
                continue  # another relay rings for this one
            if not bell.ring_now(str(job_id), queue):
                break
            touched += 1
    return touched


def seen(worker: str) -> None:
    """A worker is alive."""
    Worker.objects.update_or_create(name=worker, defaults={"seen_at": Now()})
    Worker.objects.filter(seen_at__lt=_in(-3600)).delete()
