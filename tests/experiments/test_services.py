"""Starting, finishing and registering runs, through real jobs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from audit.actors import Machine
from audit.models import Entry
from datasets.models.versions import Version
from datasets.queries.versions import table_path
from experiments import training
from experiments.models.registry import ModelVersion
from experiments.models.runs import Cause, Run
from experiments.packaging import Bundle
from experiments.queries.models import bundle_path, champion_metrics, signature_of
from experiments.services.models import register
from experiments.services.runs import engine_spec, finish_run, set_notes, start_run
from experiments.signatures import check_rows
from jobs import services as job_services
from jobs.models import Job
from jobs.models import State as JobState
from jobs.report import Silent
from notices.models import Notice
from problems.problem import Conflict, Invalid
from projects.models.define import Contract
from projects.permissions import Role
from storage.blobs import put_bytes
from tests.conftest import Cast
from tests.experiments.tables import story

pytestmark = pytest.mark.django_db
Train = Callable[..., Run]


def test_a_run_is_trained_judged_and_packed(
    cast: Cast, targets: Contract, version: Version, run_jobs: Callable[[], list[Job]]
) -> None:
    spec = {"target": "left", "inputs": ["plan", "tenure", "price"], "methods": ["logistic"]}
    run, _ = start_run(cast.project, spec=spec, by=cast[Role.DATA_SCIENTIST])
    job, judged = run_jobs()
    assert judged.kind == "experiments.evaluate"
    assert job.state == JobState.SUCCEEDED, job.message
    assert job.percent == 100
    assert job.lines.filter(text__contains="Chosen: Logistic regression").exists()
    run.refresh_from_db()
    assert run.state == Run.State.FINISHED, run.message
    assert run.method == "logistic"
    assert [row["verdict"] for row in run.verdicts] == ["met", "not_met"]
    assert run.contract == targets
    assert set(run.evaluation["methods"]) == {"dummy", "logistic"}
    assert run.metrics["recall"]["low"] <= run.metrics["recall"]["value"] <= run.metrics["recall"]["high"]
    assert run.environment["data_sha256"] == run.data.table_id
    assert Entry.objects.filter(name="run.finished", subject_id=str(run.pk)).exists()
    assert Notice.objects.filter(recipient_id=cast[Role.DATA_SCIENTIST].pk).exists()


def test_an_empty_spec_is_completed_from_the_newest_version(cast: Cast, version: Version) -> None:
    run, job = start_run(cast.project, spec={}, by=cast[Role.DATA_SCIENTIST])
    assert (run.number, run.data, job.queue) == (1, version, "training")
    assert run.spec["target"] == "left"
    assert run.spec["positive"] == "Yes"
    assert set(run.spec["methods"]) == {"boosted", "logistic", "forest"}
    assert not {"customer", "same", "empty", "left"} & set(run.spec["inputs"])


def test_numbers_follow_each_other_per_project(cast: Cast, version: Version) -> None:
    numbers = [start_run(cast.project, spec={}, by=cast[Role.DATA_SCIENTIST])[0].number for _ in range(3)]
    assert numbers == [1, 2, 3]


def test_training_without_a_published_version_is_refused(cast: Cast, make_version: Callable[..., Version]) -> None:
    with pytest.raises(Conflict, match="Publish one first"):
        start_run(cast.project, spec={}, by=cast[Role.DATA_SCIENTIST])
    draft = make_version(cast.project, story(), state=Version.State.DRAFT)
    with pytest.raises(Invalid, match="draft"):
        start_run(cast.project, spec={}, data=draft, by=cast[Role.DATA_SCIENTIST])


def test_a_version_of_another_project_is_refused(cast: Cast, make_version: Callable[..., Version]) -> None:
    foreign = make_version(cast.other_project, story())
    with pytest.raises(Conflict):
        start_run(cast.project, spec={}, data=foreign, by=cast[Role.DATA_SCIENTIST])


def test_what_cannot_work_is_refused_before_the_queue(cast: Cast, version: Version) -> None:
    """F47, as the form and REST are refused."""
    for spec, field in [
        ({"target": "same"}, "target"),
        ({"target": "empty"}, "target"),
        ({"target": "plan"}, "target"),
        ({"target": "nothing"}, "target"),
        ({"target": "left", "positive": "Maybe"}, "positive"),
        ({"target": "left", "inputs": ["left", "price"]}, "inputs"),
        ({"target": "left", "inputs": ["customer", "same"]}, "inputs"),
        ({"methods": {"boosted": {"learning_rate": float("nan")}}}, "methods.boosted.learning_rate"),
        ({"methods": {"linear": {}}}, "methods"),
        ({"split": {"kind": "time"}}, "split.column"),
        ({"seed": -3}, "seed"),
        ({"surprise": 1}, "surprise"),
    ]:
        with pytest.raises(Invalid) as refused:
            start_run(cast.project, spec=spec, by=cast[Role.DATA_SCIENTIST])
        assert field in refused.value.fields, spec
    assert not Run.objects.exists()
    assert not Job.objects.exists()


def test_a_run_that_cannot_be_trained_says_why(cast: Cast, version: Version, run_jobs: Callable[[], list[Job]]) -> None:
    run, _ = start_run(cast.project, spec={"target": "left"}, by=cast[Role.DATA_SCIENTIST])
    Run.objects.filter(pk=run.pk).update(spec=run.spec | {"target": "plan"})
    [job] = run_jobs()
    run.refresh_from_db()
    assert job.state == JobState.FAILED
    assert run.state == Run.State.FAILED
    assert "exactly two" in run.message


def test_a_stopped_run_is_stopped(cast: Cast, version: Version) -> None:
    run, job = start_run(cast.project, spec={}, by=cast[Role.DATA_SCIENTIST])
    job_services.cancel(job, by=cast[Role.DATA_SCIENTIST])
    run.refresh_from_db()
    assert run.state == Run.State.CANCELLED
    assert run.finished_at is not None


def test_retraining_takes_the_newest_version_of_the_same_dataset(
    cast: Cast, trained: Train, make_version: Callable[..., Version]
) -> None:
    first = trained()
    newer = make_version(cast.project, story(seed=2))
    make_version(cast.project, story(seed=3), name="another")
    run, _ = start_run(
        cast.project,
        spec=first.spec,
        by=Machine("monitoring"),
        cause=Cause.RETRAINING,
        cause_text="plan moved",
        copied_from=first,
    )
    assert (run.data, run.cause, run.cause_text, run.created_by) == (newer, "retraining", "plan moved", None)
    by_hand, _ = start_run(cast.project, spec={}, by=cast[Role.DATA_SCIENTIST])
    assert by_hand.data == newer, "a run of one's own goes on with the dataset in use, whatever else was published"


def test_a_registered_run_is_a_version_with_a_readable_bundle(cast: Cast, trained: Train) -> None:
    run = trained()
    version = register(run, name="churn-classifier", reason="finds most", by=cast[Role.DATA_SCIENTIST])
    assert str(version) == "churn-classifier v1"
    bundle = Bundle.open(bundle_path(version))
    assert bundle.signature == signature_of(version)
    assert champion_metrics(version)["recall"].value == run.metrics["recall"]["value"]
    row = {"plan": "yearly", "tenure": 3, "price": 50.0}
    clean, errors = check_rows(bundle.signature, [row])
    assert errors == []
    [answer] = bundle.predictor().predict(clean)
    assert answer.answer in ("Yes", "No")
    assert answer.probability is not None
    assert 0 <= answer.probability <= 1


def test_a_run_is_registered_once_and_versions_follow_each_other(cast: Cast, trained: Train) -> None:
    first, second = trained(), trained(spec={"seed": 8})
    by = cast[Role.DATA_SCIENTIST]
    register(first, name="m", reason="first", by=by)
    assert register(second, name="m", reason="better", by=by).number == 2
    with pytest.raises(Conflict, match="already registered"):
        register(first, name="n", reason="again", by=by)
    assert ModelVersion.objects.count() == 2


def test_an_unfinished_run_cannot_be_registered(cast: Cast, version: Version) -> None:
    run, _ = start_run(cast.project, spec={}, by=cast[Role.DATA_SCIENTIST])
    with pytest.raises(Conflict, match="no model to register"):
        register(run, name="m", reason="r", by=cast[Role.DATA_SCIENTIST])


def test_a_model_keeps_answering_one_question(cast: Cast, trained: Train) -> None:
    by = cast[Role.DATA_SCIENTIST]
    register(trained(), name="m", reason="r", by=by)
    other = trained(spec={"positive": "No"})
    with pytest.raises(Conflict, match="something else"):
        register(other, name="m", reason="r", by=by)


@pytest.mark.parametrize("name", ["", "Has Space", "-x", "a--b", "ü", "x" * 61, "../etc"])
def test_a_models_name_is_checked(cast: Cast, trained: Train, name: str) -> None:
    run = trained()
    with pytest.raises(Invalid) as refused:
        register(run, name=name, reason="r", by=cast[Role.DATA_SCIENTIST])
    assert "name" in refused.value.fields


def test_notes_are_kept_and_audited(cast: Cast, version: Version) -> None:
    run, _ = start_run(cast.project, spec={}, by=cast[Role.DATA_SCIENTIST])
    set_notes(run, notes="looks odd", by=cast[Role.ML_ENGINEER])
    run.refresh_from_db()
    assert run.notes == "looks odd"
    assert Entry.objects.filter(name="run.notes_changed").exists()


def test_a_run_made_again_keeps_the_verdict_on_it(
    cast: Cast, trained: Callable[..., Run], browser_of: Any, api_of: Any, tmp_path: Path
) -> None:
    run = trained()
    scientist = cast[Role.DATA_SCIENTIST]
    told = api_of(scientist).post(
        f"/api/v1/projects/{cast.project.key}/runs/{run.number}/reproduce/", {}, content_type="application/json"
    )
    assert told.status_code == 202
    again = Run.objects.get(project=cast.project, number=told.json()["run"])
    assert (again.cause, again.copied_from, again.data, again.spec) == ("reproduction", run, run.data, run.spec)
    job = job_services.claim(told.json()["job"]["id"], "test")
    assert job is not None
    answer = training.run(engine_spec(again, table_path(again.data)), tmp_path, Silent())
    job_services.succeed(job)
    finish_run(again, json.loads(json.dumps(answer)), put_bytes(b"bundle"))
    again.refresh_from_db()
    assert again.evaluation["reproduction"]["exact"]
    browser = browser_of(scientist)
    sentence = "It came out the same, every metric to the last bit."
    for number in (run.number, again.number):
        assert sentence in browser.get(reverse("run", args=[cast.project.key, number])).content.decode()
    address = reverse("run-reproduce", args=[cast.project.key, run.number])
    assert browser.post(address).status_code == 302
    waiting = Run.objects.order_by("-number").first()
    assert waiting is not None
    assert waiting.cause == "reproduction"
    assert browser.post(reverse("run-reproduce", args=[cast.project.key, waiting.number])).status_code == 409
