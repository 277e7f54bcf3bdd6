"""What fills a genuine MLflow server before it is imported; run by the Python of an environment that has mlflow.

python peer_script.py fill RUNS   three experiments with so many runs, a long metric, files, models, names and aliases
python peer_script.py count       what there is, as JSON, read back by the client
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType

client = MlflowClient()
LONG = 10_000


def _many(number: str, count: int) -> None:
    now = int(time.time() * 1000) - 10_000_000
    for place in range(count):
        run = client.create_run(number, start_time=now + place, run_name=f"run {place}", tags={"team": "Größe/ü"})
        points = [Metric("loss", 1 / (step + place + 1), now + step, step) for step in range(20)]
        points += [Metric("odd", float("nan"), now, 0), Metric("odd", float("inf"), now + 1, 1)]
        params = [Param("depth", str(place)), Param("empty", ""), Param("long", "x" * 500)]
        client.log_batch(run.info.run_id, points, params, [RunTag("place", str(place))])
        client.set_terminated(run.info.run_id, "FAILED" if place % 7 == 0 else "FINISHED", now + place + 5000)


def _long(number: str) -> None:
    run = client.create_run(number, run_name="long")
    now = int(time.time() * 1000)
    for start in range(0, LONG, 1000):
        points = [Metric("long", step * 0.5, now + step, step) for step in range(start, start + 1000)]
        client.log_batch(run.info.run_id, points)
    client.set_terminated(run.info.run_id)


def _files(number: str) -> None:
    with mlflow.start_run(experiment_id=number, run_name="files"), tempfile.TemporaryDirectory() as folder:
        for name, size in (("big.bin", 3_000_000), ("small ü.txt", 20)):
            Path(folder, name).write_bytes(os.urandom(size))
        Path(folder, "nested/deep").mkdir(parents=True)
        Path(folder, "nested/deep/one.txt").write_text("deep")
        Path(folder, "empty.txt").write_text("")
        mlflow.log_artifacts(folder, "kept")
        mlflow.log_text("on top", "top.txt")


def _models(number: str) -> None:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    for form in ("skops", "cloudpickle"):
        with mlflow.start_run(experiment_id=number, run_name=form) as run:
            mlflow.log_metric("acc", 0.75)
            named = {"name": "model"} if hasattr(mlflow, "create_external_model") else {"artifact_path": "model"}
            forms = {"serialization_format": form} if "name" in named or form != "skops" else {}
            mlflow.sklearn.log_model(model, **named, **forms)
            mlflow.register_model(f"runs:/{run.info.run_id}/model", "leavers", tags={"form": form})
    client.set_registered_model_alias("leavers", "champion", "1")
    client.set_registered_model_tag("leavers", "owner", "sales")
    client.update_registered_model("leavers", description="Who leaves")
    client.update_model_version("leavers", "2", description="kept as a pickle")


def fill(runs: int) -> None:
    numbers = [client.create_experiment(name, tags={"why": "trial"}) for name in ("many", "few", "gone")]
    _many(numbers[0], runs)
    for act in (_long, _files, _models):
        act(numbers[1])
    with mlflow.start_run(experiment_id=numbers[1], run_name="parent"), mlflow.start_run(nested=True, run_name="child"):
        mlflow.log_param("inner", "yes")
    still = client.create_run(numbers[1], run_name="still running")
    client.log_metric(still.info.run_id, "loss", 3.0)
    client.delete_run(client.create_run(numbers[1], run_name="deleted").info.run_id)
    client.delete_experiment(numbers[2])
    with mlflow.start_run(experiment_id="0", run_name="in the default"):
        mlflow.log_metric("m", 1.0)


def _tree(run: str, path: str | None = None) -> list[tuple[str, int]]:
    found = []
    for one in client.list_artifacts(run, path):
        found += _tree(run, one.path) if one.is_dir else [(one.path, one.file_size or 0)]
    return found


def count() -> None:
    folders = client.search_experiments(view_type=ViewType.ACTIVE_ONLY)
    runs, token = [], None
    for folder in folders:
        while True:
            page = client.search_runs([folder.experiment_id], max_results=500, page_token=token)
            runs, token = runs + list(page), page.token
            if not token:
                break
    files = [size for run in runs for _, size in _tree(run.info.run_id)]
    points = {f"{run.info.run_id} {name}": len(client.get_metric_history(run.info.run_id, name))
              for run in runs for name in run.data.metrics}  # fmt: skip
    versions = client.search_model_versions()
    said = {
        "experiments": len(folders), "runs": len(runs), "params": sum(len(run.data.params) for run in runs),
        "metrics": len(points), "points": sum(points.values()), "files": len(files), "bytes": sum(files),
        "tags": sum(len(run.data.tags) for run in runs), "names": len(client.search_registered_models()),
        "versions": len(versions), "states": sorted({run.info.status for run in runs}),
        "ids": sorted(run.info.run_id for run in runs),
    }  # fmt: skip
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    fill(int(sys.argv[2])) if sys.argv[1] == "fill" else count()
