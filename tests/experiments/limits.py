"""F05 and F16: a training that needs more memory or time than it may have says so. For `make large`."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from datasets.models.versions import Version
from experiments.models.runs import Run
from experiments.services.runs import start_run
from jobs import registry
from jobs.models import Job, State
from projects.permissions import Role
from tests.conftest import Cast
from tests.experiments.tables import story

pytestmark = pytest.mark.django_db


def test_f05_data_larger_than_the_memory_tells_need_against_limit_and_the_next_run_is_trained(
    cast: Cast, make_version: Callable[..., Version], run_jobs: Callable[[], list[Job]], settings: Any
) -> None:
    spec = {"target": "left", "inputs": ["plan", "tenure", "price"], "methods": ["logistic"]}
    large = make_version(cast.project, story(1_500_000), name="large")
    settings.CHILD_MEMORY_MB = 1024
    run, _ = start_run(cast.project, spec=spec, data=large, by=cast[Role.DATA_SCIENTIST])
    [job] = run_jobs()
    run.refresh_from_db()
    said = [line.text for line in job.lines.all()]
    assert (job.state, job.code, run.state) == (State.FAILED, "memory_limit", Run.State.FAILED), said[-8:]
    assert "than the 1024 MB it may use: it had" in run.message
    assert "fewer rows" in run.message
    small = make_version(cast.project, story(), name="small")
    start_run(cast.project, spec=spec, data=small, by=cast[Role.DATA_SCIENTIST])
    assert run_jobs()[0].state == State.SUCCEEDED


def test_f16_a_time_limit_is_named_and_what_was_logged_is_kept(
    cast: Cast,
    make_version: Callable[..., Version],
    run_jobs: Callable[[], list[Job]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kind = registry.KINDS["experiments.train"]
    monkeypatch.setitem(registry.KINDS, kind.name, replace(kind, limits=replace(kind.limits, cpu_seconds=20)))
    spec = {"target": "left", "inputs": ["plan", "tenure", "price"], "methods": {"logistic": {}, "forest": {}}}
    spec["methods"]["forest"] = {"n_estimators": 2000}
    data = make_version(cast.project, story(60_000))
    run, _ = start_run(cast.project, spec=spec, data=data, by=cast[Role.DATA_SCIENTIST])
    [job] = run_jobs()
    run.refresh_from_db()
    assert (job.state, job.code, run.state) == (State.FAILED, "time_limit", Run.State.FAILED)
    assert "limit" in run.message
    assert job.lines.filter(text__contains="Logistic regression").exists(), "what it had said is kept"
