"""What `benchmarks.tracking` asks of a tracking server, run by the Python of an environment that has mlflow.

python _tracking_client.py runs COUNT     whole runs: 20 parameters, 5 tags, 975 points in one batch
python _tracking_client.py calls COUNT    log_metric, one call a point
python _tracking_client.py pages COUNT    pages of 100 runs of the experiment `filled`
python _tracking_client.py plain COUNT    the same requests over plain HTTP: what the server takes without its client

Prints what took how long as JSON: seconds for each run, call or page.
"""

import json
import os
import sys
import time
import uuid
from typing import Any

import mlflow
import requests
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

client = MlflowClient()
FILTER = "metrics.m1 > 0.5 AND params.p1 = '3'"


def experiment() -> str:
    return str(client.create_experiment(f"bench {uuid.uuid4().hex}"))


def timed(act: Any, count: int) -> list[float]:
    act()
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        act()
        taken.append(time.perf_counter() - began)
    return taken


def runs(count: int) -> dict[str, list[float]]:
    number = experiment()
    params = [Param(f"p{place}", str(place)) for place in range(20)]
    tags = [RunTag(f"t{place}", str(place)) for place in range(5)]

    def one() -> None:
        run = client.create_run(number)
        now = int(time.time() * 1000)
        points = [Metric(f"m{key}", step / 7, now + step, step) for key in range(5) for step in range(195)]
        client.log_batch(run.info.run_id, points, params, tags)  # 975 points: a batch takes 1 000 of all
        client.set_terminated(run.info.run_id)

    return {"runs": timed(one, count)}


def calls(count: int) -> dict[str, list[float]]:
    run = client.create_run(experiment())
    steps = iter(range(10**9))
    return {"calls": timed(lambda: client.log_metric(run.info.run_id, "m", 0.5, step=next(steps)), count)}


def pages(count: int) -> dict[str, list[float]]:
    number = client.get_experiment_by_name("filled").experiment_id
    ordered = {"order_by": ["metrics.m1 DESC"]}
    first = client.search_runs([number], max_results=100, **ordered)
    asked: dict[str, dict[str, Any]] = {
        "by a metric": ordered,
        "second page": {**ordered, "page_token": first.token},
        "filtered, by a metric": {**ordered, "filter_string": FILTER},
        "newest": {},
    }
    return {name: timed(lambda: _page(number, given), count) for name, given in asked.items()}  # noqa: B023


def _page(number: str, given: dict[str, Any]) -> None:
    assert len(client.search_runs([number], max_results=100, **given)) == 100


def plain(count: int) -> dict[str, list[float]]:
    web, base = requests.Session(), f"{os.environ['MLFLOW_TRACKING_URI']}/api/2.0/mlflow"
    if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
        web.headers["Authorization"] = f"Bearer {token}"

    def post(path: str, **body: Any) -> Any:
        answer = web.post(f"{base}/{path}", json=body)
        answer.raise_for_status()
        return answer.json()

    folder, filled = experiment(), client.get_experiment_by_name("filled").experiment_id
    points = [
        {"key": f"m{key}", "value": step / 7, "timestamp": 1000 + step, "step": step}
        for key in range(5)
        for step in range(195)
    ]
    new = [post("runs/create", experiment_id=folder)["run"]["info"]["run_id"] for _ in range(count + 2)]
    steps, runs_left = iter(range(10**9)), iter(new[1:])
    search = {"experiment_ids": [filled], "max_results": 100, "order_by": ["metrics.m1 DESC"]}
    one = {"run_id": new[0], "key": "m", "value": 0.5, "timestamp": 1}
    return {
        "log-metric, plain": timed(lambda: post("runs/log-metric", **one, step=next(steps)), count),
        "log-batch, plain": timed(lambda: post("runs/log-batch", run_id=next(runs_left), metrics=points), count),
        "by a metric, plain": timed(lambda: post("runs/search", **search), count),
    }


if __name__ == "__main__":
    mlflow.autolog(disable=True)
    print(json.dumps({"runs": runs, "calls": calls, "pages": pages, "plain": plain}[sys.argv[1]](int(sys.argv[2]))))
