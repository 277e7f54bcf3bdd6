"""ONNX models that were made elsewhere: answered as ONNX Runtime answers them, and hostile files refused unrun."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from datasets.models.versions import Version
from datasets.queries.versions import table_path
from experiments.environment import changed as changed_libraries
from experiments.models.runs import Run
from experiments.packaging import Bundle
from experiments.preparing import prepared
from experiments.services.models import register
from experiments.services.uploads import check_upload, start_upload
from experiments.taking_along import requirements
from experiments.uploading import onnx_models
from experiments.uploading.looking import look
from experiments.uploading.onnx_files import read
from jobs.models import Job
from jobs.report import Silent
from problems.problem import Invalid
from projects.models.define import Contract
from projects.permissions import Role
from storage.blobs import put_bytes, verified_path
from storage.models import Blob
from tests.conftest import Cast
from tests.experiments import onnx_made as made
from tests.experiments.tables import story, telco

URL = "/api/v1/projects/churn/runs/upload/"
NUMBERS, WORDS = ["tenure", "MonthlyCharges", "TotalCharges"], ["Contract", "InternetService", "PaymentMethod"]


@pytest.fixture(scope="module")
def forest() -> bytes:
    """A forest over the story, exported."""
    frame = story().to_pandas()
    return made.exported(made.fitted(frame, frame["left"], made.NUMBERS, made.WORDS), made.NUMBERS, made.WORDS)


@pytest.fixture
def upload(cast: Cast, run_jobs: Callable[[], list[Job]]) -> Callable[..., Run]:
    """Upload a model's bytes and let all of its jobs end, each in a limited child."""

    def bring(content: bytes, **stated: Any) -> Run:
        names = look(io.BytesIO(content), "model.onnx").names
        given = {"file": put_bytes(content), "file_name": "model.onnx", "names": names, "stated": stated}
        run, _ = start_upload(cast.project, **given, by=cast[Role.DATA_SCIENTIST])
        run_jobs()
        run.refresh_from_db()
        return run

    return bring


def asked(content: bytes, frame: pd.DataFrame, numbers: list[str], words: list[str]) -> Any:
    """The chances by ONNX Runtime alone, as a script asks for them."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # on several it adds up in another order
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    rows = {name: frame[[name]].to_numpy(np.float32) for name in numbers}
    rows |= {name: frame[[name]].fillna("").to_numpy(object) for name in words}
    return np.array([[one[key] for key in sorted(one)] for one in session.run(None, rows)[1]])


@pytest.mark.django_db(transaction=True)
def test_a_script_s_model_is_judged_registered_and_answers_as_in_the_runtime(
    cast: Cast, make_version: Callable[..., Version], sample_data: Path, targets: Contract, upload: Callable[..., Run]
) -> None:
    table = telco(sample_data)
    version = make_version(cast.project, table)
    wanted = {"target": "Churn", "inputs": NUMBERS + WORDS, "split": {"kind": "random", "seed": 11, "test_share": 0.25}}
    _, spec = check_upload(cast.project, names=[], stated=wanted, data=version)
    split = prepared({**spec, "kind": "binary", "table": table_path(version), "schema": version.schema}, Silent()).split
    frame = table.to_pandas()
    train, test = frame.iloc[split.train], frame.iloc[split.test]
    content = made.exported(made.fitted(train, train["Churn"], NUMBERS, WORDS), NUMBERS, WORDS)
    run = upload(content, **(wanted | {"inputs": []}))
    assert (run.state, run.message, run.spec["inputs"]) == (Run.State.FINISHED, "", NUMBERS + WORDS)

    said = asked(content, test, NUMBERS, WORDS)[:, 1]
    assert run.metrics["roc_auc"]["value"] == pytest.approx(roc_auc_score(test["Churn"] == "Yes", said), abs=1e-12)
    assert [one["name"] for one in run.verdicts] == ["Find the leavers", "Do not waste calls"]
    assert run.evaluation["uploaded"]["made_of"][:2] != []
    bundle = Bundle.open(verified_path(str(run.bundle_id)))
    rows = json.loads(test[NUMBERS + WORDS].head(50).to_json(orient="records"))
    answers = np.array([one.probability for one in bundle.predictor().predict(rows)])
    assert np.abs(answers - said[:50]).max() < 1e-12, np.abs(answers - said[:50])
    assert bundle.card["environment"]["packages"].keys() == {"numpy", "pyarrow", "onnxruntime"}
    assert "onnxruntime==" in requirements(bundle.card["environment"])
    assert changed_libraries({"packages": {"onnxruntime": "0.1"}})[0].startswith("onnxruntime 0.1 is ")
    assert register(run, name="churn", reason="bought", by=cast[Role.DATA_SCIENTIST]).bundle_id == run.bundle_id


@pytest.mark.django_db(transaction=True)
def test_numbers_in_one_table_and_answers_without_names_are_taken(
    cast: Cast, version: Version, upload: Callable[..., Run]
) -> None:
    frame = story().to_pandas().dropna(subset=["tenure", "price"])
    rows = frame[["tenure"]].to_numpy(float)
    net = make_pipeline(StandardScaler(), MLPClassifier(max_iter=40, random_state=1)).fit(rows, frame["left"] == "Yes")
    content = made.matrix(net, 1, zipmap=False)
    assert look(io.BytesIO(content), "m.onnx").names == []
    run = upload(content, target="left", inputs=["tenure"])
    assert run.state == Run.State.FINISHED, run.message
    assert run.metrics["roc_auc"]["value"] > 0.6
    assert any("taken in this order: “No”, “Yes”" in one["text"] for one in run.evaluation["warnings"])
    line = made.matrix(LinearRegression().fit(rows, 10 * (frame["left"] == "Yes")), 1)
    run = upload(line, target="left", inputs=["tenure"])
    assert (run.state, run.bundle_id) == (Run.State.FAILED, None)
    assert "scores that are no chances" in run.message


def _outside(model: Any) -> None:
    tensor = model.graph.initializer.add()
    tensor.name, tensor.data_type, tensor.data_location = "far", 1, 1
    tensor.dims.append(4)
    tensor.external_data.add(key="location", value="../../x")


def _giant(model: Any) -> None:
    model.graph.initializer.add(name="giant", data_type=1, dims=[1_000_000_000], raw_data=b"\0" * 16)


def _short(model: Any) -> None:
    model.graph.initializer.add(name="short", data_type=1, dims=[1000], raw_data=b"\0" * 16)


def _library(model: Any) -> None:
    model.opset_import.add(domain="my.library", version=1)
    model.graph.node.add(op_type="System", domain="my.library", input=["tenure"], output=["x"])


def _loop(model: Any) -> None:
    node = model.graph.node.add(op_type="Where", output=["x"])
    node.attribute.add(name="body", type=5).g.name = "again"


def _grow(model: Any) -> None:
    model.graph.node.add(op_type="ConstantOfShape", input=["shape"], output=["x"])


def _function(model: Any) -> None:
    model.functions.add(name="f", domain="")


def _tree(name: str, value: int, place: int = 0) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        made.setting(model, "TreeEnsembleClassifier", name).ints[place] = value

    return change


HOSTILE = [
    (_outside, "in another file"),
    (_giant, "1,000,000,000 values"),
    (_short, "more or fewer numbers"),
    (_library, "my.library"),
    (_loop, "a loop or a branch"),
    (_grow, "ConstantOfShape"),
    (_function, "functions of its own"),
    (_tree("nodes_truenodeids", 0), "TreeEnsembleClassifier in it does not hold together"),
    (_tree("nodes_falsenodeids", 1_000_000), "TreeEnsembleClassifier in it does not hold together"),
    (_tree("class_ids", 7), "TreeEnsembleClassifier in it does not hold together"),
    (_tree("nodes_featureids", -3), "TreeEnsembleClassifier in it does not hold together"),
]


@pytest.mark.parametrize(("change", "said"), HOSTILE)
def test_what_reaches_out_grows_loops_or_leads_astray_is_refused_unrun(
    forest: bytes, change: Callable[[Any], Any], said: str
) -> None:
    """A39."""
    assert look(io.BytesIO(forest), "model.onnx").names == [*made.NUMBERS, *made.WORDS]
    with pytest.raises(Invalid, match=said):
        look(io.BytesIO(made.changed(forest, change)), "model.onnx")


def test_torn_files_are_refused_wherever_they_are_cut(forest: bytes) -> None:
    for place in range(1, len(forest), len(forest) // 97):
        with pytest.raises(Invalid):
            read(forest[:place])
    for content in (b"\0" * 50, b"\x3a\x05", forest + b"\x3a\x02\x08", forest + forest):
        with pytest.raises(Invalid):
            read(content)
    svm = make_pipeline(SVC()).fit(np.arange(40.0).reshape(20, 2), np.arange(20) % 2)
    with pytest.raises(Invalid, match="SVMClassifier"):
        read(made.matrix(svm, 2))


def test_a_linear_model_with_more_factors_than_columns_is_refused_before_it_multiplies(forest: bytes) -> None:
    frame = story().to_pandas()
    columns = [frame[name].to_numpy() for name in made.NUMBERS + made.WORDS]
    model = made.fitted(frame, frame["left"], made.NUMBERS, made.WORDS, LogisticRegression(max_iter=500))
    content = made.exported(model, made.NUMBERS, made.WORDS)
    onnx_models.OnnxModel(content).refuse_astray(columns)

    def longer(message: Any) -> None:
        made.setting(message, "LinearClassifier", "coefficients").floats.extend([1.0] * 500)

    with pytest.raises(Invalid, match="columns that it is not given"):
        onnx_models.OnnxModel(made.changed(content, longer)).refuse_astray(columns)


@pytest.mark.django_db(transaction=True)
def test_a_forest_that_looks_beyond_its_columns_is_refused_by_the_job(
    cast: Cast, version: Version, forest: bytes, upload: Callable[..., Run]
) -> None:
    run = upload(made.changed(forest, _tree("nodes_featureids", 500)), target="left")
    assert (run.state, run.bundle_id) == (Run.State.FAILED, None)
    assert "looks at columns that it is not given" in run.message


@pytest.mark.django_db
def test_without_the_runtime_the_refusal_says_what_to_install(
    cast: Cast, version: Version, forest: bytes, api_of: Any, browser_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, before = api_of(cast[Role.DATA_SCIENTIST]), Blob.objects.count()
    taken = client.post(URL, {"file": SimpleUploadedFile("model.onnx", forest), "target": "left"})
    assert taken.status_code == 202, taken.json()
    assert Blob.objects.count() == before + 1
    monkeypatch.setattr(onnx_models, "RUNTIME", "no_such_runtime")
    answer = client.post(URL, {"file": SimpleUploadedFile("model.onnx", forest), "target": "left"})
    assert (answer.status_code, answer.json()["code"]) == (422, "not_installed")
    assert "requirements/onnx.txt" in answer.json()["detail"]
    page = browser_of(cast[Role.DATA_SCIENTIST]).get("/p/churn/train/upload/").content.decode()
    assert "once ONNX Runtime is installed here" in page


def test_chances_of_several_answers_come_in_the_order_of_the_file() -> None:
    frame = story().to_pandas().dropna(subset=["tenure", "price", "plan"])
    rows = frame[["tenure", "price"]].to_numpy(np.float32)
    model = LogisticRegression(max_iter=500).fit(rows, frame["plan"])
    for options in ({"zipmap": True}, {"zipmap": False}):
        ours = onnx_models.OnnxModel(made.matrix(model, 2, **options))
        assert ours.classes_ == model.classes_.tolist()
        columns = [rows[:, 0], rows[:, 1]]
        ours.refuse_astray(columns)
        found = ours.predict_proba(columns)
        assert found == pytest.approx(model.predict_proba(rows), abs=1e-5)
        one = np.vstack([ours.predict_proba([column[place : place + 1] for column in columns]) for place in range(50)])
        assert (one == found[:50]).all(), "one row is answered as among others, to the last bit"
