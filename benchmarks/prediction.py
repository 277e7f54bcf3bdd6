"""Predictions over HTTP, with key check, validation and durable log, against scikit-learn's own pipeline in process."""

import base64
import http.client
import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ROUNDS, TRIES, CLIENTS = 5, 100, 8
NUMBERS, WORDS = 12, 8


def main() -> None:
    """Print medians and ratios for one row and for 100 rows, for each method."""
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as folder:
        _prepare(Path(folder))
        for method in ("logistic", "boosted", "forest"):
            _measure(Path(folder), method)


def _prepare(folder: Path) -> None:
    """An empty instance of its own."""
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "BATON_DATA": str(folder),
        "SECRET_KEY": secrets.token_urlsafe(64),
        "BATON_SEALING_KEYS": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "BATON_AUDIT_KEY": secrets.token_hex(16),
        "BATON_SERVING_KEY": secrets.token_hex(16),
        "BATON_LOG_LEVEL": "WARNING",
        "OMP_NUM_THREADS": "1",
    }
    sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def _measure(folder: Path, method: str) -> None:
    trained = _train(folder / method, method)
    name, key = _put_into_use(trained, method)
    rows = trained["rows"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen([sys.executable, "manage.py", "predict", "--port", str(port)], cwd=ROOT)
    try:
        _wait(port)
        call = _caller(port, name, key)
        for count in (1, 100):
            body = json.dumps({"rows": rows[:count]}).encode()
            ours, theirs = [], []
            for _ in range(ROUNDS):
                ours.append(_median(lambda: call(body)))  # noqa: B023
                theirs.append(_median(lambda: trained["in_process"](count)))  # noqa: B023
            http_ms, own_ms = statistics.median(ours), statistics.median(theirs)
            rate = _rate(port, name, key, body)
            print(
                f"{method:9} {count:3} rows: over HTTP {http_ms:7.2f} ms, scikit-learn in process {own_ms:7.2f} ms, "
                f"ratio {own_ms / http_ms:5.2f}x; {CLIENTS} clients {rate:6.0f} requests/s"
            )
        with open(f"/proc/{server.pid}/status") as status:
            memory = next(line for line in status if line.startswith("VmRSS")).split()[1]
        print(f"{method:9} server memory {int(memory) / 1024:.0f} MB")
    finally:
        server.terminate()
        server.wait(timeout=30)


def _train(folder: Path, method: str) -> dict[str, Any]:
    import numpy as np
    import pyarrow as pa

    from experiments import training
    from experiments.estimators.catalog import FAMILIES
    from experiments.matrices import from_rows, layout_of
    from experiments.packaging import Bundle
    from jobs.report import Silent
    from storage import tables

    folder.mkdir()
    chance = np.random.default_rng(7)
    columns: dict[str, Any] = {f"number_{i}": chance.normal(0, 1, 3000).round(4) for i in range(NUMBERS)}
    columns |= {f"word_{i}": chance.choice([f"w{j}" for j in range(16)], 3000).tolist() for i in range(WORDS)}
    columns["left"] = ["yes" if value > 0 else "no" for value in columns["number_0"] + chance.normal(0, 1, 3000)]
    table = pa.table(columns)
    tables.write(folder / "table.parquet", table.schema, table.to_batches())
    types = {"double": "number", "string": "text"}
    schema = [{"name": field.name, "type": types[str(field.type)], "nullable": False} for field in table.schema]
    spec: dict[str, Any] = {
        "target": "left",
        "positive": "yes",
        "inputs": [name for name in columns if name != "left"],
        "split": {"kind": "random", "seed": 7, "test_share": 0.2},
        "methods": {method: FAMILIES[method].checked({}, "methods")},
        "seed": 7,
        "threshold": 0.5,
        "decide_by": None,
    }
    asked = spec | {"kind": "binary", "table": str(folder / "table.parquet"), "schema": schema}
    answer = training.run(asked | {"goals": [], "unit": "", "run": "run 1", "data_sha256": "0" * 64}, folder, Silent())
    bundle = Bundle.open(folder / "bundle.zip")
    predictor = bundle.predictor()
    rows = (bundle.golden["rows"] * 3)[:100]
    matrices = {count: from_rows(rows[:count], layout_of(bundle.signature["inputs"])) for count in (1, 100)}
    pipeline = predictor._pipeline
    call: Callable[[int], Any] = lambda count: pipeline.predict_proba(matrices[count])  # noqa: E731
    return {"folder": folder, "spec": spec, "schema": schema, "answer": answer, "rows": rows, "in_process": call}


def _put_into_use(trained: dict[str, Any], method: str) -> tuple[str, str]:
    """Rows as a promotion leaves them; returns the deployment's name and a key."""
    from django.utils import timezone

    from accounts.models import User
    from datasets.models.versions import Dataset, Version
    from deployments import services
    from deployments.models import Deployment, Release
    from experiments.models import Model, ModelVersion, Run
    from projects.models.projects import Project
    from storage import blobs

    person = User.objects.create(email=f"{method}@example.org", name="Bench")
    project = Project.objects.create(key=f"bench-{method}", name="Bench", question="?", created_by=person)
    dataset = Dataset.objects.create(project=project, name="data")
    table = blobs.put_file(trained["folder"] / "table.parquet")
    data = Version.objects.create(
        dataset=dataset, number=1, table=table, rows=3000, schema=trained["schema"], profile={}
    )
    bundle = blobs.put_file(trained["folder"] / "bundle.zip")
    answer = trained["answer"]
    run = Run.objects.create(
        project=project, number=1, data=data, spec=trained["spec"], evaluation=answer["evaluation"], bundle=bundle
    )
    model = Model.objects.create(project=project, name=f"bench-{method}")
    version = ModelVersion.objects.create(model=model, number=1, run=run, bundle=bundle)
    deployment = Deployment.objects.create(project=project, model=model, name=model.name)
    Release.objects.create(
        deployment=deployment, version=version, state=Release.State.CHAMPION, started_at=timezone.now()
    )
    _, secret = services.make_key(deployment, name="bench", days=1, by=person)
    return deployment.name, secret


def _wait(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise SystemExit("The prediction server did not come up.")


def _caller(port: int, name: str, key: str) -> Callable[[bytes], None]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def call(body: bytes) -> None:
        connection.request("POST", f"/v1/deployments/{name}/predict", body, headers)
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status == 200, content

    return call


def _median(call: Callable[[], object]) -> float:
    """Median of single calls, in milliseconds."""
    taken = []
    for _ in range(TRIES):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1000


def _rate(port: int, name: str, key: str, body: bytes) -> float:
    """Answered requests a second with several callers at once, over two seconds."""
    counts, stop = [0] * CLIENTS, time.monotonic() + 2

    def client(place: int) -> None:
        call = _caller(port, name, key)
        while time.monotonic() < stop:
            call(body)
            counts[place] += 1

    threads = [threading.Thread(target=client, args=(place,)) for place in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / 2


if __name__ == "__main__":
    main()
