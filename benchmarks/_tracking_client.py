"""What `benchmarks.tracking` asks of a tracking server, run by the Python of an environment that has mlflow.

python _tracking_client.py runs COUNT     whole runs: 20 parameters, 5 tags, 975 points in one batch
python _tracking_client.py calls COUNT    log_metric, one call a point
python _tracking_client.py pages COUNT    pages of 100 runs of the experiment `filled`

Prints what took how long as JSON: seconds for each run, call or page.
"""

import json
import sys
import time
import uuid
from typing import Any

import mlflow
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


if __name__ == "__main__":
    mlflow.autolog(disable=True)
    print(json.dumps({"runs": runs, "calls": calls, "pages": pages}[sys.argv[1]](int(sys.argv[2]))))
