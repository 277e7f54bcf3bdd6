"""Generated projects run their own tests and answer as the server does; the MLflow model is read by its own rules."""

import importlib.util
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from deployments.packages import mlflow_model, projects
from deployments.serving.inference import Facts, answer, load
from experiments import taking_along
from tests.deployments import stage

CARD = {"model": "churn", "version": 3, "facts": {"environment": {"python": "3.11.2", "packages": {"numpy": "2.4.6"}}}}
ASK = """
import json, sys
sys.path.insert(0, {folder!r})
from model import Model
print(json.dumps(Model().reply(json.dumps({{"rows": json.loads(sys.argv[1])}}).encode(), "r")["predictions"]))
"""


def unpacked(found: dict[str, bytes], folder: Path) -> Path:
    file = io.BytesIO()
    taking_along.write(file, found)
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder)
    return folder


def parts(trained: stage.Trained) -> dict[str, bytes]:
    return taking_along.parts(trained.bundle, card="# churn", facts=CARD, licences=[])


def python(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("BATON_PACKAGE_LIBRARIES", "")}
    return subprocess.run(
        [sys.executable, *command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def served(trained: stage.Trained, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return answer(load(trained.bundle, "b"), Facts("r", "d", "m", 1, "b"), rows, b"key", 0.0).predictions


@pytest.mark.parametrize("kind", ["fastapi", "flask"])
def test_a_generated_project_passes_its_own_tests_and_answers_as_the_server_does(kind, trained, tmp_path) -> None:
    if python("-c", f"import {kind}", cwd=tmp_path).returncode:
        pytest.skip(f"{kind} is not installed; name a folder of libraries in BATON_PACKAGE_LIBRARIES")
    folder = unpacked(projects.project(kind, parts(trained)), tmp_path)
    done = python("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_app.py", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "12 passed" in done.stdout
    rows = [*json.loads((folder / "sample_input.json").read_text()), stage.ROW, stage.ROW | {"plan": "never seen"}]
    done = python("-c", ASK.format(folder=str(folder)), json.dumps(rows), cwd=folder)
    assert done.returncode == 0, done.stderr
    found, wanted = json.loads(done.stdout), served(trained, rows)
    assert [one["answer"] for one in found] == [one["answer"] for one in wanted]
    assert [one["probability"] for one in found] == pytest.approx([one["probability"] for one in wanted], abs=1e-12)
    (folder / "card.md").write_text("a better card")
    assert "card.md was changed" in python("-c", "import app", cwd=folder).stderr


def test_the_mlflow_model_names_what_mlflow_reads_and_answers_frames(retrained, tmp_path) -> None:
    import pandas

    folder = unpacked(mlflow_model.model(parts(retrained)), tmp_path)
    head = (folder / "MLmodel").read_text()
    assert "loader_module: packaged_loader" in head
    line = next(line for line in head.splitlines() if line.startswith("  inputs: "))
    inputs = json.loads(json.loads(line.removeprefix("  inputs: ")))
    assert [(one["name"], one["type"], one["required"]) for one in inputs][:2] == [
        ("months", "long", True),
        ("charge", "double", False),
    ]
    spec = importlib.util.spec_from_file_location("packaged_loader", folder / "loader" / "packaged_loader.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rows = [stage.ROW, stage.ROW | {"charge": None}]
    found = module._load_pyfunc(str(folder / "data")).predict(pandas.DataFrame(rows))
    wanted = served(retrained, rows)
    assert list(found["answer"]) == [one["answer"] for one in wanted]
    assert list(found["probability"]) == pytest.approx([one["probability"] for one in wanted], abs=1e-12)
    with pytest.raises(ValueError, match="row 0, months: must be a number"):
        module._load_pyfunc(str(folder / "data")).predict(pandas.DataFrame([stage.ROW | {"months": "x"}]))
