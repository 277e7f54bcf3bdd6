"""A v2 client that nobody here wrote, `tritonclient`, against a prediction server: `make tensors`.

It has an environment of its own, made by pip once, and is called as its documentation says: bytes both ways by default.
"""

import json
import subprocess
from pathlib import Path

import numpy as np

from benchmarks._venvs import TRITON, python_with
from deployments.services.keys import make_key
from projects.permissions import Role
from tests.deployments import stage

SCRIPT = Path(__file__).with_name("v2_client_script.py")
COUNT = 1_000


def test_the_client_gets_the_same_answers_by_bytes_and_by_json_and_understands_refusals(
    shared_cast, server, trained, tmp_path
):
    by = shared_cast[Role.ML_ENGINEER]
    deployment = stage.put_into_use(stage.version_of(shared_cast.project, trained), by).deployment
    _, key = make_key(deployment, name="triton", days=30, by=by)
    chance = np.random.default_rng(5)
    charges = chance.normal(60, 20, COUNT).round(2)
    charges[::50] = np.nan  # a gap, as frames have it; JSON cannot say it
    columns = {
        "months": chance.integers(1, 60, COUNT).tolist(),
        "charge": charges.tolist(),
        "plan": chance.choice(["flex", "year", "never seen"], COUNT).tolist(),
    }
    plain = columns | {"charge": [None if one != one else one for one in charges.tolist()]}
    rows = [dict(zip(plain, values, strict=True)) for values in zip(*plain.values(), strict=True)]
    file = tmp_path / "columns.json"
    file.write_text(json.dumps(columns))
    python = python_with(*TRITON)
    with stage.running(server):
        command = [python, str(SCRIPT), f"127.0.0.1:{server.port}", deployment.name, key, str(file)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr[-4000:]
        status, own = server.predict({"rows": rows}, key)
    assert status == 200
    found = json.loads(done.stdout)
    assert found["chances"] == [one["probability"] for one in own["predictions"]]
    assert found["answers"] == [one["answer"] for one in own["predictions"]]
    assert [status for status, _ in found["refusals"]] == ["404", "422", "401"]
