"""An ONNX model from elsewhere in use: rehearsed, answered by the prediction server and by its package, bit for bit."""

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
import pytest

from deployments import rehearsal
from deployments.services.keys import make_key
from deployments.serving.inference import load
from experiments import taking_along
from experiments.uploading import engine
from jobs.report import Silent
from projects.permissions import Role
from tests.conftest import Cast
from tests.deployments import stage
from tests.experiments import onnx_made as made

NUMBERS, WORDS = ["months", "charge"], ["plan"]


@pytest.fixture(scope="module")
def taken(trained: stage.Trained, tmp_path_factory: pytest.TempPathFactory) -> tuple[stage.Trained, bytes]:
    """A forest that somebody exported, taken in over the rows of the story; and its file."""
    folder = tmp_path_factory.mktemp("onnx")
    frame = parquet.read_table(trained.table).to_pandas()
    content = made.exported(made.fitted(frame, frame["left"], NUMBERS, WORDS), NUMBERS, WORDS)
    (folder / "model.onnx").write_bytes(content)
    spec = trained.spec | {"inputs": NUMBERS + WORDS, "methods": {"uploaded": {}}}
    told = {"kind": "binary", "table": str(trained.table), "schema": stage.SCHEMA, "goals": [], "unit": ""}
    told |= {
        "run": "run 1",
        "data_sha256": "0" * 64,
        "file": str(folder / "model.onnx"),
        "uploaded": {"file": "m.onnx"},
    }
    answer = engine.run(spec | told, folder, Silent())
    return stage.Trained(trained.table, folder / "bundle.zip", answer, spec), content


def rows_of(trained: stage.Trained) -> list[dict[str, Any]]:
    frame = parquet.read_table(trained.table).to_pandas()[NUMBERS + WORDS].head(40)
    return list(json.loads(frame.to_json(orient="records")))


def by_script(content: bytes, rows: list[dict[str, Any]]) -> Any:
    """The chance of a yes by ONNX Runtime alone, on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    given = {name: np.array([[row[name]] for row in rows], dtype=np.float32) for name in NUMBERS}
    given |= {name: np.array([[row[name]] for row in rows], dtype=object) for name in WORDS}
    return np.array([one["yes"] for one in session.run(None, given)[1]])


def test_the_server_answers_as_a_script_does(
    shared_cast: Cast, server: stage.PredictionServer, taken: tuple[stage.Trained, bytes], tmp_path: Path
) -> None:
    trained, content = taken
    found = rehearsal.run({"bundle": str(trained.bundle)}, tmp_path, Silent())
    assert (found["different"], found.get("changed", [])) == (0, [])
    by = shared_cast[Role.ML_ENGINEER]
    release = stage.put_into_use(stage.version_of(shared_cast.project, trained), by)
    _, secret = make_key(release.deployment, name="shop", days=30, by=by)
    rows = rows_of(trained)
    wanted = by_script(content, rows)
    with stage.running(server):
        status, answer = server.predict({"rows": rows}, secret)
        assert status == 200, answer
        assert [one["probability"] for one in answer["predictions"]] == wanted.tolist()
        status, answer = server.predict({"row": rows[3]}, secret)
        assert answer["predictions"][0]["probability"] == wanted[3]
        assert server.predict({"row": rows[3] | {"plan": "never seen"}}, secret)[0] == 200
        assert server.predict({"row": rows[3] | {"months": "3"}}, secret)[0] == 422


def test_its_package_answers_without_the_platform(taken: tuple[stage.Trained, bytes], tmp_path: Path) -> None:
    trained, content = taken
    card = {"facts": {"environment": trained.answer["environment"]}}
    parts = taking_along.parts(trained.bundle, card="# churn", facts=card, licences=[])
    file = io.BytesIO()
    taking_along.write(file, parts)
    with zipfile.ZipFile(file) as archive:
        archive.extractall(tmp_path)
    assert "onnxruntime==" in (tmp_path / "requirements.txt").read_text()
    done = subprocess.run(
        [sys.executable, "predict.py"], cwd=tmp_path, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "sample_input.json").read_text())
    assert [one["probability"] for one in json.loads(done.stdout)] == by_script(content, rows).tolist()


def test_a_bundle_cannot_hide_another_model_behind_its_name(taken: tuple[stage.Trained, bytes], tmp_path: Path) -> None:
    trained, _ = taken
    with zipfile.ZipFile(trained.bundle) as old, zipfile.ZipFile(tmp_path / "b.zip", "w") as new:
        for name in old.namelist():
            new.writestr(name, b"PK\x03\x04" if name == "model.onnx" else old.read(name))
    with pytest.raises(Exception, match="whole ONNX file"):
        load(tmp_path / "b.zip", "b")
