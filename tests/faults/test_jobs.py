"""F01-F04, F13-F15: what happens to jobs when their processes die, hang, repeat or are asked to stop."""

import os
import signal
import time

import pytest
from celery import Celery

from tests.faults.conftest import Patient
from tests.live import until


def test_f01_a_killed_child_is_tried_again_once_and_leaves_one_result(patient: Patient) -> None:
    job_id = patient.start("sleep", seconds=3)
    os.kill(patient.child_of(job_id), signal.SIGKILL)
    job = patient.end_of(job_id)
    assert (job["state"], job["attempt"], job["times_done"]) == ("succeeded", 2, 1)
    assert job["history"][0]["code"] == "killed"


def test_f02_a_killed_worker_loses_nothing_and_its_child_ends_with_it(patient: Patient) -> None:
    job_id = patient.start("sleep", seconds=4)
    child = patient.child_of(job_id)
    before = patient.live.kill("worker")
    until(lambda: not os.path.exists(f"/proc/{child}"), 5, "the orphan's end")
    job = patient.end_of(job_id, seconds=36)
    assert (job["state"], job["attempt"], job["times_done"]) == ("succeeded", 2, 1)
    assert job["history"][0]["code"] == "worker_lost"
    assert patient.live.pids()["worker"] != before


def test_f03_a_job_that_always_dies_ends_after_three_attempts_and_harms_no_other(patient: Patient) -> None:
    dying, healthy = patient.start("killed"), patient.start("sleep", seconds=1)
    job = patient.end_of(dying)
    assert (job["state"], job["attempt"], job["code"]) == ("failed", 3, "killed")
    assert job["message"] == "Its process was killed (out of memory?)."
    assert patient.end_of(healthy)["state"] == "succeeded"


@pytest.mark.parametrize(
    ("engine", "code", "words"),
    [
        ("memory_error", "memory_limit", "more memory than the 1024 MB"),
        ("segfault", "crashed", "SIGSEGV"),
        ("quits", "no_answer", "without an answer"),
        ("exits", "error", "SystemExit"),
        ("unpicklable", "error", "Odd"),
        ("not_json", "error", "TypeError"),
    ],
)
def test_f04_whatever_a_child_does_the_worker_lives_and_the_reason_has_a_name(
    patient: Patient, engine: str, code: str, words: str
) -> None:
    worker = patient.live.pids()["worker"]
    job = patient.end_of(patient.start(engine))
    assert (job["state"], job["code"], job["attempt"]) == ("failed", code, 1)
    assert words in job["message"]
    assert patient.end_of(patient.start_kind("faults.light")[0])["state"] == "succeeded"
    assert patient.live.pids()["worker"] == worker


@pytest.mark.parametrize("kind", ["faults.memory_in_worker", "faults.exit_in_worker"])
def test_f04_an_error_that_ends_processes_never_leaves_a_task(patient: Patient, kind: str) -> None:
    worker = patient.live.pids()["worker"]
    job = patient.end_of(patient.start_kind(kind)[0])
    assert (job["state"], job["code"]) == ("failed", "error")
    assert patient.end_of(patient.start_kind("faults.light")[0])["state"] == "succeeded"
    assert patient.live.pids()["worker"] == worker


def test_f13_many_rings_and_two_workers_start_a_job_once(patient: Patient) -> None:
    patient.live.another("worker")
    until(lambda: len(patient.http.get("/faults/workers/").json["names"]) >= 2, 30, "the second worker")
    job_id = patient.start("sleep", seconds=2)
    bell = Celery(broker=patient.broker.url)
    for _ in range(10):
        bell.send_task("jobs.run", args=[job_id], queue="training", ignore_result=True)
    job = patient.end_of(job_id)
    for _ in range(2):
        bell.send_task("jobs.run", args=[job_id], queue="training", ignore_result=True)
    until(lambda: patient.live.log().count(f"Job {job_id} is already claimed or over.") >= 10, 20, "the other rings")
    job = patient.job(job_id)
    assert (job["state"], job["attempt"], job["lease_token"], job["times_done"]) == ("succeeded", 1, 1, 1)


def test_f14_a_worker_that_outlives_its_lease_cannot_write(patient: Patient) -> None:
    job_id = patient.start("sleep", seconds=4)
    patient.child_of(job_id)
    patient.live.another("worker")
    frozen = patient.live.pause("worker")
    try:
        until(lambda: patient.job(job_id)["lease_token"] == 2, 40, "the second worker's claim")
    finally:
        patient.live.resume(frozen)
    job = patient.end_of(job_id)
    until(lambda: f"Job {job_id} went to another worker" in patient.live.log(), 20, "the refusal of the first")
    assert (job["state"], job["attempt"], job["times_done"]) == ("succeeded", 2, 1)
    assert patient.job(job_id)["times_done"] == 1


def test_f19_a_worker_that_is_asked_to_stop_gives_its_job_back_and_no_attempt_is_lost(patient: Patient) -> None:
    job_id = patient.start("sleep", seconds=60)
    child = patient.child_of(job_id)
    patient.live.kill("worker", signal.SIGTERM)
    until(lambda: patient.job(job_id)["lease_token"] == 2, 40, "the next worker's claim")
    job = patient.job(job_id)
    assert (job["state"], job["attempt"], job["history"]) == ("running", 1, [])
    assert not os.path.exists(f"/proc/{child}")
    patient.cancel(job_id)
    assert patient.end_of(job_id, 10)["state"] == "cancelled"


def test_f15_a_job_that_waits_is_cancelled_at_once(patient: Patient) -> None:
    blockers = [patient.start("sleep", seconds=30) for _ in range(2)]
    for blocker in blockers:
        patient.wait(blocker, "running")
    waiting = patient.start("sleep", seconds=1)
    assert patient.cancel(waiting).json["state"] == "cancelled"
    for blocker in blockers:
        patient.cancel(blocker)
    for job_id in [*blockers, waiting]:
        assert patient.end_of(job_id, 10)["state"] == "cancelled"
    assert patient.job(waiting)["attempt"] == 0


def test_f15_a_job_that_runs_is_cancelled_within_ten_seconds_and_its_child_is_gone(patient: Patient) -> None:
    job_id = patient.start("sleep", seconds=60)
    child = patient.child_of(job_id)
    assert patient.cancel(job_id).status == 200
    assert patient.cancel(job_id).status in (200, 409)  # twice is no harm
    job = patient.end_of(job_id, seconds=10)
    assert (job["state"], job["times_done"]) == ("cancelled", 0)
    assert not os.path.exists(f"/proc/{child}")
    late = patient.cancel(job_id)
    assert (late.status, late.json["code"]) == (409, "too_late")


def test_f15_cancelling_at_the_very_start_or_end_is_either_cancelled_or_too_late(patient: Patient) -> None:
    for seconds in (0.1, 0.3, 0.6):
        job_id = patient.start("sleep", seconds=0.3)
        time.sleep(seconds)
        reply = patient.cancel(job_id)
        job = patient.end_of(job_id, seconds=10)
        if reply.status == 409:
            assert job["state"] == "succeeded"
        else:
            assert job["state"] in ("cancelled", "succeeded")
        assert job["times_done"] == (1 if job["state"] == "succeeded" else 0)
