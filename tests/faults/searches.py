"""A search on two workers of which one is killed: every trial is accounted for, and none counts twice.

`make searches` does the same with 500 trials.
"""

import os

import pytest

from tests.faults.conftest import Patient
from tests.live import until

TRIALS = int(os.environ.get("BATON_TRIALS", "12"))
PATIENCE = 240  # seconds; a busy machine takes its time to start a worker
ROWS = b"plan,months,left\n" + b"".join(
    b"%s,%d,%s\n" % (b"flex" if n % 3 else b"year", n % 60, b"yes" if (n % 60 < 20) != (n % 7 == 0) else b"no")
    for n in range(300)
)
ROLES = ["owner", "data_engineer", "data_scientist"]


@pytest.mark.timeout(4 * PATIENCE + 4 * TRIALS)
def test_f38_a_worker_killed_in_the_middle_of_a_search_costs_no_trial_and_doubles_none(patient: Patient) -> None:
    admin = patient.live.set_up()
    body = {
        "key": "search",
        "name": "Search",
        "question": "Who will leave?",
        "roles": ["owner", "data_engineer", "data_scientist"],
    }
    assert admin.post("/api/v1/projects/", body).status == 201
    project = "/api/v1/projects/search"
    sent = admin.send("POST", f"{project}/datasets/rows/uploads/", files={"file": ("rows.csv", ROWS)})
    until(lambda: admin.get(sent.json["job"]["url"]).json["state"] == "succeeded", PATIENCE, "the ingestion")
    assert admin.post(f"{project}/datasets/rows/versions/1/publish/", {}).status == 200
    patient.live.another("worker")
    until(lambda: len(patient.http.get("/faults/workers/").json["names"]) >= 2, PATIENCE, "the second worker")

    plan = {"method": "logistic", "search": "random", "trials": TRIALS, "folds": 2, "prune": False, "seconds": 3600}
    started = admin.post(f"{project}/runs/", {"target": "left", "methods": ["logistic"], "tuning": plan})
    assert started.status == 202, started.text
    run = f"{project}/runs/{started.json['run']}/"

    def trials() -> dict[str, int]:
        counts: dict[str, int] = admin.get(run).json["search"]["trials"]
        return counts

    until(lambda: trials().get("finished") and len(patient.live.job_children()) >= 2, PATIENCE, "both workers at work")
    patient.live.kill("worker")
    until(lambda: admin.get(run).json["state"] != "waiting", PATIENCE + 3 * TRIALS, "the end of the run", every=0.5)
    ended = admin.get(run).json
    assert ended["state"] == "finished", (ended["message"], patient.live.log()[-3000:])
    assert trials() == {"finished": TRIALS}
    rows = [
        one
        for page in range(1, TRIALS // 50 + 2)
        for one in admin.get(f"{run}trials/?page={page}").json.get("results", [])
    ]
    assert sorted(one["number"] for one in rows) == list(range(1, TRIALS + 1))
    jobs = [
        one
        for page in range(1, 2 + TRIALS // 10)
        for one in admin.get(f"{project}/jobs/?page={page}").json.get("results", [])
    ]
    training = [job for job in jobs if job["kind"] in ("experiments.try", "experiments.train")]
    measured = [number for job in training for number in ((job.get("result") or {}).get("trials") or [])]
    assert len(measured) == len(set(measured))
    assert sum(job["kind"] == "experiments.train" for job in training) == 1
