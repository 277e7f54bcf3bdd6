"""Predictions over HTTP, with key check, validation and durable log, against peers that serve the same pipeline.

`BATON_BENCH_PEERS` names the Python of an environment with mlflow, fastapi, pandas and uvicorn; without it only our own
figures are printed. Rounds are interleaved, medians are told. The log lies where TMPDIR is: choose a real disk, which
is what one row at a time waits for. `stored` is a model whose compiled form failed its proof. BATON_BENCH_METHODS
chooses among them.
"""

import base64
import json
import os
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ROUNDS, SECONDS = 3, 1.0
NUMBERS, WORDS, ROWS = 12, 8, 3000
METHODS = os.environ.get("BATON_BENCH_METHODS", "logistic boosted forest stored").split()
SHAPES = ((1, 1), (1, 32), (100, 1), (100, 32))  # rows of a request, connections


def main() -> None:
    """Print medians and ratios for each method and shape."""
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as folder:
        _prepare(Path(folder))
        for method in METHODS:
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
    with ExitStack() as stack:
        port = _port()
        ours = [sys.executable, "manage.py", "predict", "--port", str(port)]
        server = _start(stack, ours, ROOT, f"http://127.0.0.1:{port}/readyz")
        address = f"/v1/deployments/{name}/predict"
        bearer = f"Authorization: Bearer {key}\r\n"
        contestants: dict[str, Callable[[int], bytes]] = {
            "baton": lambda count: _request(address, {"rows": trained["rows"][:count]}, bearer)
        }
        ports, sessions = {"baton": port}, {"baton": server.pid}
        if peers := os.environ.get("BATON_BENCH_PEERS"):
            found = _peers(stack, peers, folder / method, "logistic" if method == "stored" else method, trained["rows"])
            for peer, (at, session, request) in found.items():
                ports[peer], sessions[peer], contestants[peer] = at, session, request
        for count, connections in SHAPES:
            _compare(folder, method, count, connections, contestants, ports, sessions)
        with open(f"/proc/{server.pid}/status") as status:
            memory = next(line for line in status if line.startswith("VmRSS")).split()[1]
        print(f"{method:9} server memory {int(memory) / 1024:.0f} MB", flush=True)


def _compare(
    folder: Path,
    method: str,
    count: int,
    connections: int,
    contestants: dict[str, Callable[[int], bytes]],
    ports: dict[str, int],
    sessions: dict[str, int],
) -> None:
    """One line for each contestant: requests a second, times, processor time of a request, and how many times MLflow.

    Processor time is what a busy machine changes least.
    """
    found: dict[str, list[tuple[float, float, float, float]]] = {name: [] for name in contestants}
    for turn in range(ROUNDS + 1):
        for name, request in contestants.items():
            (folder / "request").write_bytes(request(count))
            command = [sys.executable, str(ROOT / "benchmarks" / "_load.py"), str(ports[name]), str(folder / "request")]
            before = _cpu(sessions[name])
            said = subprocess.run(
                [*command, str(connections), str(SECONDS)], check=True, capture_output=True, text=True
            )
            good, wrong, rate, middle, last = (float(part) for part in said.stdout.split())
            assert wrong == 0, (name, wrong)
            if turn:  # the first round warms
                found[name].append((rate, middle, last, (_cpu(sessions[name]) - before) / max(1, good) * 1000))
    medians = {name: [statistics.median(column) for column in zip(*rows, strict=True)] for name, rows in found.items()}
    for name, (rate, middle, last, cpu) in medians.items():
        times = ""
        if name == "baton" and "mlflow" in medians:
            times = (
                f"  {rate / medians['mlflow'][0]:6.1f}x requests/s, {medians['mlflow'][1] / middle:6.1f}x p50, "
                f"{medians['mlflow'][3] / cpu:6.1f}x processor time of MLflow"
            )
        print(
            f"{method:9} {count:3} rows, {connections:2} clients  {name:8} {rate:8.0f}/s  p50 {middle:8.2f} ms  "
            f"p99 {last:8.2f} ms  processor {cpu:6.3f} ms{times}",
            flush=True,
        )


def _peers(
    stack: ExitStack, python: str, folder: Path, method: str, rows: list[dict[str, Any]]
) -> dict[str, tuple[int, int, Callable[[int], bytes]]]:
    script = str(ROOT / "benchmarks" / "_peers.py")
    subprocess.run([python, script, "train", str(folder / "rows.json"), method, str(folder)], check=True)
    plain = [
        {name: "" if value is None and name.startswith("word") else value for name, value in row.items()}
        for row in rows
    ]
    first, second = _port(), _port()
    serve = [python, "-m", "mlflow", "models", "serve", "-m", str(folder / "mlflow"), "--env-manager", "local"]
    one = _start(stack, [*serve, "-p", str(first)], folder, f"http://127.0.0.1:{first}/ping")
    two = _start(
        stack, [python, script, "fastapi", str(folder), str(second)], folder, f"http://127.0.0.1:{second}/docs"
    )
    return {
        "mlflow": (first, one.pid, lambda count: _request("/invocations", {"dataframe_records": plain[:count]}, "")),
        "fastapi": (second, two.pid, lambda count: _request("/predict", {"rows": plain[:count]}, "")),
    }


def _cpu(session: int) -> float:
    """Seconds of processor time of all processes of a session."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parts = stat.read_text().rpartition(")")[2].split()
            if int(parts[3]) == session:
                total += int(parts[11]) + int(parts[12])
    return total / os.sysconf("SC_CLK_TCK")


def _request(path: str, body: Any, headers: str) -> bytes:
    content = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{headers}"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(stack: ExitStack, command: list[str], cwd: Path, ready: str) -> "subprocess.Popen[bytes]":
    """A server in a group of processes of its own, that ends with the stack."""
    path = f"{Path(command[0]).parent}:{os.environ['PATH']}"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen(command, cwd=cwd, start_new_session=True, env=os.environ | {"PATH": path}, **quiet)
    stack.callback(server.wait, 30)
    stack.callback(os.killpg, server.pid, signal.SIGTERM)
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(ready, timeout=5) as answer:
                if answer.status == 200:
                    return server
        except OSError:
            pass
        time.sleep(0.2)
    raise SystemExit(f"{command[:4]} did not come up.")


def _train(folder: Path, method: str) -> dict[str, Any]:
    import numpy as np
    import pyarrow as pa

    from experiments import training
    from experiments.compiled import estimators
    from experiments.estimators.catalog import FAMILIES
    from experiments.packaging import Bundle
    from jobs.report import Silent
    from storage import tables

    folder.mkdir()
    planted, method = method == "stored", "logistic" if method == "stored" else method
    chance = np.random.default_rng(7)
    first = chance.normal(0, 1, ROWS).round(4)
    columns: dict[str, Any] = {f"number_{i}": chance.normal(0, 1, ROWS).round(4).tolist() for i in range(1, NUMBERS)}
    columns |= {f"word_{i}": chance.choice([f"w{j}" for j in range(16)], ROWS).tolist() for i in range(WORDS)}
    columns = {"number_0": first.tolist(), **columns}
    for values in columns.values():
        for place in np.flatnonzero(chance.random(ROWS) < 0.03):
            values[place] = None
    columns["left"] = ["yes" if value > 0 else "no" for value in first + chance.normal(0, 1, ROWS)]
    table = pa.table(columns)
    with (folder / "rows.json").open("w") as file:
        file.writelines(json.dumps(row) + "\n" for row in table.to_pylist())
    tables.write(folder / "table.parquet", table.schema, table.to_batches())
    types = {"double": "number", "string": "text"}
    schema = [
        {"name": field.name, "type": types[str(field.type)], "nullable": field.name != "left"} for field in table.schema
    ]
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
    usual = dict(estimators.READERS)
    if planted:  # a compiler that is wrong: parity fails, and the stored pipeline serves

        def wrong(estimator: Any) -> tuple[str, Any]:
            link, arrays = usual["LogisticRegression"](estimator)
            return link, arrays | {"weights": arrays["weights"] * 1.01}

        estimators.READERS["LogisticRegression"] = wrong
    asked = spec | {"kind": "binary", "table": str(folder / "table.parquet"), "schema": schema}
    answer = training.run(asked | {"goals": [], "unit": "", "run": "run 1", "data_sha256": "0" * 64}, folder, Silent())
    estimators.READERS.update(usual)
    bundle = Bundle.open(folder / "bundle.zip")
    print(f"{folder.name:9} {answer['evaluation']['serving']}", flush=True)
    rows = (bundle.golden["rows"] * 3)[:100]
    return {"folder": folder, "spec": spec, "schema": schema, "answer": answer, "rows": rows}


def _put_into_use(trained: dict[str, Any], method: str) -> tuple[str, str]:
    """Rows as a promotion leaves them; returns the deployment's name and a key."""
    from django.utils import timezone

    from accounts.models import User
    from datasets.models.versions import Dataset, Version
    from deployments.models import Deployment, Release
    from deployments.services.keys import make_key
    from experiments.models.registry import Model, ModelVersion
    from experiments.models.runs import Run
    from projects.models.projects import Project
    from storage import blobs

    person = User.objects.create(email=f"{method}@example.org", name="Bench")
    project = Project.objects.create(key=f"bench-{method}", name="Bench", question="?", created_by=person)
    dataset = Dataset.objects.create(project=project, name="data")
    table = blobs.put_file(trained["folder"] / "table.parquet")
    data = Version.objects.create(
        dataset=dataset, number=1, table=table, rows=ROWS, schema=trained["schema"], profile={}
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
    _, secret = make_key(deployment, name="bench", days=1, by=person)
    return deployment.name, secret


if __name__ == "__main__":
    main()
