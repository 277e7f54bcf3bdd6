"""What a data scientist's notebook does, run by the Python of an environment with some version of mlflow.

python client_script.py ROWS.csv LINK      LINK is the address of the dataset version that ROWS.csv holds

Everything that is logged is read back and compared here; what the caller goes on with is printed as JSON.
"""

import json
import math
import sys
import tempfile
from pathlib import Path
from typing import Any

import mlflow
import mlflow.data.http_dataset_source
import mlflow.sklearn
import pandas as pd
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

NEW = int(mlflow.__version__.partition(".")[0]) >= 3
client = MlflowClient()


def pipeline() -> Any:
    columns = make_column_transformer(
        (StandardScaler(), ["months"]), (OneHotEncoder(handle_unknown="ignore"), ["plan"])
    )
    return make_pipeline(columns, LogisticRegression(max_iter=500))


def main(rows: str, link: str, mark: str = "") -> None:
    frame = pd.read_csv(rows)
    X, y = frame[["plan", "months"]], frame["left"]
    experiment = mlflow.set_experiment(f"notebook: first/tries{mark}").experiment_id
    assert mlflow.set_experiment(f"notebook: first/tries{mark}").experiment_id == experiment
    said: dict[str, Any] = {"version": mlflow.__version__, "experiment": experiment}
    said["manual"] = manual(frame, link)
    said["autolog"] = autolog(X, y)
    searches(experiment, said["manual"])
    said |= registry(X, y, f"leavers{mark}")
    if NEW:
        said["trace"] = traces(experiment)
    sys.stdout.write(f"{json.dumps(said)}\n")


def manual(frame: pd.DataFrame, link: str) -> str:
    """All that the fluent API logs, and all read back."""
    mlflow.autolog(disable=True)
    with mlflow.start_run(run_name="by hand", description="A note.") as run, tempfile.TemporaryDirectory() as folder:
        mlflow.log_param("one", 1)
        mlflow.log_params({f"p{number}": "x" * number for number in range(150)})
        mlflow.log_metric("loss", 0.5, step=0)
        mlflow.log_metrics({"loss": 0.25, "recall": 0.75}, step=1)
        mlflow.log_metric("odd", math.nan)
        mlflow.log_metric("large", math.inf)
        mlflow.set_tag("team", "churn")
        mlflow.set_tags({"a": "b", "team": "sales"})
        mlflow.log_text("Hello", "notes/hello.txt")
        mlflow.log_dict({"a": [1, 2]}, "facts.json")
        mlflow.log_table({"q": ["a"], "n": [1]}, "table.json")
        (Path(folder) / "ü b.bin").write_bytes(b"\x00\x01" * 100_000)
        mlflow.log_artifact(str(Path(folder) / "ü b.bin"), "files")
        mlflow.log_artifacts(folder, "all")
        source = mlflow.data.http_dataset_source.HTTPDatasetSource(link)
        mlflow.log_input(mlflow.data.from_pandas(frame, source=source, name="rows"), context="training")
        client.log_batch(
            run.info.run_id, metrics=[mlflow.entities.Metric("m", place, place, place) for place in range(3000)]
        )
    with mlflow.start_run(run_id=run.info.run_id):
        mlflow.log_metric("later", 1)
    with mlflow.start_run(run_name="parent") as parent, mlflow.start_run(run_name="child", nested=True) as child:
        pass
    assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
    read(run.info.run_id)
    return str(run.info.run_id)


def read(run_id: str) -> None:
    found = client.get_run(run_id)
    assert found.info.status == "FINISHED"
    assert found.info.run_name == "by hand"
    assert found.data.tags["mlflow.note.content"] == "A note."
    assert found.data.tags["team"] == "sales"
    assert found.data.params["p149"] == "x" * 149
    assert len(found.data.params) == 151
    assert found.data.metrics["loss"] == 0.25
    assert math.isnan(found.data.metrics["odd"])
    assert found.data.metrics["large"] > 1e308
    assert found.inputs.dataset_inputs[0].dataset.name == "rows"
    assert [point.value for point in client.get_metric_history(run_id, "loss")] == [0.5, 0.25]
    assert len(client.get_metric_history(run_id, "m")) == 3000
    names = {one.path for one in client.list_artifacts(run_id)}
    assert {"notes", "facts.json", "table.json", "files", "all"} <= names
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/notes/hello.txt") == "Hello"
    assert mlflow.artifacts.load_dict(f"runs:/{run_id}/facts.json") == {"a": [1, 2]}
    assert list(mlflow.load_table("table.json", run_ids=[run_id])["q"]) == ["a"]
    place = mlflow.artifacts.download_artifacts(f"runs:/{run_id}/files/ü b.bin")
    assert Path(place).read_bytes() == b"\x00\x01" * 100_000
    said = ""
    try:
        client.log_param(run_id, "one", 2)
    except MlflowException as refused:
        said = str(refused)
    assert "Changing param values is not allowed" in said


def autolog(X: pd.DataFrame, y: pd.Series) -> str:
    """Autolog of a search over settings."""
    mlflow.sklearn.autolog(max_tuning_runs=3)
    with mlflow.start_run(run_name="search") as run:
        search = GridSearchCV(pipeline(), {"logisticregression__C": [0.1, 1.0, 10.0]}, cv=3)
        search.fit(X, y)
        search.score(X, y)
    mlflow.sklearn.autolog(disable=True)
    found = client.get_run(run.info.run_id)
    assert "best_cv_score" in found.data.metrics
    assert found.data.params["best_logisticregression__C"] == str(search.best_params_["logisticregression__C"])
    parent = f"tags.`mlflow.parentRunId` = '{run.info.run_id}'"
    children = mlflow.search_runs(filter_string=parent, output_format="list")
    assert len(children) == 3, children
    assert len(client.list_artifacts(run.info.run_id)) > 0
    return str(run.info.run_id)


def searches(experiment: str, run_id: str) -> None:
    for text, count in (
        ("metrics.recall > 0.7 and params.one = '1'", 1), ("tags.team ILIKE 'SAL%'", 1), ("params.one IS NULL", None),
        ("attributes.run_name LIKE 'by %' AND status = 'FINISHED'", 1), ("metrics.recall > 0.8", 0),
        ("dataset.name = 'rows'", 1), (f"run_id IN ('{run_id}')", 1),
    ):  # fmt: skip
        found = client.search_runs([experiment], text, order_by=["metrics.loss DESC", "start_time ASC"])
        assert count is None or len(found) == count, (text, len(found))
    first = client.search_runs([experiment], max_results=1)
    assert (
        client.search_runs([experiment], max_results=1, page_token=first.token)[0].info.run_id != first[0].info.run_id
    )
    assert (
        client.search_experiments(filter_string="name LIKE 'notebook%'", order_by=["creation_time DESC"])[
            0
        ].experiment_id
        == experiment
    )


def registry(X: pd.DataFrame, y: pd.Series, registered: str) -> dict[str, Any]:
    """Register twice, alias, load by alias and by run, evaluate."""
    model = pipeline().fit(X, y)
    signature = mlflow.models.infer_signature(X, model.predict(X))
    name: dict[str, Any] = {"name": "model"} if NEW else {"artifact_path": "model"}
    kind: dict[str, Any] = {"serialization_format": "skops"} if NEW else {}
    said: dict[str, Any] = {}
    for _ in range(2):
        with mlflow.start_run(run_name="model") as run:
            info = mlflow.sklearn.log_model(
                model, signature=signature, registered_model_name=registered, **name, **kind
            )
    said["model_run"] = run.info.run_id
    if NEW:
        said["model"] = info.model_id
    client.set_registered_model_alias(registered, "champion", "2")
    client.set_model_version_tag(registered, "2", "checked", "yes")
    client.update_model_version(registered, "2", description="The second.")
    assert client.get_model_version_by_alias(registered, "champion").version in ("2", 2)
    assert client.get_registered_model(registered).aliases == {"champion": "2"}
    assert len(client.search_model_versions(f"name = '{registered}'")) == 2
    assert [one.name for one in client.search_registered_models(f"name ILIKE '{registered.upper()}'")] == [registered]
    expected = list(model.predict(X[:20]))
    for uri in (
        f"models:/{registered}@champion",
        f"models:/{registered}/latest",
        f"models:/{registered}/1",
        f"runs:/{run.info.run_id}/model",
    ):
        loaded = mlflow.sklearn.load_model(uri)
        assert list(loaded.predict(X[:20])) == expected, uri
    with mlflow.start_run(run_name="evaluated") as evaluated:
        table = X[["months"]].assign(
            truth=(y == "yes").astype(int), said=(pd.Series(model.predict(X)) == "yes").astype(int)
        )
        result = mlflow.models.evaluate(data=table, predictions="said", targets="truth", model_type="classifier",
                                        evaluators=["default"])  # fmt: skip
    assert client.get_run(evaluated.info.run_id).data.metrics["accuracy_score"] == result.metrics["accuracy_score"]
    return said


def traces(experiment: str) -> str:
    """A traced call, read back with its spans, found, tagged and deleted."""

    @mlflow.trace(name="inner")
    def inner(x: int) -> int:
        return x + 1

    @mlflow.trace(name="outer")
    def outer(x: int) -> int:
        return inner(x) * 2

    assert outer(3) == 8
    first = mlflow.get_last_active_trace_id()
    outer(4)
    second = mlflow.get_last_active_trace_id()
    mlflow.flush_trace_async_logging()
    found = client.get_trace(first)
    assert [span.name for span in found.data.spans] == ["outer", "inner"]
    assert found.data.spans[0].outputs == 8
    assert found.info.state == "OK"
    client.set_trace_tag(first, "good", "yes")
    rows = mlflow.search_traces(locations=[experiment], filter_string="tags.good = 'yes'", return_type="list")
    assert [one.info.trace_id for one in rows] == [first]
    assert rows[0].data.spans[1].inputs == {"x": 3}
    assert len(mlflow.search_traces(locations=[experiment], return_type="list")) == 2
    client.delete_trace_tag(first, "good")
    assert client.delete_traces(experiment, trace_ids=[second]) == 1
    assert len(mlflow.search_traces(locations=[experiment], return_type="list")) == 1
    return str(first)


if __name__ == "__main__":
    main(*sys.argv[1:])
