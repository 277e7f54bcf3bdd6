"""F08-F10: a broker that restarts, forgets everything, is away, or is frozen costs time and nothing else."""

from collections.abc import Iterator

import pytest

from tests.faults.conftest import Patient
from tests.live import until


@pytest.fixture
def patient(patient: Patient) -> Iterator[Patient]:
    """The same, with a broker that is well afterwards."""
    yield patient
    patient.broker.thaw()
    patient.broker.stop()
    patient.broker.start()


@pytest.mark.parametrize("loss", ["restart", "restart that forgets", "flush"])
def test_f08_a_hundred_waiting_jobs_outlive_the_broker_and_each_is_done_once(patient: Patient, loss: str) -> None:
    worker = patient.live.pause("worker")
    ids = patient.start_kind("faults.light", count=100)
    if loss == "flush":
        assert patient.broker.ask("FLUSHALL").startswith("+OK")
    else:
        patient.broker.stop()
        patient.broker.start(keep=loss == "restart")
    patient.live.resume(worker)

    def states() -> list[tuple[str, int]]:
        shown = {job["id"]: job for job in patient.http.get("/faults/light/").json["jobs"]}
        return [(shown[job_id]["state"], shown[job_id]["times_done"]) for job_id in ids]

    until(lambda: all(state == "succeeded" for state, _ in states()), 60, "all hundred", every=1)
    assert states() == [("succeeded", 1)] * 100


def test_f09_while_the_broker_is_down_a_job_is_accepted_at_once_and_starts_when_it_returns(patient: Patient) -> None:
    patient.broker.stop()
    reply = patient.http.post("/faults/jobs/", {"kind": "faults.light"})
    assert reply.status == 202
    assert reply.seconds < 2
    (job_id,) = reply.json["ids"]
    assert patient.job(job_id)["state"] == "queued"
    until(lambda: not patient.http.get("/faults/workers/").json["alive"], 45, "pages say that no worker listens", 1)
    patient.broker.start()
    assert patient.end_of(job_id, 30)["state"] == "succeeded"
    until(lambda: patient.http.get("/faults/workers/").json["alive"], 15, "pages say that a worker listens", 1)


def test_f10_while_the_broker_is_frozen_no_request_waits_for_it(patient: Patient) -> None:
    patient.broker.freeze()
    slowest, ids = {}, []
    for _ in range(8):
        reply = patient.http.post("/faults/jobs/", {"kind": "faults.light"})
        ids += reply.json["ids"]
        slowest["start a job"] = max(slowest.get("start a job", 0), reply.seconds)
        for path in ("/sign-in/", "/healthz", "/readyz"):
            page = patient.http.get(path)
            assert page.status < 500, path
            slowest[path] = max(slowest.get(path, 0), page.seconds)
    assert {path: seconds for path, seconds in slowest.items() if seconds > 3} == {}
    patient.broker.thaw()
    for job_id in ids:
        job = patient.end_of(job_id, 40)
        assert (job["state"], job["times_done"]) == ("succeeded", 1)
