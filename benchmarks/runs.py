"""The runs table at 10 000 runs x 1 000 metrics against 300 ms a page, and the comparison of 100 runs against 1 s.

On SQLite; with DATABASE_URL on the PostgreSQL that it names, which must be empty. BATON_BENCH_RUNS and
BATON_BENCH_METRICS make it smaller. The time of one log of 1 000 points is told beside.
"""

import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.lists import ROOT, _ask, _count_queries, _prepare, _session, _wait

RUNS, METRICS = (
    int(os.environ.get(f"BATON_BENCH_{name}", usual)) for name, usual in (("RUNS", 10_000), ("METRICS", 1000))
)
COMPARED = 100
LIMITS = {"compare": 1000.0}
FILTER = 'metrics.m7 > 0.5 and params.method = "forest" and state != failed'
PAGES = {
    "newest": "/p/bench/train/",
    "by a metric": "/p/bench/train/?order=-metrics.m7&columns=metrics.m7,metrics.m8,params.learning_rate,data,duration",
    "by a metric, last": "/p/bench/train/?order=metrics.m7&page=9999",
    "filtered": f"/p/bench/train/?filter={FILTER.replace(' ', '+').replace('>', '%3E')}&order=-metrics.m9",
    "30 columns": "/p/bench/train/?columns=" + ",".join(f"metrics.m{i}" for i in range(30)),
    "over REST": "/api/v1/projects/bench/runs/?order=-metrics.m7&columns=metrics.m7,params.learning_rate",
    "compare": "/p/bench/compare/?runs=" + ",".join(str(number) for number in range(1, COMPARED + 1)),
}


def main() -> None:
    """One instance, filled; each page asked for by two clients at once; p95 against its limit."""
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as folder:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        _prepare(Path(folder), port)
        began = time.perf_counter()
        user = _fill()
        print(f"{RUNS} runs x {METRICS} metrics, filled in {time.perf_counter() - began:.0f} s")
        _log_speed()
        queries = _count_queries(user, PAGES)
        cookie = _session(user)
        server = subprocess.Popen([sys.executable, "manage.py", "web"], cwd=ROOT)
        try:
            _wait(port)
            for name, address in PAGES.items():
                taken, limit = _ask(port, cookie, address), LIMITS.get(name, 300.0)
                p95 = sorted(taken)[int(len(taken) * 0.95) - 1]
                middle = statistics.median(taken)
                print(
                    f"{name:18} p50 {middle:7.1f} ms  p95 {p95:7.1f} ms  {p95 / limit:5.2f}x  {queries[name]:2} queries"
                )
        finally:
            server.terminate()
            server.wait(timeout=30)


def _fill() -> Any:
    """A project with runs that have ended, and a record with all metrics for each."""
    from django.db import connection, transaction

    from accounts.models import User
    from datasets.models.versions import Dataset, Version
    from projects.models.projects import Project
    from projects.models.team import Membership
    from projects.permissions import Role
    from storage.blobs import put_bytes

    user = User(email="bench@example.org", name="Bench")
    user.set_unusable_password()
    user.save()
    project = Project.objects.create(key="bench", name="Bench", question="Who will leave?", created_by=user)
    Membership.objects.create(project=project, user=user, role=Role.DATA_SCIENTIST)
    dataset = Dataset.objects.create(project=project, name="telco")
    data = Version.objects.create(dataset=dataset, number=1, table=put_bytes(b"x"), rows=1, schema=[], profile={})
    draw = random.Random(7)
    for start in range(1, RUNS + 1, 200):
        with transaction.atomic():
            for number in range(start, min(start + 200, RUNS + 1)):
                _run(project, data, number, draw)
    if connection.vendor == "postgresql":  # as its own autovacuum does a minute later, where that is on
        connection.cursor().execute("ANALYZE")
    return user


def _run(project: Any, data: Any, number: int, draw: random.Random) -> None:
    from experiments.models.records import RunRecord
    from experiments.models.runs import Run
    from experiments.services.tracking import keep

    found = {key: _measured(draw) for key in ("recall", "precision", "roc_auc", "log_loss")}
    method = draw.choice(["forest", "boosted", "logistic"])
    settings = {"learning_rate": round(draw.uniform(0.01, 0.3), 4), "max_iter": draw.choice([50, 100, 200])}
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
    run = Run.objects.create(
        project=project, number=number, data=data, state="finished", method=method, metrics=found, finished_at=at,
        spec={"target": "left", "inputs": ["a"], "methods": {method: settings}, "seed": number},
        evaluation=_evaluation(method, settings, found, draw),
    )  # fmt: skip
    record = RunRecord.objects.create(
        project=project, number=number, run=run, data=data, state="finished", method=method, created_at=at,
        finished_at=at, seconds=draw.uniform(1, 900),
    )  # fmt: skip
    moment = round(at.timestamp() * 1000)
    points = [(f"m{place}", 0, moment, draw.random()) for place in range(METRICS)]
    if number <= COMPARED:
        points += [("held_back.log_loss", step, moment, draw.random()) for step in range(200)]
    keep(record, metrics=points, params={"method": method} | {name: str(value) for name, value in settings.items()})


def _measured(draw: random.Random) -> dict[str, float]:
    value = draw.uniform(0.4, 0.9)
    return {"value": value, "low": value - 0.05, "high": value + 0.05, "n": 1000}


def _evaluation(method: str, settings: Any, found: Any, draw: random.Random) -> dict[str, Any]:
    """As large as a real one: curves of 200 points for three methods."""
    line = [place / 199 for place in range(200)]
    curve = {"x": line, "y": [min(1.0, one + 0.2 * draw.random()) for one in line]}
    bins = [{"said": one / 10, "happened": one / 10, "low": 0.0, "high": 1.0, "n": 100} for one in range(10)]
    counts = {"tp": 100, "fp": 50, "fn": 40, "tn": 810}
    curves = {"roc": curve, "pr": curve, "calibration": bins}
    part = {"name": method, "settings": settings, "metrics": found, "confusion": counts, "curves": curves}
    methods = {method: part, "other": part, "dummy": part}
    return {
        "kind": "binary", "target": "left", "chosen": method, "decide_by": "recall", "threshold": 0.5, "unit": "",
        "methods": methods, "split": {"fingerprint": "same"}, "counts": {"train": 4000, "test": 1000},
    }  # fmt: skip


def _log_speed() -> None:
    """Five keys x 200 steps into a new record, as a notebook's one call brings them."""
    from django.db import transaction

    from experiments.models.records import RunRecord
    from experiments.services.tracking import keep
    from projects.models.projects import Project

    project, taken = Project.objects.get(key="bench"), []
    for place in range(10):
        record = RunRecord.objects.create(project=project, number=RUNS + 1 + place, created_at=datetime.now(UTC))
        points = [(f"m{key}", step, step, step / 7) for key in range(5) for step in range(200)]
        began = time.perf_counter()
        with transaction.atomic():
            keep(record, metrics=points)
        taken.append(1000 * (time.perf_counter() - began))
    print(f"a log of 1 000 points p50 {statistics.median(taken):.1f} ms")


if __name__ == "__main__":
    main()
