"""Models that were made elsewhere: a plain script's scores come out the same, and hostile files are refused unbuilt."""

import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from django.core.files.uploadedfile import SimpleUploadedFile
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, recall_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from datasets.models.versions import Version
from datasets.queries.versions import table_path
from experiments.models.evaluations import Evaluation
from experiments.models.runs import Cause, Run
from experiments.packaging import TRUSTED, Bundle
from experiments.preparing import prepared
from experiments.services.models import register
from experiments.services.runs import reproduce, start_run
from experiments.services.uploads import check_upload, forget_files, start_upload
from experiments.uploading.looking import look
from experiments.uploading.outside import Outside
from experiments.uploading.soundness import refuse_unsound
from jobs.models import Job
from jobs.report import Silent
from problems.problem import Conflict, Invalid, TooLarge
from projects.models.define import Contract
from projects.permissions import Role
from storage.blobs import put_bytes, verified_path
from storage.models import Blob
from tests.conftest import Cast
from tests.experiments.tables import story, telco

Make = Callable[..., Version]
URL = "/api/v1/projects/churn/runs/upload/"
NUMBERS, WORDS = ["tenure", "MonthlyCharges", "TotalCharges"], ["Contract", "InternetService", "PaymentMethod"]


class Marked:
    """Whoever unpickles this leaves a mark."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path("unpickled").touch, ())


def script(table: pd.DataFrame, target: str, numbers: list[str], words: list[str], estimator: Any = None) -> Any:
    """What somebody would write elsewhere, with a data frame."""
    prepare = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore"), words),
    )
    model = make_pipeline(prepare, LogisticRegression(max_iter=500) if estimator is None else estimator)
    return model.fit(table[numbers + words], table[target])


def small(handle: str = "ignore", estimator: Any = None) -> Any:
    """A small model over the story."""
    table = story().to_pandas()
    prepare = make_column_transformer(
        (SimpleImputer(), ["tenure", "price"]), (OneHotEncoder(handle_unknown=handle), ["plan"])
    )
    fitted = make_pipeline(prepare, LogisticRegression(max_iter=500) if estimator is None else estimator)
    return fitted.fit(table[["tenure", "price", "plan"]], table["left"])


def repacked(content: bytes, change: Callable[[dict[str, Any]], Any] | None = None, **more: bytes) -> bytes:
    """The same skops file with another description, or with further members."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            part = old.read(name)
            if name == "schema.json" and change:
                schema = json.loads(part)
                change(schema)
                part = json.dumps(schema).encode()
            new.writestr(name, part)
        for name, part in more.items():
            new.writestr(name, part)
    return made.getvalue()


@pytest.fixture
def upload(cast: Cast, run_jobs: Callable[[], list[Job]]) -> Callable[..., tuple[Run, list[Job]]]:
    """Upload a model's bytes and let all of its jobs end, each in a limited child."""

    def bring(content: bytes, **stated: Any) -> tuple[Run, list[Job]]:
        names = look(io.BytesIO(content), "model.skops").names
        given = {"file": put_bytes(content), "file_name": "model.skops", "names": names, "stated": stated}
        run, _ = start_upload(cast.project, **given, by=cast[Role.DATA_SCIENTIST])
        jobs = run_jobs()
        run.refresh_from_db()
        return run, jobs

    return bring


SERVER = """
import json, sys
from deployments.serving.lean import stay_lean
stay_lean()
from deployments.serving.inference import load
from pathlib import Path
answers = load(Path(sys.argv[1]), "b").answered(json.load(sys.stdin))[1]
print(json.dumps([one.probability for one in answers]))
"""


def served(bundle: Path, rows: list[dict[str, Any]]) -> list[float]:
    """The chances as the process of a prediction server gives them, which is lean until a model needs more."""
    asked = [sys.executable, "-c", SERVER, str(bundle)]
    here = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    found: list[float] = json.loads(subprocess.check_output(asked, input=json.dumps(rows).encode(), env=here))
    return found


@pytest.mark.django_db(transaction=True)
def test_a_script_s_model_of_real_data_scores_here_as_it_does_there(
    cast: Cast, make_version: Make, sample_data: Path, targets: Contract, upload: Any
) -> None:
    table = telco(sample_data)
    version = make_version(cast.project, table)
    asked = {"target": "Churn", "inputs": NUMBERS + WORDS, "split": {"kind": "random", "seed": 11, "test_share": 0.25}}
    _, spec = check_upload(cast.project, names=[], stated=asked, data=version)
    split = prepared({**spec, "kind": "binary", "table": table_path(version), "schema": version.schema}, Silent()).split
    frame = table.to_pandas()
    model, test = script(frame.iloc[split.train], "Churn", NUMBERS, WORDS), frame.iloc[split.test]
    content = skops.io.dumps(model)
    run, jobs = upload(content, **(asked | {"inputs": []}))
    assert [(job.state, job.message) for job in jobs] == [("succeeded", "")] * len(jobs)
    assert (run.state, run.cause, run.spec["inputs"]) == (Run.State.FINISHED, Cause.UPLOAD, NUMBERS + WORDS)

    said, truth = model.predict_proba(test[NUMBERS + WORDS])[:, 1], test["Churn"] == "Yes"
    found = {key: one["value"] for key, one in run.metrics.items()}
    assert found["roc_auc"] == pytest.approx(roc_auc_score(truth, said), abs=1e-12)
    assert found["average_precision"] == pytest.approx(average_precision_score(truth, said), abs=1e-12)
    assert found["recall"] == pytest.approx(recall_score(truth, said >= 0.5), abs=1e-12)
    assert run.metrics["recall"]["low"] < found["recall"] < run.metrics["recall"]["high"]
    assert [one["name"] for one in run.verdicts] == ["Find the leavers", "Do not waste calls"]

    evaluation = Evaluation.objects.get(run=run)
    assert evaluation.state == Evaluation.State.FINISHED
    assert "made elsewhere" in evaluation.found["relearned"]["reason"]
    assert evaluation.found["examples"][0]["reasons"]["shares"]
    bundle = Bundle.open(verified_path(str(run.bundle_id)))
    assert bundle.card["serving"]["path"] == "stored"
    rows = [{name: None if value != value else value for name, value in row.items()} for row in
            test[NUMBERS + WORDS].head(20).to_dict("records")]  # fmt: skip
    assert [one.probability for one in bundle.predictor().predict(rows)] == pytest.approx(said[:20], abs=1e-12)
    assert served(verified_path(str(run.bundle_id)), rows) == pytest.approx(said[:20], abs=1e-12)
    assert register(run, name="churn", reason="bought", by=cast[Role.DATA_SCIENTIST]).bundle_id == run.bundle_id

    for again in (
        lambda: reproduce(run, by=cast[Role.DATA_SCIENTIST]),
        lambda: start_run(cast.project, spec=run.spec, by=cast[Role.DATA_SCIENTIST], copied_from=run),
    ):
        with pytest.raises(Conflict, match="made elsewhere"):
            again()
    Run.objects.update(finished_at=run.created_at.replace(year=2020))
    forget_files()
    run.refresh_from_db()
    assert run.given_id is None


HOSTILE = [
    ("model.pkl", pickle.dumps(Marked()), "none is ever loaded"),
    ("model.joblib", b"\x80\x04anything", "none is ever loaded"),
    ("model.skops.pkl.gz", b"\x1f\x8b\x08\x00", "none is ever loaded"),
    ("model.pt", b"PK\x03\x04", "none is ever loaded"),
    ("model.h5", b"\x89HDF", "none is ever loaded"),
    ("model.npy", b"\x93NUMPY", "none is ever loaded"),
    ("model.dill", b"\x80", "none is ever loaded"),
    ("model.onnx", b"\x08\x07", "not a whole ONNX file"),
    ("model.onnx", pickle.dumps(Marked()), "not a whole ONNX file"),
    ("model.onnx", b"PK\x03\x04" + b"x" * 200, "not a whole ONNX file"),
    ("model.zip", b"PK\x03\x04", "does not end with .skops"),
    ("model.skops", pickle.dumps(Marked()), "not a skops file"),
    ("model.skops", b"", "not a skops file"),
    ("model.skops", b"PK\x03\x04" + b"x" * 200, "not a whole skops file"),
]


@pytest.mark.parametrize(("name", "content", "said"), HOSTILE)
def test_what_is_no_skops_file_is_refused_unread(
    name: str, content: bytes, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A35."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Invalid, match=said):
        look(io.BytesIO(content), name)
    assert list(tmp_path.iterdir()) == [], "nothing of it ran"


def _renamed(schema: dict[str, Any]) -> None:
    schema["__module__"], schema["__class__"] = "posix", "system"


def test_foreign_types_strange_members_and_bombs_are_refused_by_name(tmp_path: Path) -> None:
    """A36, as somebody sends it."""
    good = skops.io.dumps(small())
    assert look(io.BytesIO(good), "model.skops").names == ["tenure", "price", "plan"]
    function = skops.io.dumps(make_pipeline(FunctionTransformer(np.log1p), LogisticRegression()))
    for content, said in (
        (repacked(good, _renamed), "posix.system"),
        (function, "FunctionTransformer"),
        (repacked(good, **{"../../evil.npy": b"x"}), "evil.npy"),
        (repacked(good, **{"/etc/evil.npy": b"x"}), "evil.npy"),
        (repacked(good, **{"data.pkl": pickle.dumps(Marked())}), "data.pkl"),
        (good[: len(good) // 2], "not a whole skops file"),
        (repacked(good, lambda schema: schema.clear()), "an empty schema"),
    ):
        with pytest.raises(Invalid, match=said):
            look(io.BytesIO(content), "model.skops")
    bomb = tmp_path / "bomb.skops"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("1.npy", "w", force_zip64=True) as part:
            for _ in range(2100):
                part.write(b"\0" * 1024**2)
        archive.writestr("schema.json", "{}")
    with bomb.open("rb") as file, pytest.raises(Invalid, match="2 GB"):
        look(file, "bomb.skops")


def test_a_tree_that_leads_astray_and_a_vectorizer_that_reads_files_are_refused() -> None:
    forest = RandomForestClassifier(3, max_depth=3, random_state=1, n_jobs=50)
    model = skops.io.loads(skops.io.dumps(small(estimator=forest)), trusted=TRUSTED)
    refuse_unsound(model)
    state = model[-1].estimators_[1].tree_.__getstate__()
    state |= {name: state[name].copy() for name in ("nodes", "values")}  # else they are the tree's own memory
    for column, value in (("left_child", 0), ("right_child", 10_000), ("feature", 400)):
        nodes = state["nodes"].copy()
        nodes[column][0] = value
        model[-1].estimators_[1].tree_.__setstate__(state | {"nodes": nodes})
        with pytest.raises(Invalid, match="Tree in it does not hold together"):
            refuse_unsound(model)
    model[-1].estimators_[1].tree_.__setstate__(state)
    refuse_unsound(model)
    signature = {"inputs": [], "outside": {"frame": True, "order": [0, 1]}}
    assert Outside(model, signature).pipeline[-1].n_jobs == 1
    with pytest.raises(Invalid, match="TfidfVectorizer"):
        refuse_unsound(make_pipeline(TfidfVectorizer(input="filename"), LogisticRegression()))


@pytest.mark.django_db(transaction=True)
def test_models_that_cannot_be_used_here_end_in_words(cast: Cast, version: Version, upload: Any) -> None:
    table = story().to_pandas()
    other = LogisticRegression().fit(table[["tenure"]], table["plan"].fillna("none"))
    for content, stated, said in (
        (skops.io.dumps(small("error")), {}, "never saw"),
        (skops.io.dumps(other), {}, "knows the answers"),
        (skops.io.dumps(StandardScaler().fit(table[["tenure"]])), {}, "holds a StandardScaler"),
        (skops.io.dumps(LogisticRegression().fit(table[["tenure"]].to_numpy(), table["left"])),
         {"inputs": ["tenure", "price"]}, "looks at 1 inputs; 2 are stated"),
    ):  # fmt: skip
        run, _ = upload(content, target="left", **stated)
        assert (run.state, run.bundle_id) == (Run.State.FAILED, None)
        assert said in run.message
    bare = LogisticRegression().fit(table[["tenure"]].to_numpy(), (table["left"] == "Yes").astype(int))
    run, _ = upload(skops.io.dumps(bare), target="left", inputs=["tenure"])
    assert run.state == Run.State.FINISHED, run.message
    assert any("1 was taken for “Yes”" in one["text"] for one in run.evaluation["warnings"])


@pytest.mark.django_db
def test_over_rest_and_by_the_page(cast: Cast, version: Version, api_of: Any, browser_of: Any) -> None:
    good, client = skops.io.dumps(small()), api_of(cast[Role.DATA_SCIENTIST])

    def send(content: bytes, name: str = "model.skops", **more: Any) -> Any:
        return client.post(URL, {"file": SimpleUploadedFile(name, content), "target": "left"} | more)

    before = Blob.objects.count()
    bad = repacked(good, _renamed)
    assert send(bad).status_code == 422
    assert send(bad).json()["types"] == ["posix.system"]
    assert send(pickle.dumps(Marked()), "model.joblib").status_code == 422
    assert send(good, inputs="tenure").json()["fields"]["inputs"].startswith("The file itself says")
    assert send(good, dataset="customers").status_code == 422
    assert Blob.objects.count() == before, "what was refused was not kept"
    taken = send(good, seed=3)
    assert taken.status_code == 202
    run = Run.objects.get(number=taken.json()["run"])
    assert (run.spec["methods"], run.spec["split"]["seed"]) == ({"uploaded": {}}, 3)
    viewer = api_of(cast[Role.VIEWER])
    assert viewer.post(URL, {"file": SimpleUploadedFile("model.skops", good)}).status_code == 403

    page = browser_of(cast[Role.DATA_SCIENTIST])
    form = {"rows": "customers/v1", "target": "left", "test_share": 20, "seed": 7, "threshold": 0.5}
    address = "/p/churn/train/upload/"
    assert b"Upload and measure" in page.get(address).content
    refused = page.post(address, form | {"file": SimpleUploadedFile("model.skops", bad)})
    assert refused.status_code == 422
    assert "posix.system" in refused.content.decode()
    sent = page.post(address, form | {"file": SimpleUploadedFile("model.skops", good)})
    assert sent.status_code == 302, sent.content
    assert b"Made elsewhere" in page.get(sent.url).content


def test_a_huge_file_is_refused_before_it_is_read() -> None:
    from experiments.uploading.looking import check_size

    with pytest.raises(TooLarge, match="at most 512 MB"):
        check_size(2 * 1024**3)
