"""A version as ONNX: the same answers as the stored pipeline, proved before it is offered, and refused with a reason."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from deployments.packages import onnx_engine, onnx_file, onnx_graph, onnx_package
from deployments.queries.packages import onnx_standing
from experiments import training
from experiments.compiled.proof import TOLERANCE
from experiments.estimators.catalog import FAMILIES
from experiments.models.registry import ModelVersion
from jobs.models import Job
from jobs.report import Silent
from projects.permissions import Role
from tests.deployments import stage

FACTS = {"model": "churn", "version": "1", "bundle": "b"}
NEEDS = pytest.mark.skipif(
    subprocess.run([sys.executable, "-c", "import onnxruntime"], capture_output=True, check=False).returncode != 0,
    reason="needs onnxruntime: requirements/onnx.txt",
)
EMPTY = {"content_type": "application/json"}
COMPILED = ["dummy", "logistic", "forest", "extra_trees", "boosted"]


def other(folder: Path, kind: str, target: str, method: str, **settings: Any) -> stage.Trained:
    """The story of `stage` with another question: a number, or one of three plans."""
    first = stage.train(folder / "first", rows=600)
    inputs = [name for name in ("months", "charge", "plan", "left") if name != target]
    methods = {method: FAMILIES[method].checked(settings, "methods")}
    spec = first.spec | {"target": target, "positive": "", "inputs": inputs, "methods": methods}
    asked = spec | {
        "kind": kind,
        "table": str(first.table),
        "schema": stage.SCHEMA,
        "goals": [],
        "unit": "",
        "run": "r",
    }
    answer = training.run(asked | {"data_sha256": "0" * 64}, folder, Silent())
    return stage.Trained(first.table, folder / "bundle.zip", answer, spec)


def proved(trained: stage.Trained, folder: Path, kind: str = "binary") -> dict[str, Any]:
    spec = trained.spec | {
        "kind": kind, "table": str(trained.table), "schema": stage.SCHEMA, "goals": [], "unit": "", "run": "r",
        "data_sha256": "0" * 64, "bundle": str(trained.bundle), "attributes": [], "facts": FACTS,
    }  # fmt: skip
    return onnx_engine.run(spec, folder, Silent())


@NEEDS
@pytest.mark.parametrize("method", COMPILED)
def test_what_is_compiled_answers_the_same_as_onnx(method, tmp_path) -> None:
    found = proved(stage.train(tmp_path, method=method), tmp_path)
    assert found["refused"] == ""
    assert found["rows"] > 200  # held-back rows, and some of them with gaps, unseen words and far numbers
    assert found["difference"] < 1e-12


@NEEDS
@pytest.mark.parametrize("method", ["linear", "forest", "boosted"])
def test_numbers_answer_the_same(method, tmp_path) -> None:
    found = proved(other(tmp_path, "regression", "charge", method), tmp_path, "regression")
    assert (found["refused"], found["difference"] < 1e-9) == ("", True)


@NEEDS
@pytest.mark.parametrize("method", ["logistic", "forest", "boosted"])
def test_one_of_several_answers_the_same(method, tmp_path) -> None:
    found = proved(other(tmp_path, "multiclass", "plan", method), tmp_path, "multiclass")
    assert (found["refused"], found["difference"] < 1e-9) == ("", True)


def test_what_is_not_compiled_is_refused_with_its_reason(tmp_path) -> None:
    pytest.importorskip("onnxruntime")
    found = proved(stage.train(tmp_path, method="neighbours"), tmp_path)
    assert found["refused"].startswith("Only compiled models are written as ONNX.")
    assert found["sha256"] == ""


@NEEDS
def test_a_graph_that_answers_otherwise_is_not_offered(trained, tmp_path, monkeypatch) -> None:
    linear = onnx_graph._linear
    monkeypatch.setattr(onnx_graph, "_linear", lambda graph, features, weights: linear(graph, features, weights * 1.01))
    found = proved(trained, tmp_path)
    assert found["refused"].startswith("As ONNX ")
    assert found["difference"] > TOLERANCE
    assert found["sha256"] == ""


def test_an_empty_text_that_is_a_word_cannot_be_a_gap(trained) -> None:
    from experiments.compiled.preparing import Words

    with pytest.raises(onnx_graph.NoOnnx, match="empty text"):
        onnx_graph._looked_up(onnx_file.Graph(), "plan", Words({"": 0, "flex": 1}, np.zeros((3, 1)), np.array([0])))


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_numbers_are_written_as_protobuf_has_them(values: list[int]) -> None:
    found, at = [], 0
    content = onnx_file.varints(values)
    while at < len(content):
        value = shift = 0
        while True:
            byte = content[at]
            value |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if byte < 0x80:
                break
        found.append(value - 2**64 if value >= 2**63 else value)
    assert found == values


def test_the_file_is_sound_by_the_rules_of_the_format(retrained) -> None:
    onnx = pytest.importorskip("onnx")
    onnx.checker.check_model(onnx.load_from_string(onnx_package.file_of(retrained.bundle, FACTS)))


# ---- Asked for, proved in a job, downloaded ----


@pytest.fixture
def version(cast, own_folder, trained) -> ModelVersion:
    return stage.version_of(cast.project, trained)


@NEEDS
@pytest.mark.django_db
def test_it_is_downloaded_after_it_was_proved_and_its_script_answers(
    version, cast, api_of, browser_of, run_jobs, tmp_path
):
    api = api_of(cast[Role.ML_ENGINEER])
    path = "/api/v1/projects/churn/models/churn-classifier/versions/1/package/onnx/"
    early = api.get(path)
    assert (early.status_code, early.json()["code"]) == (409, "not_proved")
    assert api_of(cast[Role.VIEWER]).post(path, **EMPTY).status_code == 403
    assert api.post(path.replace("onnx", "flask"), **EMPTY).status_code == 409
    assert api.post(path, **EMPTY).status_code == 202
    assert api.post(path, **EMPTY).status_code == 409  # it is under way
    page = reverse("model-version", args=["churn", "churn-classifier", 1])
    run_jobs()
    assert "Proved" in browser_of(cast[Role.ML_ENGINEER]).get(page).content.decode()
    answer = api.get(path)
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:
        archive.extractall(tmp_path)
    assert json.loads((tmp_path / "parity.json").read_text())["rows"] == onnx_standing(version).rows
    assert not (tmp_path / "bundle.zip").exists()
    done = subprocess.run(
        [sys.executable, "predict.py"], cwd=tmp_path, capture_output=True, text=True, check=False, env={"PATH": ""}
    )
    assert done.returncode == 0, done.stderr
    rows, wanted = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("sample_input", "expected_output"))
    said = json.loads(done.stdout)
    assert len(said) == len(rows)
    assert [one["chances"][1] for one in said] == pytest.approx([one["probability"] for one in wanted], abs=1e-12)


@pytest.mark.django_db
def test_a_refusal_stands_on_the_page_and_in_the_answer(cast, own_folder, browser_of, api_of, run_jobs, tmp_path):
    stage.version_of(cast.project, stage.train(tmp_path, method="neighbours"))
    engineer = browser_of(cast[Role.ML_ENGINEER])
    page = reverse("model-version", args=["churn", "churn-classifier", 1])
    assert "Make it and compare" in engineer.get(page).content.decode()
    assert engineer.post(f"{page}prove-onnx/").status_code == 302
    run_jobs()
    assert Job.objects.get(kind="deployments.prove_onnx").state == "succeeded"
    assert "Not offered" in engineer.get(page).content.decode()
    path = "/api/v1/projects/churn/models/churn-classifier/versions/1/package/onnx/"
    answer = api_of(cast[Role.ML_ENGINEER]).get(path)
    assert (answer.status_code, answer.json()["code"]) == (409, "no_onnx")
