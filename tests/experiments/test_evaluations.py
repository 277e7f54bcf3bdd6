"""Judging a run's model as its own job: the row, its verdicts, its pages, its REST twin, and what is hidden."""

import json
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from django.test import Client

from audit.models import Entry
from datasets.models.tags import ColumnTag
from datasets.models.versions import Version
from experiments.models.evaluations import Evaluation
from experiments.models.runs import Run
from experiments.services.evaluations import start_evaluation
from experiments.services.runs import start_run
from jobs import services as job_services
from jobs.models import Job, State
from problems.problem import Conflict, Invalid
from projects.models.define import Contract
from projects.permissions import Role
from tests.conftest import Cast
from tests.experiments.tables import story

pytestmark = pytest.mark.django_db
Train = Callable[..., Run]
RunJobs = Callable[[], list[Job]]


def test_a_judging_is_read_by_everybody_and_no_sensitive_value_is_told(
    cast: Cast, targets: Contract, version: Version, trained: Train, run_jobs: RunJobs
) -> None:
    run = trained()
    start_evaluation(run, by=cast[Role.DATA_SCIENTIST], attributes=["plan", "senior"])
    [job] = run_jobs()
    assert job.state == State.SUCCEEDED, job.message
    assert (job.kind, job.queue) == ("experiments.evaluate", "evaluation")
    second = Evaluation.objects.get(run=run)
    assert second.state == Evaluation.State.FINISHED
    assert [row["verdict"] for row in second.verdicts] == ["met", "not_met"]
    assert second.found["metrics"]["recall"] == run.metrics["recall"]
    assert Entry.objects.filter(name="evaluation.finished", subject_id=str(second.pk)).exists()
    assert [one["attribute"] for one in second.found["fairness"]["attributes"]] == ["plan", "senior"]

    client = Client()
    client.force_login(cast[Role.DOMAIN_EXPERT])
    page = f"/p/{cast.project.key}/runs/{run.number}/evaluations/1/"
    technical, plain = client.get(page).content.decode(), client.get(f"{page}plain/").content.decode()
    assert "Where is it weakest?" in technical
    assert "Found equally often?" in technical
    assert "Why did it say that?" in technical
    assert "View as table" in technical
    assert "Can you trust its percentages?" in plain
    assert "By plan" in plain
    assert "monthly" in technical
    assert "Evaluation 1" in client.get(f"/p/{cast.project.key}/runs/{run.number}/").content.decode()
    row = second.found["examples"][1]["row"]
    assert f"Row {row + 1}:" in client.get(f"{page}?row={row}").content.decode().replace("&#x27;", "'")

    ColumnTag.objects.create(dataset=version.dataset, column="plan", kind="personal")
    address = f"/api/v1/projects/{cast.project.key}/runs/{run.number}/evaluations/1/"
    for told in (client.get(page), client.get(f"{page}plain/"), client.get(address)):
        assert told.status_code == 200
        assert not {"monthly", "yearly"} & set(told.content.decode().replace('"', " ").split())
    assert client.get(address).json()["found"]["fairness"]["attributes"][0]["groups"][0]["name"] == "group 1"
    client.force_login(cast[Role.DATA_SCIENTIST])
    assert "monthly" in client.get(page).content.decode()


def test_another_version_is_judged_without_the_rows_that_the_model_learned_from(
    trained: Train, cast: Cast, make_version: Callable[..., Version], run_jobs: RunJobs
) -> None:
    run = trained()
    newer = story(400, seed=9)
    make_version(cast.project, pa.concat_tables([story(), newer]))
    elsewhere = make_version(cast.project, newer.drop_columns(["senior"]), name="others")
    client = Client()
    client.force_login(cast[Role.DATA_SCIENTIST])
    address = f"/api/v1/projects/{cast.project.key}/runs/{run.number}/evaluations/"
    for data in ({"dataset": "customers", "version": 2}, {"dataset": "others", "version": 1}):
        sent = client.post(address, json.dumps({"data": data}), "application/json")
        assert sent.status_code == 202, sent.content
    assert [job.state for job in run_jobs()] == [State.SUCCEEDED] * 2
    own, other = Evaluation.objects.filter(run=run).order_by("number")
    assert own.found["rows"]["seen"] == run.evaluation["counts"]["train"]
    assert own.found["rows"]["count"] == 1000 - own.found["rows"]["seen"]
    assert (other.found["rows"]["count"], other.found["rows"]["seen"], other.data) == (400, 0, elsewhere)
    assert "were left out" in client.get(f"/p/{cast.project.key}/runs/1/evaluations/1/").content.decode()
    assert len(client.get(address).json()["results"]) == 2


def test_what_cannot_be_judged_is_refused_at_once(
    trained: Train, cast: Cast, make_version: Callable[..., Version]
) -> None:
    by = cast[Role.DATA_SCIENTIST]
    run = trained()
    with pytest.raises(Invalid, match="lacks tenure, or has another type"):
        start_evaluation(run, by=by, data=make_version(cast.project, story().drop_columns(["tenure"]), name="other"))
    with pytest.raises(Invalid, match="draft"):
        start_evaluation(run, by=by, data=make_version(cast.project, story(), state=Version.State.DRAFT))
    with pytest.raises(Invalid, match="no column “nobody”"):
        start_evaluation(run, by=by, attributes=["nobody"])
    start_evaluation(run, by=by)
    with pytest.raises(Conflict, match="is being judged"):
        start_evaluation(run, by=by)
    waiting, _ = start_run(cast.project, spec={}, by=by)
    with pytest.raises(Conflict, match="no model to judge"):
        start_evaluation(waiting, by=by)


def test_a_stopped_judging_says_so_and_keeps_nothing(trained: Train, cast: Cast) -> None:
    evaluation, job = start_evaluation(trained(), by=cast[Role.DATA_SCIENTIST])
    job_services.cancel(job, by=cast[Role.DATA_SCIENTIST])
    evaluation.refresh_from_db()
    assert (evaluation.state, evaluation.found) == (Evaluation.State.CANCELLED, {})
    client = Client()
    client.force_login(cast[Role.VIEWER])
    assert "was stopped" in client.get(f"/p/{cast.project.key}/runs/1/evaluations/1/").content.decode()
    assert client.get(f"/p/{cast.project.key}/runs/1/evaluations/new/").status_code == 403


def test_numbers_are_judged_too(trained: Train, cast: Cast, version: Version, run_jobs: RunJobs) -> None:
    cast.project.kind = "regression"
    cast.project.save()
    spec = {"target": "spend", "inputs": ["plan", "tenure", "price", "since"], "methods": {"boosted": {}}}
    run = trained(spec=spec)
    start_evaluation(run, by=cast[Role.DATA_SCIENTIST], attributes=["plan"])
    [job] = run_jobs()
    assert job.state == State.SUCCEEDED, job.message
    found = Evaluation.objects.get().found
    assert found["calibration"]["reason"]
    assert found["windows"]["column"] == "since"
    assert set(found["fairness"]["attributes"][0]["measures"]) == {"mae", "bias"}
    client = Client()
    client.force_login(cast[Role.VIEWER])
    for more in ("", "plain/"):
        assert client.get(f"/p/{cast.project.key}/runs/1/evaluations/1/{more}").status_code == 200
    assert np.isfinite(found["seconds"]["stress"])
