"""Clients that nobody here wrote, against a real prediction server: MLflow's scoring client, `wrk`, and schemathesis.

`make scoring` and `make fuzz`. Each has an environment of its own, made by pip once; `wrk` is skipped where it is absent.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks._venvs import MLFLOW, SCHEMATHESIS, python_with
from deployments.models import Deployment
from deployments.queries.predictions import recent_predictions
from deployments.services.keys import make_key
from projects.permissions import Role
from tests.deployments import stage
from tests.deployments.test_onnx import other
from tests.deployments.test_server import ALL

HERE = Path(__file__).parent
EXAMPLES = int(os.environ.get("BATON_FUZZ_EXAMPLES", "200"))
Live = tuple[stage.PredictionServer, Deployment, str]


def test_the_scoring_client_of_mlflow_is_answered(live: Live, tmp_path: Path) -> None:
    server, deployment, key = live
    rows = [stage.ROW, stage.ROW | {"charge": None}, stage.ROW | {"months": 50, "plan": "never seen"}]
    wanted = server.predict({"rows": rows}, key)[1]["predictions"]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    script = [
        str(HERE / "mlflow_client_script.py"),
        "127.0.0.1",
        str(server.port),
        key,
        str(tmp_path / "rows.json"),
    ]
    done = subprocess.run([python_with(*MLFLOW), *script], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["frame"] == found["lists"] == [one["answer"] for one in wanted]
    assert "charge" in found["refusal"]
    assert len(recent_predictions(deployment, ALL)) == 9


@pytest.mark.skipif(not shutil.which("wrk"), reason="wrk is not installed: apt-get install wrk")
def test_wrk_sees_nothing_but_answers(live: Live, tmp_path: Path) -> None:
    server, deployment, key = live
    body = json.dumps({"row": stage.ROW})
    script = tmp_path / "post.lua"
    script.write_text(
        f"wrk.method = 'POST'\nwrk.body = '{body}'\nwrk.headers['Authorization'] = 'Bearer {key}'\n"
        "wrk.headers['Content-Type'] = 'application/json'\n"
    )
    url = f"http://127.0.0.1:{server.port}/v1/deployments/{deployment.name}/predict"
    done = subprocess.run(
        ["wrk", "-t", "2", "-c", "32", "-d", "5s", "--latency", "-s", str(script), url],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    print(done.stdout)  # noqa: T201  the figures are what `make scoring` is for
    assert "Non-2xx" not in done.stdout
    assert "Socket errors" not in done.stdout
    asked = int(re.findall(r"(\d+) requests in", done.stdout)[0])
    assert asked > 100
    server.stop()
    metrics = recent_predictions(deployment, ALL, limit=100)
    assert len({row.id for row in metrics}) == 100


@pytest.fixture
def fuzzed(
    shared_cast: Any, server: stage.PredictionServer, trained: stage.Trained, tmp_path: Path
) -> Iterator[tuple[stage.PredictionServer, list[str], str]]:
    """A server with a question of each kind, and one key for all."""
    by = shared_cast[Role.ML_ENGINEER]
    made = {
        "churn-classifier": trained,
        "price": other(tmp_path / "price", "regression", "charge", "boosted"),
        "plans": other(tmp_path / "plans", "multiclass", "plan", "neighbours"),
    }
    for name, one in made.items():
        release = stage.put_into_use(stage.version_of(shared_cast.project, one, name=name), by)
    first, *also = made
    deployment = Deployment.objects.get(name=first)
    _, key = make_key(deployment, name="fuzz", days=1, by=by, also=also)
    assert release
    with stage.running(server):
        yield server, list(made), key


@pytest.mark.timeout(7200)
def test_schemathesis_finds_nothing_but_answers_and_refusals(
    fuzzed: tuple[stage.PredictionServer, list[str], str], tmp_path: Path
) -> None:
    server, names, key = fuzzed
    program = str(Path(python_with(*SCHEMATHESIS)).with_name("schemathesis"))
    for name in names:
        status, _, document = server.get(f"/v1/deployments/{name}/openapi.json", Authorization=f"Bearer {key}")
        assert status == 200
        (tmp_path / "api.json").write_bytes(document)
        done = subprocess.run(
            [program, "run", str(tmp_path / "api.json"), "--url", f"http://127.0.0.1:{server.port}",
             "--header", f"Authorization: Bearer {key}", "--max-examples", str(EXAMPLES), "--suppress-health-check", "all",
             "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
             "--seed", "7", "--continue-on-failure", "--no-color"],
            capture_output=True, text=True, check=False, cwd=tmp_path,
        )  # fmt: skip
        print(name, done.stdout[-1500:])  # noqa: T201
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert server.predict({"row": stage.ROW}, key)[0] == 200
