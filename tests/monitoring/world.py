"""A small true world for monitoring: a model trained on the sample's story, and its answers as stored segments."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from django.conf import settings

from datasets.models.versions import Dataset, Version
from deployments.models import Deployment, Release, Segment
from deployments.prediction_ids import new_id
from deployments.sealing import SCHEMA
from experiments import training
from experiments.estimators.catalog import FAMILIES
from experiments.models.registry import Model, ModelVersion
from experiments.models.runs import Run
from experiments.packaging import Bundle
from experiments.signatures import unknown_count
from jobs.report import Silent
from monitoring import demo_story
from monitoring.demo_story import Customer
from monitoring.models import Monitor
from projects.models.define import Contract, Target
from projects.permissions import Role
from storage import blobs, tables
from tests.conftest import Cast

START = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
TYPES = {
    "tenure_months": "integer",
    "monthly_fee": "number",
    "data_use_gb": "number",
    "support_tickets": "integer",
    "router_age_years": "number",
    "paperless": "boolean",
}
SCHEMA_OF_DATA = [{"name": name, "type": TYPES.get(name, "text"), "nullable": True} for name in demo_story.COLUMNS]
INPUTS = [name for name in demo_story.COLUMNS if name not in ("customer_id", "will_leave")]
ARROW = {"integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_(), "text": pa.string()}
SPEC: dict[str, Any] = {
    "target": "will_leave",
    "positive": "yes",
    "inputs": INPUTS,
    "split": {"kind": "random", "seed": 7, "test_share": 0.2},
    "methods": {"logistic": {}},
    "seed": 7,
    "threshold": 0.4,
    "decide_by": None,
}
GOALS = [
    {
        "name": "Find leavers",
        "metric": "recall",
        "direction": "at_least",
        "threshold": 0.5,
        "unit": "",
        "deciding": True,
    }
]


@dataclass(frozen=True)
class Trained:
    """A trained model: its bundle, the table it learned from, and what training said."""

    bundle: Path
    table: Path
    answer: dict[str, Any]


def write_table(path: Path, customers: Sequence[Customer]) -> Path:
    """Customers as a data version's table."""
    schema = pa.schema([(field["name"], ARROW[field["type"]]) for field in SCHEMA_OF_DATA])
    rows = [{name: getattr(customer, name) for name in demo_story.COLUMNS} for customer in customers]
    tables.write(path, schema, [pa.RecordBatch.from_pylist(rows, schema=schema)])
    return path


def engine_spec(table: Path) -> dict[str, Any]:
    """What the training engine wants beside the run's spec."""
    rest = {
        "kind": "binary",
        "schema": SCHEMA_OF_DATA,
        "goals": GOALS,
        "unit": "",
        "run": "test",
        "data_sha256": "0" * 64,
    }
    return SPEC | rest | {"table": str(table), "methods": {"logistic": logistic_settings()}}


def logistic_settings() -> dict[str, Any]:
    """The method's settings at their defaults."""
    return FAMILIES["logistic"].checked({}, "methods.logistic")


def train(folder: Path, customers: Sequence[Customer]) -> Trained:
    """Train in this process, by the real engine."""
    folder.mkdir(parents=True, exist_ok=True)
    table = write_table(folder / "data.parquet", customers)
    answer = training.run(engine_spec(table), folder, Silent())
    return Trained(folder / "bundle.zip", table, answer)


@dataclass(frozen=True)
class Answered:
    """A stored piece of the prediction log and the truth behind its answers."""

    path: Path
    ids: list[str]
    truth: list[str]
    start: datetime
    end: datetime
    rows: int


def answer(
    path: Path,
    bundle: Bundle,
    customers: Sequence[Customer],
    *,
    release: str,
    start: datetime = START,
    deployment: str = "churn",
) -> Answered:
    """Ask the model about customers and store it as the prediction server does, one answer a second."""
    rows = [customer.row() for customer in customers]
    said = bundle.predictor().predict(rows)
    logged = []
    for i, (row, answered) in enumerate(zip(rows, said, strict=True)):
        at = start + timedelta(seconds=i)
        logged.append(
            {
                "id": new_id(settings.SERVING_KEY, deployment, at.timestamp()),
                "at": at,
                "release": release,
                "version": 1,
                "latency_ms": 2.0 + i % 20,
                "answer": json.dumps(answered.answer),
                "number": None,
                "probability": answered.probability,
                "row": json.dumps(row),
                "unknown": unknown_count(bundle.signature, row),
            }
        )
    batch = pa.RecordBatch.from_pylist(logged, schema=SCHEMA)
    tables.write(path, SCHEMA, [batch] if logged else [])
    ids = [entry["id"] for entry in logged]
    end = start + timedelta(seconds=len(logged))
    return Answered(path, ids, [customer.will_leave for customer in customers], start, end, len(logged))


@dataclass
class Live:
    """A deployment in use in the test database, with its monitor and a way to store answers."""

    cast: Cast
    monitor: Monitor
    release: Release
    bundle: Bundle
    folder: Path

    def answered(self, customers: Sequence[Customer], *, start: datetime = START) -> Answered:
        """Store answers as a sealed segment."""
        name = self.monitor.deployment.name
        path = self.folder / f"{start.timestamp()}.parquet"
        piece = answer(path, self.bundle, customers, release=str(self.release.pk), start=start, deployment=name)
        Segment.objects.create(
            deployment=self.monitor.deployment,
            source=path.name,
            table=blobs.put_file(path),
            rows=piece.rows,
            first_at=piece.start,
            last_at=piece.end - timedelta(seconds=1),
        )
        return piece


def go_live(cast: Cast, trained: Trained, bundle: Bundle, folder: Path) -> Live:
    """Every row behind a model in use, written straight into the database."""
    person = cast[Role.DATA_SCIENTIST]
    contract = Contract.objects.create(project=cast.project, version=1, created_by=person)
    for position, goal in enumerate(GOALS):
        Target.objects.create(contract=contract, position=position, **goal)
    dataset = Dataset.objects.create(project=cast.project, name="customers")
    version = Version.objects.create(
        dataset=dataset,
        number=1,
        table=blobs.put_file(trained.table),
        rows=3000,
        schema=SCHEMA_OF_DATA,
        profile=profile_of(trained.table),
        state=Version.State.PUBLISHED,
        published_at=START,
    )
    run = Run.objects.create(
        project=cast.project,
        number=1,
        data=version,
        contract=contract,
        spec=SPEC | {"methods": {"logistic": logistic_settings()}},
        state=Run.State.FINISHED,
        bundle=blobs.put_file(trained.bundle),
        created_by=person,
        **{name: trained.answer[name] for name in ("method", "metrics", "evaluation", "environment")},
    )
    model = Model.objects.create(project=cast.project, name="churn-classifier")
    registered = ModelVersion.objects.create(model=model, number=1, run=run, bundle=run.bundle)
    deployment = Deployment.objects.create(project=cast.project, name="churn-classifier", model=model)
    champion = Release.State.CHAMPION
    release = Release.objects.create(deployment=deployment, version=registered, state=champion, started_at=START)
    monitor = Monitor.objects.create(deployment=deployment)
    return Live(cast, monitor, release, bundle, folder)


def profile_of(table: Path) -> dict[str, Any]:
    """As much of a version's profile as starting a run needs."""
    rows = tables.read(table).to_pylist()
    columns = []
    for field in SCHEMA_OF_DATA:
        values = [row[field["name"]] for row in rows if row[field["name"]] is not None]
        counts = Counter(values).most_common(10)
        entry = {"name": field["name"], "type": field["type"], "missing": len(rows) - len(values)}
        entry |= {"distinct": len(set(values)), "top": [{"value": value, "count": count} for value, count in counts]}
        columns.append(entry)
    return {"rows": len(rows), "columns": columns, "sample": []}
