"""The life of a job's row: claimed once, fenced, retried, cancelled, swept."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from audit.actors import Machine
from audit.models import Entry
from jobs import bell, registry, services
from jobs.models import Job, Line, State, Worker
from jobs.services import LeaseLost
from problems.problem import Conflict

ME = Machine("tests")
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def kind() -> Iterator[list[Job]]:
    """A kind that notes how it ended badly."""
    ended: list[Job] = []
    registry.job("tests.kind", queue="training", on_failure=ended.append)(lambda context: None)
    yield ended
    del registry.KINDS["tests.kind"]


def make(**fields: Any) -> Job:
    job = services.start("tests.kind", by=ME, title="A test", payload={"a": 1})
    Job.objects.filter(pk=job.pk).update(**fields)
    job.refresh_from_db()
    return job


def claimed(**fields: Any) -> Job:
    job = services.claim(str(make(**fields).pk), "worker-1")
    assert job is not None
    return job


def now_of(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


@pytest.fixture
def on_commit(django_capture_on_commit_callbacks: Any) -> Any:
    return django_capture_on_commit_callbacks


def test_a_started_job_waits_and_rings_only_after_the_commit(silent_bell: list[str], on_commit: Any) -> None:
    with on_commit(execute=True):
        job = make()
        assert silent_bell == []
    assert (job.state, job.queue, job.attempt) == (State.QUEUED, "training", 0)
    assert silent_bell == [str(job.pk)]


def test_a_job_of_a_transaction_that_failed_never_existed(silent_bell: list[str], on_commit: Any) -> None:
    def start_and_break() -> None:
        with transaction.atomic():
            make()
            raise ValueError

    with on_commit(execute=True), pytest.raises(ValueError):
        start_and_break()
    assert not Job.objects.exists()
    assert silent_bell == []


def test_a_job_is_claimed_once() -> None:
    job = make()
    first, second = services.claim(str(job.pk), "worker-1"), services.claim(str(job.pk), "worker-2")
    assert first is not None
    assert second is None
    assert (first.state, first.attempt, first.lease_token) == (State.RUNNING, 1, 1)
    assert first.lease_owner.startswith("worker-1:")
    assert first.started_at is not None


def test_a_beat_renews_the_lease_and_keeps_progress_and_lines() -> None:
    job = claimed()
    Job.objects.filter(pk=job.pk).update(lease_expires_at=timezone.now())
    assert services.beat(job, ["one", "nul \x00 and \ud800"], 3, 10, "working\x00") is False
    row = now_of(job)
    assert row.lease_expires_at > timezone.now()
    assert (row.done, row.total, row.progress_text, row.percent) == (3, 10, "working", 30)
    assert list(Line.objects.values_list("text", flat=True)) == ["one", "nul  and ?"]


def test_a_log_ends_at_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MAX_LINES", 3)
    job = claimed()
    services.beat(job, ["a", "b"], 0, None, "")
    services.beat(job, ["c", "d", "e"], 0, None, "")
    assert Line.objects.count() == 3


@pytest.mark.parametrize(
    "write",
    [
        lambda job: services.beat(job, [], 1, 2, ""),
        lambda job: services.succeed(job, {}),
        lambda job: services.fail(job, code="x", message="x", retry=True),
        services.cancelled,
        services.give_back,
    ],
)
def test_nothing_is_written_with_an_old_token(write: Any) -> None:
    old = claimed()
    services.fail(old, code="worker_lost", message="It was lost.", retry=True)
    new = services.claim(str(old.pk), "worker-2")
    assert new is not None
    with pytest.raises(LeaseLost):
        write(old)
    row = now_of(old)
    assert (row.state, row.lease_token, row.attempt) == (State.RUNNING, 2, 2)


def test_a_lost_lease_undoes_what_was_written_beside_it() -> None:
    old = claimed()
    services.fail(old, code="worker_lost", message="It was lost.", retry=True)

    @transaction.atomic
    def write_result() -> None:
        Worker.objects.create(name="a result", seen_at=timezone.now())
        services.succeed(old, {})

    with pytest.raises(LeaseLost):
        write_result()
    assert not Worker.objects.exists()


def test_a_retry_goes_back_to_the_queue_until_attempts_run_out(
    kind: list[Job], silent_bell: list[str], on_commit: Any
) -> None:
    job = make()
    for attempt in (1, 2, 3):
        taken = services.claim(str(job.pk), "worker")
        assert taken is not None
        assert taken.attempt == attempt
        with on_commit(execute=True):
            services.fail(taken, code="killed", message="It was killed.", retry=True)
    row = now_of(job)
    assert (row.state, row.code, row.message) == (State.FAILED, "killed", "It was killed.")
    assert [note["attempt"] for note in row.history] == [1, 2, 3]
    assert row.ended_at is not None
    assert [ended.state for ended in kind] == [State.FAILED]
    assert len(silent_bell) == 2


def test_an_error_that_no_retry_can_help_ends_at_once(kind: list[Job]) -> None:
    job = claimed()
    services.fail(job, code="bad_file", message="Line 3 is odd.", retry=False)
    assert now_of(job).state == State.FAILED
    assert len(kind) == 1


def test_a_job_that_was_given_back_lost_no_attempt() -> None:
    job = claimed()
    services.give_back(job)
    row = now_of(job)
    assert (row.state, row.attempt, row.lease_owner) == (State.QUEUED, 0, "")
    again = services.claim(str(job.pk), "worker-2")
    assert again is not None
    assert (again.attempt, again.lease_token) == (1, 2)


def test_cancelling_a_waiting_job_ends_it_and_is_in_the_audit(kind: list[Job]) -> None:
    job = services.cancel(make(), by=ME)
    assert (job.state, job.code) == (State.CANCELLED, "cancelled")
    assert [ended.state for ended in kind] == [State.CANCELLED]
    assert Entry.objects.filter(name="job.cancel_requested", subject_id=str(job.pk)).count() == 1
    assert services.claim(str(job.pk), "worker") is None


def test_cancelling_a_running_job_asks_and_the_next_beat_hears_it(kind: list[Job]) -> None:
    job = claimed()
    services.cancel(job, by=ME)
    services.cancel(job, by=ME)
    assert now_of(job).state == State.RUNNING
    assert Entry.objects.filter(name="job.cancel_requested").count() == 1
    assert services.beat(job, [], 0, None, "") is True
    services.cancelled(job)
    assert now_of(job).state == State.CANCELLED
    assert len(kind) == 1


@pytest.mark.parametrize("ending", ["fail", "give back", "sweep"])
def test_a_job_that_was_asked_to_stop_never_goes_back_to_the_queue(ending: str, kind: list[Job]) -> None:
    job = claimed()
    services.cancel(job, by=ME)
    if ending == "fail":
        services.fail(job, code="killed", message="It was killed.", retry=True)
    elif ending == "give back":
        services.give_back(job)
    else:
        Job.objects.filter(pk=job.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        services.sweep()
    assert now_of(job).state == State.CANCELLED
    assert len(kind) == 1


def test_cancelling_after_the_end_is_too_late() -> None:
    job = claimed()
    services.succeed(job, {"rows": 1})
    with pytest.raises(Conflict) as refusal:
        services.cancel(job, by=ME)
    assert refusal.value.code == "too_late"
    assert now_of(job).result == {"rows": 1}


def test_the_sweep_gives_back_only_what_outlived_its_lease() -> None:
    lost, held = claimed(), claimed()
    Job.objects.filter(pk=lost.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    services.sweep()
    assert (now_of(lost).state, now_of(lost).code) == (State.QUEUED, "worker_lost")
    assert now_of(held).state == State.RUNNING


def test_the_sweep_rings_for_jobs_that_nobody_heard_and_then_lets_them_be(silent_bell: list[str]) -> None:
    old, fresh = make(created_at=timezone.now() - timedelta(seconds=5)), make()
    services.sweep()
    services.sweep()
    assert silent_bell == [str(old.pk)]
    Job.objects.filter(pk=old.pk).update(rung_at=timezone.now() - timedelta(seconds=20))
    services.sweep()
    assert silent_bell == [str(old.pk)] * 2
    assert now_of(fresh).rung_at is None


@pytest.mark.parametrize("waiting", [5, None])
def test_the_sweep_adds_no_ring_where_rings_wait_or_the_broker_is_away(
    waiting: int | None, silent_bell: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bell, "waiting", lambda queue: waiting)
    make(created_at=timezone.now() - timedelta(seconds=5))
    services.sweep()
    assert silent_bell == []


def test_workers_are_seen_and_forgotten() -> None:
    Worker.objects.create(name="old", seen_at=timezone.now() - timedelta(hours=2))
    services.seen("new")
    services.seen("new")
    assert list(Worker.objects.values_list("name", flat=True)) == ["new"]
