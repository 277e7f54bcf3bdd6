"""Unchanged `mlflow` clients, the newest and one of 2.x, against a real instance: `make clients`, minutes.

Each has an environment of its own, made by pip once. In two projects at once, and nothing of one is seen in the other.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from benchmarks._venvs import MLFLOW, OLD_MLFLOW, python_with
from tests.live import Http, Instance, running, until

SCRIPT = Path(__file__).with_name("client_script.py")
PATIENCE = 600
ROWS = b"plan,months,left\n" + b"".join(
    b"%s,%d,%s\n" % (b"flex" if n % 3 else b"year", n % 60, b"yes" if (n % 60 < 20) != (n % 7 == 0) else b"no")
    for n in range(300)
)
pytestmark = pytest.mark.timeout(3 * PATIENCE)


@pytest.fixture(scope="module")
def live() -> Iterator[Instance]:
    """A running instance."""
    yield from running()


@pytest.fixture(scope="module")
def admin(live: Instance) -> Http:
    return live.set_up()


def project(admin: Http, key: str) -> str:
    """A project with one published version of the rows; its address in the API."""
    roles = ["owner", "data_engineer", "data_scientist"]
    body = {"key": key, "name": key, "question": "Who will leave?", "roles": roles}
    assert admin.post("/api/v1/projects/", body).status == 201
    address = f"/api/v1/projects/{key}"
    sent = admin.send("POST", f"{address}/datasets/rows/uploads/", files={"file": ("rows.csv", ROWS)})
    until(lambda: admin.get(sent.json["job"]["url"]).json["state"] == "succeeded", PATIENCE, "the ingestion")
    assert admin.post(f"{address}/datasets/rows/versions/1/publish/", {}).status == 200
    return address


def script(live: Instance, admin: Http, packages: tuple[str, ...], key: str, folder: Path) -> dict[str, Any]:
    """Run the notebook's script against a project with nothing but two variables set."""
    folder.mkdir()
    rows = folder / "rows.csv"
    rows.write_bytes(ROWS)
    own = {"MLFLOW_TRACKING_URI": f"{live.url}/p/{key}/mlflow", "MLFLOW_TRACKING_TOKEN": admin.token}
    done = subprocess.run(
        [python_with(*packages), str(SCRIPT), str(rows), f"{live.url}/p/{key}/data/rows/v1/"], cwd=folder,
        env={**clean(), **own}, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def clean() -> dict[str, str]:
    """The environment without what belongs to this process; some libraries of peers want their home."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ} | {
        "GIT_PYTHON_REFRESH": "quiet"
    }


def test_two_clients_log_whole_notebooks_into_two_projects_at_once(live: Instance, admin: Http, tmp_path: Path) -> None:
    addresses = {key: project(admin, key) for key in ("new", "old")}
    with ThreadPoolExecutor(2) as pool:
        jobs = {key: pool.submit(script, live, admin, packages, key, tmp_path / key)
                for key, packages in (("new", MLFLOW), ("old", OLD_MLFLOW))}  # fmt: skip
        said = {key: job.result() for key, job in jobs.items()}
    for key, other in (("new", "old"), ("old", "new")):
        address = f"/p/{key}/mlflow/api/2.0/mlflow/runs/get?run_id="
        assert admin.get(address + said[key]["manual"]).status == 200
        assert admin.get(address + said[other]["manual"]).status == 404
        runs = admin.get(f"{addresses[key]}/runs/?columns=data").json["results"]
        assert "rows/v1" in [run["columns"]["data"] for run in runs], "the link to the version is lineage"
    judged(admin, addresses["new"], said["new"]["model"])


def judged(admin: Http, address: str, model: str) -> None:
    """The logged model becomes a run, is judged, registered, and answers a row."""
    asked = admin.post(f"{address}/logged-models/{model}/judge/", {"dataset": "rows", "version": 1, "target": "left"})
    assert asked.status == 202, asked.text
    run = f"{address}/runs/{asked.json['run']}/"
    until(lambda: admin.get(run).json["state"] != "waiting", PATIENCE, "the model is measured")
    found = admin.get(run).json
    assert found["state"] == "finished", found["message"]
    registered = admin.post(f"{run}register/", {"name": "leavers", "reason": "It is good enough."})
    assert registered.status == 201, registered.text
    answer = admin.post(f"{run}ask/", {"row": {"plan": "flex", "months": 3}})
    assert answer.status == 202, answer.text
    until(lambda: admin.get(answer.json["job"]["url"]).json["state"] == "succeeded", PATIENCE, "the answer")
