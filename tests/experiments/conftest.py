"""Data versions as the data room leaves them, and runs over them."""

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
from django.utils import timezone

from datasets.models.versions import Dataset, Version
from datasets.queries.versions import table_path
from experiments import training
from experiments.models.runs import Run
from experiments.services.runs import engine_spec, finish_run, start_run
from jobs import services as job_services
from jobs.report import Silent
from projects.models.define import Charter, Contract, Target
from projects.models.projects import Project
from projects.permissions import Role
from storage.blobs import put_bytes, put_file
from tests.conftest import Cast
from tests.experiments.tables import profile_of, schema_of, story, write

QUICK = {"logistic": {}}


@pytest.fixture
def make_version(tmp_path: Path) -> Callable[..., Version]:
    """A version of a dataset of a project, published unless said otherwise."""

    def make(project: Project, table: pa.Table, name: str = "customers", **fields: Any) -> Version:
        dataset, _ = Dataset.objects.get_or_create(project=project, name=name)
        number = dataset.versions.count() + 1
        blob = put_file(write(table, tmp_path / f"{name}-{number}.parquet"))
        state = fields.pop("state", Version.State.PUBLISHED)
        return Version.objects.create(
            dataset=dataset,
            number=number,
            table=blob,
            rows=table.num_rows,
            schema=schema_of(table),
            profile=profile_of(table),
            state=state,
            published_at=timezone.now() if state == Version.State.PUBLISHED else None,
            **fields,
        )

    return make


@pytest.fixture
def version(cast: Cast, make_version: Callable[..., Version]) -> Version:
    """A small churn-like version of the cast's project."""
    return make_version(cast.project, story())


@pytest.fixture
def targets(cast: Cast) -> Contract:
    """A charter with a word for a yes, and two targets, the first of which decides."""
    Charter.objects.create(project=cast.project, version=1, positive_word="customers who leave")
    contract = Contract.objects.create(project=cast.project, version=1, created_by=cast[Role.BUSINESS_ANALYST])
    shared = {"contract": contract, "direction": "at_least"}
    Target.objects.create(position=0, name="Find the leavers", metric="recall", threshold=0.3, deciding=True, **shared)
    Target.objects.create(position=1, name="Do not waste calls", metric="precision", threshold=0.95, **shared)
    return contract


@pytest.fixture
def trained(cast: Cast, version: Version, tmp_path: Path) -> Callable[..., Run]:
    """A run that was trained by the real engine, in this process and remembered, so that many tests can have one."""

    def train(**fields: Any) -> Run:
        spec = {"target": "left", "inputs": ["plan", "tenure", "price"], "methods": QUICK} | fields.pop("spec", {})
        run, job = start_run(cast.project, spec=spec, by=cast[Role.DATA_SCIENTIST], **fields)
        job_services.claim(str(job.pk), "test")
        job.refresh_from_db()
        answer, bundle = _answered(engine_spec(run, table_path(run.data)))
        job_services.succeed(job)
        return finish_run(run, answer, put_bytes(bundle))

    return train


_ANSWERS: dict[str, tuple[dict[str, Any], bytes]] = {}


def _answered(spec: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    key = json.dumps({name: value for name, value in spec.items() if name not in ("table", "run")}, sort_keys=True)
    if key not in _ANSWERS:
        with TemporaryDirectory() as folder:
            answer = training.run(spec, Path(folder), Silent())
            _ANSWERS[key] = json.loads(json.dumps(answer, allow_nan=False)), (Path(folder) / "bundle.zip").read_bytes()
    return _ANSWERS[key]
