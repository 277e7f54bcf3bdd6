"""A genuine MLflow server is filled by its client and imported, with the worker killed in the middle: `make imports`.

pip makes the server's environment once; BATON_PEER_RUNS is how many runs it holds beside a metric of 10 000 points.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks._venvs import MLFLOW, python_with
from tests.experiments.clients import clean
from tests.live import Http, Instance, free_ports, until

SCRIPT = Path(__file__).with_name("peer_script.py")
RUNS, PATIENCE = int(os.environ.get("BATON_PEER_RUNS", "300")), 900
SAME = ("runs", "params", "metrics", "points")
pytestmark = pytest.mark.timeout(3 * PATIENCE)


def peer(place: Path, port: int) -> "subprocess.Popen[bytes]":
    """`mlflow server` as it comes."""
    binary = Path(python_with(*MLFLOW)).parent
    store = ["--backend-store-uri", f"sqlite:///{place / 'm.db'}", "--artifacts-destination", str(place / "files")]
    with (place / "output.txt").open("ab") as output:
        return subprocess.Popen([str(binary / "mlflow"), "server", "--port", str(port), "--workers", "2", *store],
                                cwd=place, env=clean() | {"PATH": f"{binary}:{os.environ['PATH']}"}, stdout=output,
                                stderr=output, start_new_session=True)  # fmt: skip


def asked(address: str, *words: str, token: str = "") -> str:
    """What the client says of a server."""
    own = {"MLFLOW_TRACKING_URI": address} | ({"MLFLOW_TRACKING_TOKEN": token} if token else {})
    done = subprocess.run([python_with(*MLFLOW), str(SCRIPT), *words], env=clean() | own, capture_output=True, text=True,
                          timeout=2 * PATIENCE, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def counted(address: str, token: str = "") -> dict[str, Any]:
    """How much is there, read back by the client."""
    found: dict[str, Any] = json.loads(asked(address, "count", token=token).strip().splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A filled server; BATON_PEER names one that is filled already."""
    if given := os.environ.get("BATON_PEER"):
        yield given
        return
    port, place = free_ports(), tmp_path_factory.mktemp("peer")
    process = peer(place, port)
    try:
        http = Http(f"http://127.0.0.1:{port}")
        until(lambda: _answers(http), 300, "the MLflow server")
        asked(http.base, "fill", str(RUNS))
        yield http.base
    finally:
        os.killpg(process.pid, 15)
        process.wait(30)


def _answers(http: Http) -> bool:
    try:
        return http.get("/health").status == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def live(there: str) -> Iterator[Instance]:
    """A running instance that may dial this server."""
    instance = Instance(BATON_OUTBOUND_ALLOW=there.removeprefix("http://"))
    try:
        yield instance.start().wait_for_worker()
    finally:
        instance.remove()


def test_a_server_is_brought_once_whatever_dies_meanwhile(live: Instance, there: str) -> None:
    admin = live.set_up()
    made = {"key": "brought", "name": "Brought", "question": "Who will leave?", "roles": ["owner", "data_scientist"]}
    assert admin.post("/api/v1/projects/", made).status == 201
    address = "/api/v1/projects/brought/logged/import/"
    started = admin.post(address, {"address": there})
    assert started.status == 202, started.text
    job = started.json["job"]["url"]
    assert admin.post(address, {"address": there}).status == 409, f"one at a time: {admin.get(job).text}"
    until(lambda: (admin.get(job).json["progress"]["done"] or 0) >= 60, PATIENCE, "a part of it")
    assert admin.get(job).json["state"] in ("running", "queued")
    live.kill("worker")
    until(lambda: admin.get(job).json["state"] in ("succeeded", "failed"), PATIENCE, "the import")
    ended = admin.get(job).json
    assert (ended["state"], ended["attempt"]) == ("succeeded", 2), ended
    result = ended["result"]
    print(json.dumps(result, indent=1))  # noqa: T201
    expected = counted(there)
    assert {name: result["here"][name] for name in SAME} == {name: expected[name] for name in SAME}
    assert result["left_count"] == 0, result["left"]
    assert result["there"]["runs"] == expected["runs"]
    ours = counted(f"{live.url}/p/brought/mlflow", admin.token)
    for name in (*SAME, "files", "bytes", "names", "versions", "states", "ids"):
        assert ours[name] == expected[name], name
    again = admin.post(address, {"address": there}).json["job"]["url"]
    until(lambda: admin.get(again).json["state"] in ("succeeded", "failed"), PATIENCE, "the second import")
    second = admin.get(again).json["result"]
    assert (second["brought"]["runs"], second["here"]) == (1, result["here"]), "only what still runs there comes anew"
    models_load(live, admin)


def models_load(live: Instance, admin: Http) -> None:
    """A registered model that was brought is loaded by its alias, and one in pickle is only bytes here."""
    code = "import mlflow; print(mlflow.sklearn.load_model('models:/leavers@champion').predict([[3.0]])[0])"
    own = {"MLFLOW_TRACKING_URI": f"{live.url}/p/brought/mlflow", "MLFLOW_TRACKING_TOKEN": admin.token}
    done = subprocess.run([python_with(*MLFLOW), "-c", code], env=clean() | own, capture_output=True, text=True,
                          timeout=PATIENCE, check=False)  # fmt: skip
    assert done.stdout.strip().endswith("1"), done.stderr[-2000:]
    lines = admin.get("/api/v1/projects/brought/runs/?columns=tags.baton.imported.from").json["results"]
    assert lines
