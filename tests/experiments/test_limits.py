"""F16: a training that needs more time than it may have ends in words, and what it said is kept."""

from collections.abc import Callable
from dataclasses import replace

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


def test_f16_a_time_limit_is_named_and_what_was_logged_is_kept(
    cast: Cast,
    make_version: Callable[..., Version],
    run_jobs: Callable[[], list[Job]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kind = registry.KINDS["experiments.train"]
    monkeypatch.setitem(registry.KINDS, kind.name, replace(kind, limits=replace(kind.limits, cpu_seconds=6)))
    spec = {"target": "left", "inputs": ["plan", "tenure", "price"], "methods": {"logistic": {}, "forest": {}}}
    spec["methods"]["forest"] = {"n_estimators": 2000}
    data = make_version(cast.project, story(60_000))
    run, _ = start_run(cast.project, spec=spec, data=data, by=cast[Role.DATA_SCIENTIST])
    [job] = run_jobs()
    run.refresh_from_db()
    assert (job.state, job.code, run.state) == (State.FAILED, "time_limit", Run.State.FAILED)
    assert "limit" in run.message
    assert job.lines.filter(text__contains="Logistic regression").exists(), "what it had said is kept"
