"""MLflow's protocol over HTTP, as its page has it: words, limits, numbers, pages, files, models, and no leak."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.models import Entry
from datasets.models.versions import Version
from datasets.using import uses_of
from experiments.models.logged import LogFile, LogRun
from experiments.models.records import RunRecord
from experiments.queries.log_search import found_runs
from experiments.tracking.grammar import RUNS, parse
from experiments.tracking.matching import Facts, holds
from projects.permissions import Role
from tests.conftest import Cast

pytestmark = pytest.mark.django_db
Api = Callable[..., Client]
STORE = "api/2.0/mlflow-artifacts/artifacts"


class Notebook:
    """What a client sends to one project."""

    def __init__(self, client: Client, key: str = "churn") -> None:
        self.client, self.base = client, f"/p/{key}/mlflow"

    def ask(self, method: str, path: str, code: int = 200, /, **given: Any) -> Any:
        place = f"{self.base}/api/2.0/mlflow/{path}"
        if method == "GET":
            answer = self.client.get(place, given)
        else:
            answer = self.client.generic(method, place, json.dumps(given), "application/json")
        assert answer.status_code == code, (path, answer.status_code, answer.content[:300])
        return answer.json()

    def post(self, path: str, code: int = 200, /, **given: Any) -> Any:
        return self.ask("POST", path, code, **given)

    def get(self, path: str, code: int = 200, /, **given: Any) -> Any:
        return self.ask("GET", path, code, **given)

    def run(self, **given: Any) -> str:
        found: str = self.post("runs/create", experiment_id="0", **given)["run"]["info"]["run_id"]
        return found

    def data(self, run: str) -> Any:
        return self.get("runs/get", run_id=run)["run"]["data"]


@pytest.fixture
def notebook(cast: Cast, api_of: Api) -> Notebook:
    return Notebook(api_of(cast[Role.DATA_SCIENTIST]))


def test_a_run_of_a_notebook_is_a_line_of_the_runs_table_and_of_the_audit(notebook: Notebook, cast: Cast) -> None:
    run = notebook.run(start_time=1_700_000_000_000, run_name="mine", tags=[{"key": "team", "value": "a"}])
    notebook.post("runs/log-metric", run_id=run, key="loss", value="0.5", timestamp=5, step=2)
    answer = notebook.post("runs/update", run_id=run, status="FINISHED", end_time=1_700_000_005_000)
    record = RunRecord.objects.get()
    assert (record.number, record.kind, record.state, record.seconds) == (1, "notebook", "finished", 5.0)
    assert [entry.name for entry in Entry.objects.filter(name__startswith="run.").order_by("seq")] == ["run.started", "run.finished"]  # fmt: skip
    info = answer["run_info"]
    assert info["run_id"] == info["run_uuid"] == run
    assert (info["start_time"], info["end_time"]) == (1_700_000_000_000, 1_700_000_005_000)
    assert info["artifact_uri"] == f"mlflow-artifacts:/0/{run}/artifacts"
    shown = notebook.data(run)
    assert shown["metrics"] == [{"key": "loss", "value": 0.5, "timestamp": 5, "step": 2}]
    assert "params" not in shown
    assert notebook.post("runs/search", experiment_ids=["0"], filter="metrics.loss > 1") == {}


def test_refusals_have_the_protocols_words(notebook: Notebook) -> None:
    run = notebook.run()
    cases: list[tuple[str, str, int, str, str, dict[str, Any]]] = [
        ("POST", "experiments/create", 400, "INVALID_PARAMETER_VALUE", "Missing value for required parameter 'name'", {}),
        ("POST", "experiments/create", 400, "INVALID_PARAMETER_VALUE", "Invalid value 123 for parameter 'name' supplied", {"name": 123}),
        ("POST", "experiments/create", 400, "INVALID_PARAMETER_VALUE", "exceeds the maximum length of 500 characters", {"name": "a" * 501}),
        ("POST", "experiments/create", 400, "RESOURCE_ALREADY_EXISTS", "already exists", {"name": "Default"}),
        ("POST", "experiments/search", 400, "INVALID_PARAMETER_VALUE", "max_results", {}),
        ("GET", "experiments/get", 404, "RESOURCE_DOES_NOT_EXIST", "No Experiment with id=999 exists", {"experiment_id": "999"}),
        ("GET", "runs/get", 404, "RESOURCE_DOES_NOT_EXIST", "not found", {"run_id": "f" * 32}),
        ("POST", "runs/log-batch", 400, "INVALID_PARAMETER_VALUE", "metrics[0].timestamp", {"run_id": run, "metrics": [{"key": "a", "value": 1}]}),
        ("POST", "runs/log-metric", 400, "INVALID_PARAMETER_VALUE", "for parameter 'value'", {"run_id": run, "key": "a", "value": "x", "timestamp": 1}),
        ("POST", "runs/delete-tag", 404, "RESOURCE_DOES_NOT_EXIST", "No tag", {"run_id": run, "key": "none"}),
        ("POST", "registered-models/create", 400, "INVALID_PARAMETER_VALUE", "cannot contain", {"name": "a/b"}),
        ("POST", "model-versions/create", 404, "RESOURCE_DOES_NOT_EXIST", "not found", {"name": "m", "source": "models:/m-1"}),
    ]  # fmt: skip
    for method, path, status, code, words, sent in cases:
        answer = notebook.ask(method, path, status, **sent)
        assert answer["error_code"] == code, (path, answer)
        assert words in answer["message"], (path, answer)


def test_a_parameter_is_said_once_and_a_batch_is_all_or_nothing(notebook: Notebook) -> None:
    run = notebook.run()
    notebook.post("runs/log-parameter", run_id=run, key="p", value="1")
    notebook.post("runs/log-parameter", run_id=run, key="p", value="1")
    answer = notebook.post(
        "runs/log-batch", 400, run_id=run, params=[{"key": "p", "value": "2"}],
        metrics=[{"key": "m", "value": 1, "timestamp": 1}],
    )  # fmt: skip
    assert "Changing param values is not allowed" in answer["message"]
    assert notebook.data(run)["params"] == [{"key": "p", "value": "1"}]
    assert "metrics" not in notebook.data(run)
    assert notebook.post("runs/log-batch", run_id=run) == {}


def test_numbers_that_json_has_no_word_for(notebook: Notebook) -> None:
    run = notebook.run()
    points = [("n", "NaN", 0), ("i", "Infinity", 0), ("j", "-Infinity", 0), ("s", 1, 2**62), ("s", 1, 2**62)]
    metrics = [{"key": key, "value": value, "timestamp": 1, "step": step} for key, value, step in points]
    notebook.post("runs/log-batch", run_id=run, metrics=metrics)
    found = {one["key"]: one for one in notebook.data(run)["metrics"]}
    assert found["n"]["value"] == "NaN"
    assert (found["i"]["value"], found["j"]["value"]) == (1.7976931348623157e308, -1.7976931348623157e308)
    assert found["s"]["step"] == 2**62
    assert len(notebook.get("metrics/get-history", run_id=run, metric_key="s")["metrics"]) == 1


def test_a_history_comes_in_pages_sorted_by_moment(notebook: Notebook) -> None:
    run = notebook.run()
    metrics = [{"key": "m", "value": step, "timestamp": 5000 - step, "step": step} for step in range(1000)]
    notebook.post("runs/log-batch", run_id=run, metrics=metrics)
    notebook.post("runs/log-batch", run_id=run, metrics=metrics[:10])
    values, token = [], ""
    while True:
        page = notebook.get("metrics/get-history", run_id=run, metric_key="m", max_results=300, page_token=token)
        values += [one["value"] for one in page["metrics"]]
        if not (token := page.get("next_page_token", "")):
            break
    assert values == [float(step) for step in reversed(range(1000))]
    notebook.get("metrics/get-history", 400, run_id=run, metric_key="m", page_token="NQ==")


def test_what_is_deleted_takes_no_writes_and_comes_back(notebook: Notebook) -> None:
    folder = notebook.post("experiments/create", name="a/../b")["experiment_id"]
    run = notebook.post("runs/create", experiment_id=folder)["run"]["info"]["run_id"]
    notebook.post("experiments/delete", experiment_id=folder)
    notebook.post("runs/set-tag", 400, run_id=run, key="a", value="b")
    notebook.post("runs/create", 400, experiment_id=folder)
    assert notebook.post("experiments/create", 400, name="a/../b")["error_code"] == "RESOURCE_ALREADY_EXISTS"
    assert notebook.post("runs/search", experiment_ids=[folder]) == {}
    notebook.post("experiments/restore", experiment_id=folder)
    assert notebook.post("runs/search", experiment_ids=[folder])["runs"][0]["info"]["run_id"] == run


def test_runs_are_found_as_an_in_memory_model_finds_them(notebook: Notebook, cast: Cast) -> None:
    facts = []
    for place in range(9):
        metrics = {"m": place / 4} if place % 3 else {}
        params = {"p": "abAB*["[: place % 6]} if place != 5 else {}
        tags = {"t": "x%_"[place % 3]} if place % 2 else {}
        run = notebook.run(run_name=f"r{place}", start_time=place + 1)
        lists = [[{"key": key, "value": value} for key, value in texts.items()] for texts in (params, tags)]
        rows = [{"key": key, "value": value, "timestamp": 1} for key, value in metrics.items()]
        notebook.post("runs/log-batch", run_id=run, metrics=rows, params=lists[0], tags=lists[1])
        if place == 4:
            notebook.post("runs/update", run_id=run, status="KILLED", end_time=9)
        own = {
            "run_id": run,
            "run_name": f"r{place}",
            "start_time": place + 1,
            "status": "KILLED" if place == 4 else "RUNNING",
        }
        own |= {
            "end_time": 9 if place == 4 else None,
            "user_id": "",
            "artifact_uri": f"mlflow-artifacts:/0/{run}/artifacts",
        }
        facts.append(Facts(own, {"metrics": metrics, "params": params, "tags": tags}))
    number = st.sampled_from(["0.25", "1", "-3", "1e3", "1.25"])
    pattern = st.text("abAB%_*[x", max_size=3)
    likes = st.sampled_from(["=", "!=", "LIKE", "ILIKE"])
    clause = st.one_of(
        st.builds("metrics.m {} {}".format, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), number),
        st.builds("start_time {} {}".format, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), st.integers(0, 9)),
        st.builds("end_time {} {}".format, st.sampled_from(["=", "!=", "<"]), st.integers(8, 10)),
        st.builds("{} {} '{}'".format, st.sampled_from(["params.p", "tags.t", "params.none"]), likes, pattern),
        st.builds("{} {}".format, st.sampled_from(["params.p", "tags.t", "params.none"]), st.sampled_from(["IS NULL", "IS NOT NULL"])),
        st.builds("{} {} '{}'".format, st.sampled_from(["status", "run_name", "artifact_uri", "user_id"]), likes,
                  st.sampled_from(["RUNNING", "KILLED", "k%", "r1", "R_", "%artifacts", ""])),
    )  # fmt: skip

    @settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(clause, min_size=1, max_size=3))
    def agree(texts: list[str]) -> None:
        clauses = parse(" AND ".join(texts), RUNS)
        rows = found_runs(cast.project, [0], clauses, "ACTIVE_ONLY", [])
        expected = {one.own["run_id"] for one in facts if all(holds(each, one) for each in clauses)}
        assert set(rows.values_list("key", flat=True)) == expected, texts

    agree()
    ordered = notebook.post("runs/search", experiment_ids=["0"], order_by=["metrics.m DESC"])["runs"]
    names = [run["info"]["run_name"] for run in ordered]
    assert names == ["r8", "r7", "r5", "r4", "r2", "r1", "r6", "r3", "r0"]
    page = notebook.post("runs/search", experiment_ids=["0"], order_by=["metrics.m DESC"], max_results=4)
    more = notebook.post("runs/search", experiment_ids=["0"], order_by=["metrics.m DESC"], max_results=5, page_token=page["next_page_token"])  # fmt: skip
    assert [run["info"]["run_name"] for run in more["runs"]] == names[4:]
    notebook.post("runs/search", 400, experiment_ids=["0"], page_token=page["next_page_token"])


def test_files_are_streamed_in_listed_and_sent(notebook: Notebook, cast: Cast, api_of: Api) -> None:
    run = notebook.run()
    root = f"{notebook.base}/{STORE}/0/{run}/artifacts"
    for name, content in (("a.txt", b"one"), ("sub/ü b.html", b"<b>"), ("sub/empty", b"")):
        assert (
            notebook.client.put(f"{root}/{name}", content, content_type="application/octet-stream").status_code == 200
        )
    listed = notebook.client.get(f"{notebook.base}/{STORE}", {"path": f"0/{run}/artifacts"}).json()
    assert listed == {"files": [{"path": "a.txt", "is_dir": False, "file_size": 3}, {"path": "sub", "is_dir": True}]}
    inside = notebook.client.get(f"{notebook.base}/{STORE}", {"path": f"0/{run}/artifacts/sub"}).json()
    assert [one["path"] for one in inside["files"]] == ["empty", "ü b.html"]
    assert notebook.client.get(f"{notebook.base}/{STORE}", {"path": f"0/{run}/artifacts/a.txt"}).json() == {}
    assert notebook.client.get(f"{notebook.base}/{STORE}", {"path": ""}).json() == {}
    sent = notebook.client.get(f"{root}/sub/ü b.html")
    assert b"".join(sent.streaming_content) == b"<b>"  # type: ignore[attr-defined]
    assert sent.headers["Content-Type"] == "text/plain"
    assert sent.headers["Content-Disposition"].startswith("attachment")
    assert sent.headers["X-Content-Type-Options"] == "nosniff"
    assert notebook.client.get(f"{root}/none").json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    for bad in (f"{root}/%252e%252e/x", f"{root}/a%23b", f"{root}/a%5Cb"):
        assert notebook.client.put(bad, b"x", content_type="text/plain").json()["message"].startswith("Invalid path")
    assert notebook.client.put(f"{notebook.base}/{STORE}/0/{'e' * 32}/artifacts/x", b"x").status_code == 404
    theirs = Notebook(api_of(cast.stranger), "other")
    theirs.run()
    assert theirs.client.get(f"{theirs.base}/{STORE}/0/{run}/artifacts/a.txt").status_code == 404
    assert theirs.client.put(f"{theirs.base}/{STORE}/0/{run}/artifacts/x", b"x").status_code == 404
    assert theirs.client.get(f"{root}/a.txt").status_code == 404
    notebook.client.delete(f"{root}/sub")
    assert list(LogFile.objects.values_list("path", flat=True)) == ["a.txt"]


def test_two_projects_see_nothing_of_each_other(notebook: Notebook, cast: Cast, api_of: Api) -> None:
    theirs = Notebook(api_of(cast.stranger), "other")
    run = notebook.run()
    model = notebook.post("logged-models", experiment_id="0", name="m", source_run_id=run)["model"]["info"]["model_id"]
    notebook.post("registered-models/create", name="shared")
    version = notebook.post("model-versions/create", name="shared", source=f"models:/{model}", model_id=model)
    assert version["model_version"]["run_id"] == run
    theirs.get("runs/get", 404, run_id=run)
    theirs.post("runs/log-metric", 404, run_id=run, key="a", value=1, timestamp=1)
    theirs.get(f"logged-models/{model}", 404)
    theirs.get("registered-models/get", 404, name="shared")
    theirs.post("registered-models/create", name="shared")
    theirs.post("model-versions/create", 404, name="shared", source=f"models:/{model}", model_id=model)
    assert theirs.post("runs/search", experiment_ids=["0", "1"]) == {}
    assert theirs.get("model-versions/search") == {}
    for key in ("churn", "nowhere"):
        assert Notebook(theirs.client, key).get("runs/get", 404, run_id=run)["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    assert LogRun.objects.count() == 1


def test_who_may_do_what(notebook: Notebook, cast: Cast, api_of: Api) -> None:
    run = notebook.run()
    viewer, reader = (Notebook(api_of(cast[Role.VIEWER])), Notebook(api_of(cast[Role.DATA_SCIENTIST], read_only=True)))
    for client in (viewer, reader):
        assert client.get("runs/get", run_id=run)["run"]["info"]["run_id"] == run
        assert client.post("runs/search", experiment_ids=["0"])["runs"]
        assert client.post("runs/set-tag", 403, run_id=run, key="a", value="b")["error_code"] == "PERMISSION_DENIED"
    assert Notebook(Client()).get("runs/get", 401, run_id=run)["error_code"] == "UNAUTHENTICATED"


def test_the_registry(notebook: Notebook) -> None:
    run = notebook.run()
    notebook.post("registered-models/create", name="a b", tags=[{"key": "k", "value": "v"}])
    assert notebook.post("registered-models/create", 400, name="a b")["error_code"] == "RESOURCE_ALREADY_EXISTS"
    source = f"mlflow-artifacts:/0/{run}/artifacts/model"
    for number in ("1", "2"):
        made = notebook.post("model-versions/create", name="a b", source=source)["model_version"]
        assert (made["version"], made["run_id"], made["status"]) == (number, run, "READY")
    for bad in ("/etc/passwd", "file:///x", "s3://x/y", f"mlflow-artifacts:/0/{run}/artifacts/../x", "runs:/x"):
        notebook.post("model-versions/create", 400, name="a b", source=bad)
    assert notebook.get("model-versions/get-download-uri", name="a b", version="1") == {"artifact_uri": source}
    notebook.post("registered-models/alias", name="a b", alias="champion", version="2")
    for bad in ("latest", "V3", "a b", ""):
        notebook.post("registered-models/alias", 400, name="a b", alias=bad, version="2")
    assert notebook.get("registered-models/alias", name="a b", alias="champion")["model_version"]["version"] == "2"
    assert (
        notebook.get("registered-models/alias", 400, name="a b", alias="no")["error_code"] == "INVALID_PARAMETER_VALUE"
    )
    found = notebook.get(
        "registered-models/search", filter="name LIKE 'a%' AND tag.`mlflow.prompt.is_prompt` != 'true'"
    )
    assert found["registered_models"][0]["aliases"] == [{"alias": "champion", "version": "2"}]
    notebook.get("model-versions/search", 400, filter="current_stage = 'None'")
    notebook.ask("DELETE", "model-versions/delete", name="a b", version="2")
    notebook.get("registered-models/alias", 400, name="a b", alias="champion")
    assert notebook.post("model-versions/create", name="a b", source=source)["model_version"]["version"] == "3"
    moved = notebook.post("model-versions/transition-stage", name="a b", version="3", stage="staging", archive_existing_versions="false")  # fmt: skip
    assert moved["model_version"]["current_stage"] == "Staging"


def test_a_dataset_of_the_project_is_lineage(notebook: Notebook, cast: Cast, version: Version) -> None:
    run = notebook.run()
    source = json.dumps({"url": f"https://baton.example/p/churn/data/{version.dataset.name}/v{version.number}/"})
    dataset = {"name": "d", "digest": "1", "source_type": "http", "source": source}
    tags = [{"key": "mlflow.data.context", "value": "training"}]
    notebook.post("runs/log-inputs", run_id=run, datasets=[{"dataset": dataset, "tags": tags}])
    assert RunRecord.objects.get().data == version
    assert [(use.name, use.words) for use in uses_of(version)] == [
        ("Run 1", "logged from a notebook, used it for training")
    ]
    foreign = {**dataset, "digest": "2", "source": source.replace("/p/churn/", "/p/other/")}
    notebook.post("runs/log-inputs", run_id=run, datasets=[{"dataset": foreign}])
    inputs = notebook.get("runs/get", run_id=run)["run"]["inputs"]["dataset_inputs"]
    assert [one["dataset"]["digest"] for one in inputs] == ["1", "2"]
    assert notebook.post("runs/search", experiment_ids=["0"], filter="dataset.context = 'training'")["runs"]
