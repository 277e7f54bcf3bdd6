"""What the tests of this room play on: small trained models, model versions, and the prediction server as a process."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from django.conf import settings
from django.utils import timezone

from datasets.models.versions import Dataset, Version
from deployments.models import Deployment, Release
from deployments.services.releases import retire_champion
from deployments.services.servers import changed
from experiments import training
from experiments.estimators.catalog import FAMILIES
from experiments.models.registry import Model, ModelVersion
from experiments.models.runs import Run
from jobs.report import Silent
from projects.models.define import Contract, Target
from projects.models.projects import Project
from storage import blobs, tables

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = [
    {"name": "months", "type": "integer", "nullable": False},
    {"name": "charge", "type": "number", "nullable": True},
    {"name": "plan", "type": "text", "nullable": False},
    {"name": "left", "type": "text", "nullable": False},
]
ROW = {"months": 3, "charge": 80.5, "plan": "flex"}


@dataclass(frozen=True)
class Trained:
    """One finished training on disk."""

    table: Path
    bundle: Path
    answer: dict[str, Any]
    spec: dict[str, Any]


def train(folder: Path, method: str = "logistic", seed: int = 7, rows: int = 400, **changes: Any) -> Trained:
    """Train on some rows of a planted story, in this process."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = np.random.default_rng(3)
    months, charge = chance.integers(1, 60, rows), chance.normal(60, 20, rows).round(2)
    plan = chance.choice(["flex", "year", "two years"], rows)
    gone = 1 / (1 + np.exp(-(1.5 - months / 12 + (plan == "flex") * 1.2 + (charge - 60) / 30))) > chance.random(rows)
    charges = [None if i % 20 == 0 else value for i, value in enumerate(charge.tolist())]
    columns = {
        "months": pa.array(months, pa.int64()),
        "charge": pa.array(charges, pa.float64()),
        "plan": pa.array(plan.tolist(), pa.string()),
        "left": pa.array(["yes" if one else "no" for one in gone], pa.string()),
    }
    table = pa.table(columns)
    path = folder / "table.parquet"
    tables.write(path, table.schema, table.to_batches())
    spec: dict[str, Any] = {
        "target": "left",
        "positive": "yes",
        "inputs": ["months", "charge", "plan"],
        "split": {"kind": "random", "seed": 7, "test_share": 0.2},
        "methods": {method: FAMILIES[method].checked({}, "methods")},
        "seed": seed,
        "threshold": 0.5,
        "decide_by": None,
    } | changes
    asked = spec | {"kind": "binary", "table": str(path), "schema": SCHEMA, "goals": [], "unit": "", "run": "run 1"}
    answer = training.run(asked | {"data_sha256": "0" * 64}, folder, Silent())
    return Trained(path, folder / "bundle.zip", answer, spec)


def version_of(project: Project, trained: Trained, name: str = "churn-classifier") -> ModelVersion:
    """Register a training as the next version of a model."""
    dataset, _ = Dataset.objects.get_or_create(project=project, name="customers")
    data = Version.objects.filter(dataset=dataset).first() or Version.objects.create(
        dataset=dataset,
        number=1,
        table=blobs.put_file(trained.table),
        rows=400,
        schema=SCHEMA,
        profile={"rows": 400, "columns": [], "sample": []},
        state="published",
    )
    number = Run.objects.filter(project=project).count() + 1
    answer = trained.answer
    run = Run.objects.create(
        project=project,
        number=number,
        data=data,
        spec=trained.spec,
        state=Run.State.FINISHED,
        method=answer["method"],
        metrics=answer["metrics"],
        evaluation=answer["evaluation"],
        bundle=blobs.put_file(trained.bundle),
    )
    model, _ = Model.objects.get_or_create(project=project, name=name)
    return ModelVersion.objects.create(
        model=model, number=model.versions.count() + 1, run=run, bundle=run.bundle, reason="the best so far"
    )


def agree_targets(project: Project, threshold: float = 0.1, *, signed: bool = True, metric: str = "recall") -> Contract:
    """One deciding target for the project."""
    number = Contract.objects.filter(project=project).count() + 1
    contract = Contract.objects.create(
        project=project,
        version=number,
        created_by=project.created_by,
        signed_by=project.created_by if signed else None,
        signed_at=timezone.now() if signed else None,
    )
    Target.objects.create(
        contract=contract,
        position=1,
        name="Found",
        metric=metric,
        direction="at_least",
        threshold=threshold,
        deciding=True,
    )
    return contract


def put_into_use(version: ModelVersion, by: Any) -> Release:
    """Make a version champion as a promotion would, without its gate and job."""
    deployment = Deployment.objects.filter(model=version.model).first() or Deployment.objects.create(
        project=version.model.project, model=version.model, name=version.model.name
    )
    retire_champion(deployment)
    release = Release.objects.create(
        deployment=deployment, version=version, state=Release.State.CHAMPION, created_by=by, started_at=timezone.now()
    )
    changed()
    return release


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PredictionServer:
    """`manage.py predict` as a process."""

    def __init__(self, port: int, environment: dict[str, str]) -> None:
        self.port, self._environment = port, environment
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, wait_for: str = "/readyz") -> None:
        """Start it and wait until it says that it is ready."""
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "predict", "--port", str(self.port), "--host", "127.0.0.1"],
            cwd=ROOT,
            env=os.environ | self._environment,
            start_new_session=True,
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self.process.poll() is None, "the prediction server ended"
            try:
                if self.get(wait_for)[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise AssertionError("the prediction server did not come up")

    def kill(self) -> None:
        """End it as the power does."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=10)

    def stop(self) -> int:
        """Ask it to stop, and wait."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(timeout=30)

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """A GET."""
        return self.request("GET", path, **headers)

    def predict(self, body: Any, key: str, name: str = "churn-classifier") -> tuple[int, Any]:
        """Ask for predictions; `body` is sent as JSON, or as it is when it is bytes."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        status, _, answer = self.request(
            "POST",
            f"/v1/deployments/{name}/predict",
            content,
            Authorization=f"Bearer {key}",
            Content_Type="application/json",
        )
        return status, json.loads(answer)


def environment_of(database: str) -> dict[str, str]:
    """What a process of this test's instance needs."""
    names = ("SECRET_KEY", "BATON_SEALING_KEYS", "BATON_AUDIT_KEY", "BATON_SERVING_KEY", "BATON_HOSTS")
    kept = {name: os.environ[name] for name in names}
    return kept | {"BATON_DATA": str(settings.DATA_DIR), "DATABASE_URL": database, "BATON_LOG_LEVEL": "WARNING"}


@contextmanager
def running(server: PredictionServer) -> Iterator[PredictionServer]:
    """The server, started, and gone afterwards whatever happens."""
    server.start()
    try:
        yield server
    finally:
        if server.process and server.process.poll() is None:
            server.kill()
