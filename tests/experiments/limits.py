"""F05: a training that needs more memory than it may have says so, and the next one is trained. For `make large`."""

from collections.abc import Callable
from typing import Any

import pytest

from datasets.models.versions import Version
from experiments.models.runs import Run
from experiments.services.runs import start_run
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
