"""A model that a client logged is judged as one that is uploaded; what is no skops file stays bytes."""

import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import skops.io
from django.test import Client

from audit.models import Entry
from datasets.models.versions import Version
from experiments.models.logged import LogFile, LogJudged
from experiments.models.runs import Cause, Run
from experiments.services.models import register
from jobs.models import Job
from projects.models.define import Contract
from projects.permissions import Role
from tests.conftest import Cast
from tests.experiments.test_uploads import Marked, small
from tests.experiments.tracking.test_protocol import STORE, Notebook

pytestmark = pytest.mark.django_db
Api = Callable[..., Client]
NAMES = {"skops": skops.io.dumps, "pkl": pickle.dumps, "joblib": pickle.dumps, "onnx": pickle.dumps}


@pytest.fixture
def notebook(cast: Cast, api_of: Api) -> Notebook:
    return Notebook(api_of(cast[Role.DATA_SCIENTIST]))


def logged(notebook: Notebook, kind: str, made: Any, run: str = "", name: str = "model") -> str:
    """The id of a logged model with its file, as the client sends it."""
    model: str = notebook.post("logged-models", experiment_id="0", name=name, source_run_id=run)["model"]["info"]["model_id"]  # fmt: skip
    place = f"{notebook.base}/{STORE}/0/models/{model}/artifacts/model.{kind}"
    sent = notebook.client.put(place, NAMES[kind](made), content_type="application/octet-stream")
    assert sent.status_code == 200
    notebook.ask("PATCH", f"logged-models/{model}", status="LOGGED_MODEL_READY")
    return model


def judge(client: Client, place: str, **given: Any) -> Any:
    path = f"/api/v1/projects/churn/{place}/judge/"
    return client.post(path, json.dumps(given), "application/json")


@pytest.mark.django_db(transaction=True)
def test_a_logged_model_becomes_a_run_like_any_other(
    notebook: Notebook, cast: Cast, version: Version, targets: Contract, run_jobs: Callable[[], list[Job]], browser_of: Api
) -> None:  # fmt: skip
    run = notebook.run(run_name="mine")
    model = logged(notebook, "skops", small(), run)
    answer = judge(notebook.client, f"logged-models/{model}", dataset="customers", version=1)
    assert answer.status_code == 202, answer.content
    run_jobs()
    made = Run.objects.get(number=answer.json()["run"])
    assert (made.state, made.cause, made.data) == (Run.State.FINISHED, Cause.UPLOAD, version)
    assert len(made.verdicts) == 2
    assert "recall" in made.metrics
    link = LogJudged.objects.get(run=made)
    assert link.logged_model
    assert link.logged_run
    assert (link.logged_model.key, link.logged_run.key, link.path) == (model, run, "model.skops")
    assert made.evaluation["uploaded"]["logged_model"] == model
    assert Entry.objects.filter(name="run.uploaded", data__logged_model=model).exists()
    assert (
        str(register(made, name="churn-classifier", reason="It is enough.", by=cast[Role.DATA_SCIENTIST]))
        == "churn-classifier v1"
    )
    browser = browser_of(cast[Role.DATA_SCIENTIST])
    number = link.logged_run.record.number
    for path, words in (
        (f"logged/{number}/", f"run {made.number}"), (f"logged-models/{model}/", f"Run {made.number}"),
        (f"runs/{made.number}/", f"Logged as model by run {number}"), ("notebook/", f"run {made.number}"),
    ):  # fmt: skip
        page = browser.get(f"/p/churn/{path}")
        assert page.status_code == 200
        assert words in page.content.decode(), path


def test_a_pickle_is_never_opened_and_its_page_says_what_to_do(
    notebook: Notebook, cast: Cast, version: Version, browser_of: Api, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    browser = browser_of(cast[Role.DATA_SCIENTIST])
    for kind in ("pkl", "joblib"):
        model = logged(notebook, kind, Marked())
        answer = judge(notebook.client, f"logged-models/{model}")
        assert answer.status_code == 409
        assert "serialization_format=“skops”" in answer.json()["detail"]
        page = browser.get(f"/p/churn/logged-models/{model}/").content.decode()
        assert "serialization_format=&quot;skops&quot;" in page or 'serialization_format="skops"' in page
        assert "Judge it" not in page
        assert browser.post(f"/p/churn/logged-models/{model}/judge/", {"file": "1"}).status_code == 422
    answer = judge(notebook.client, f"logged-models/{logged(notebook, 'onnx', Marked())}")
    assert (answer.status_code, "whole ONNX file" in answer.json()["detail"]) == (422, True)
    hidden = logged(notebook, "skops", small())
    LogFile.objects.filter(model__key=hidden).update(blob=LogFile.objects.get(model__key=model).blob)
    assert judge(notebook.client, f"logged-models/{hidden}").status_code == 422
    assert not (tmp_path / "unpickled").exists()
    assert not Run.objects.exists()


def test_one_of_several_files_is_named(notebook: Notebook, version: Version) -> None:
    run = notebook.run()
    number = LogFile.objects.count() + 1
    models = [logged(notebook, "skops", small(), run, name) for name in ("first", "second", "second")]
    own = f"{notebook.base}/{STORE}/0/{run}/artifacts/old/m.skops"
    notebook.client.put(own, skops.io.dumps(small()), content_type="application/octet-stream")
    place = f"logged/{number}"
    answer = judge(notebook.client, place)
    assert answer.status_code == 422
    assert f"{models[0]}/model.skops" in answer.json()["detail"]
    assert judge(notebook.client, place, path="second/model.skops").status_code == 422
    for given in ("first/model.skops", f"{models[1]}/model.skops", "old/m.skops"):
        assert judge(notebook.client, place, path=given, seed=len(given)).status_code == 202, given
    assert [one.path for one in LogJudged.objects.order_by("pk")] == ["model.skops", "model.skops", "old/m.skops"]


def test_the_page_judges_and_says_which_data_the_notebook_used(
    notebook: Notebook, cast: Cast, version: Version, browser_of: Api
) -> None:
    run = notebook.run()
    logged(notebook, "skops", small(), run)
    source = json.dumps({"url": "https://baton.example/p/churn/data/customers/v1/"})
    dataset = {"name": "d", "digest": "1", "source_type": "http", "source": source}
    notebook.post("runs/log-inputs", run_id=run, datasets=[{"dataset": dataset}])
    browser = browser_of(cast[Role.DATA_SCIENTIST])
    page = browser.get("/p/churn/logged/1/judge/")
    assert "Its notebook says that it used customers v1." in page.content.decode()
    form = page.context["form"]
    sent = {"file": form.fields["file"].choices[0][0], "rows": form.fields["rows"].choices[0][0], "test_share": 20}
    answer = browser.post("/p/churn/logged/1/judge/", sent | {"seed": 7, "threshold": 0.5})
    assert answer.status_code == 302, answer.context["form"].errors
    assert LogJudged.objects.get().run.number == 2
    wrong = browser.post("/p/churn/logged/1/judge/", sent | {"seed": 7, "threshold": 0.5, "inputs": "plan"})
    assert wrong.status_code == 422
    assert "Leave the inputs empty" in wrong.content.decode()


def test_strangers_and_viewers_judge_nothing(notebook: Notebook, cast: Cast, version: Version, api_of: Api) -> None:
    model = logged(notebook, "skops", small())
    assert judge(api_of(cast[Role.VIEWER]), f"logged-models/{model}").status_code == 403
    assert judge(api_of(cast.stranger), f"logged-models/{model}").status_code == 404
    theirs = api_of(cast.stranger).post(
        f"/api/v1/projects/other/logged-models/{model}/judge/", "{}", "application/json"
    )
    assert theirs.status_code == 404


def test_the_address_that_the_client_prints_leads_to_the_page(notebook: Notebook, cast: Cast, browser_of: Api) -> None:
    run, browser = notebook.run(), browser_of(cast[Role.DATA_SCIENTIST])
    model = logged(notebook, "skops", small(), run)
    page = browser.get("/p/churn/mlflow/")
    assert "js/logged.js" in page.content.decode()  # it reads what stands behind the #
    assert browser.get(f"/p/churn/mlflow/?run={run}").headers["Location"] == "/p/churn/logged/1/"
    assert browser.get(f"/p/churn/mlflow/?model={model}").headers["Location"] == f"/p/churn/logged-models/{model}/"
    assert browser.get(f"/p/churn/mlflow/?run={'f' * 32}").status_code == 404
    assert browser_of(cast.stranger).get(f"/p/other/mlflow/?run={run}").status_code == 404
