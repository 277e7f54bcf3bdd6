"""A challenger from its cause to the choice: trained like the model in use, judged on the same rows."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from audit.models import Entry
from datasets.models.versions import Version
from experiments.models.runs import Run
from experiments.packaging import Bundle
from jobs.models import Job
from jobs.report import Silent
from jobs.services import cancel
from monitoring import comparison, demo_story
from monitoring.models import Retraining
from monitoring.services import outcomes, retrainings
from notices.models import Notice
from problems.problem import Conflict, Invalid
from projects.permissions import Role
from storage import blobs
from tests.monitoring.world import (
    GOALS,
    SCHEMA_OF_DATA,
    Live,
    Trained,
    answer,
    engine_spec,
    profile_of,
    train,
    write_table,
)

RunAll = Callable[[], list[Job]]


def publish_newer(live: Live) -> Version:
    """The next version of the data, with customers after the change."""
    table = write_table(live.folder / "newer.parquet", demo_story.newer_history(customers=3000))
    before = live.release.version.run.data
    return Version.objects.create(
        dataset=before.dataset,
        number=2,
        table=blobs.put_file(table),
        rows=4000,
        schema=SCHEMA_OF_DATA,
        profile=profile_of(table),
        state=Version.State.PUBLISHED,
        published_at=timezone.now(),
    )


def test_a_retraining_learns_from_the_newest_published_data_and_carries_its_cause(live: Live) -> None:
    newer = publish_newer(live)
    person = live.cast[Role.MLOPS_ENGINEER]
    retraining = retrainings.retrain(live.monitor, cause="flex is new", by=person)
    run = retraining.run
    assert run.data == newer
    assert (run.cause, run.cause_text) == ("retraining", "flex is new")
    assert run.copied_from == live.release.version.run
    assert run.spec == live.release.version.run.spec
    assert Entry.objects.filter(name="retraining.started", actor_name=person.name).exists()


def test_only_one_retraining_at_a_time(live: Live) -> None:
    person = live.cast[Role.DATA_SCIENTIST]
    retrainings.retrain(live.monitor, cause="drift", by=person)
    with pytest.raises(Conflict, match="under way: run 2") as refused:
        retrainings.retrain(live.monitor, cause="more drift", by=person)
    assert refused.value.facts["blocked_by"] == ["run:2"]
    assert Run.objects.count() == 2


def test_a_retraining_says_why(live: Live) -> None:
    with pytest.raises(Invalid):
        retrainings.retrain(live.monitor, cause="  ", by=live.cast[Role.DATA_SCIENTIST])


def test_from_drift_to_a_compared_challenger(live: Live, run_jobs: RunAll) -> None:
    publish_newer(live)
    piece = live.answered(demo_story.week(5), start=timezone.now() - timedelta(hours=3))
    rows = [{"id": i, "value": v} for i, v in zip(piece.ids, piece.truth, strict=True)]
    person = live.cast[Role.MLOPS_ENGINEER]
    outcomes.send_outcomes(live.monitor.deployment, rows, by=person)
    retraining = retrainings.retrain(live.monitor, cause="flex is new", by=person)
    assert retrainings.look_after() == 0
    assert [job.state for job in run_jobs()] == ["succeeded", "succeeded"]  # the training, and the judging of its model
    assert retrainings.look_after() == 1
    assert retrainings.look_after() == 0
    assert [job.state for job in run_jobs()] == ["succeeded"]
    retraining.refresh_from_db()
    assert retraining.state == Retraining.State.COMPARED
    sets = {part["name"]: part for part in retraining.comparison["sets"]}
    assert set(sets) == {"held_back", "recent"}
    assert sets["recent"]["rows"] == demo_story.ROWS_A_WEEK
    retraining.run.refresh_from_db()
    assert sets["held_back"]["rows"] < 0.6 * retraining.run.evaluation["counts"]["test"]
    target = sets["recent"]["targets"][0]
    assert target["challenger"]["value"] != target["champion"]["value"]
    assert retraining.comparison["finding"]
    assert Notice.objects.filter(text__startswith=f"Run {retraining.run.number} is ready").count() == 3


def test_a_run_that_is_stopped_ends_its_retraining_with_the_reason(live: Live) -> None:
    person = live.cast[Role.DATA_SCIENTIST]
    retraining = retrainings.retrain(live.monitor, cause="drift", by=person)
    cancel(Job.objects.get(kind="experiments.train"), by=person)
    assert retrainings.look_after() == 1
    retraining.refresh_from_db()
    assert retraining.state == Retraining.State.FAILED
    assert retraining.message
    retrainings.retrain(live.monitor, cause="again", by=person)


def compare(trained: Trained, other: Trained, place: Path) -> dict[str, object]:
    (place / "outcomes.json").write_text("{}")
    spec = {
        "champion": str(trained.bundle),
        "challenger": str(other.bundle),
        "champion_run": engine_spec(trained.table),
        "challenger_run": engine_spec(other.table),
        "segments": [],
        "outcomes": "outcomes.json",
        "goals": GOALS,
    }
    return comparison.run(spec, place, Silent())


def test_the_same_model_is_about_as_good_as_itself(trained: Trained, place: Path) -> None:
    found = compare(trained, trained, place)
    assert found["choice"] == "either"
    assert "could be chance" in str(found["finding"])


def test_a_challenger_that_learned_nonsense_is_not_chosen(trained: Trained, place: Path) -> None:
    from dataclasses import replace

    turned = [
        replace(customer, will_leave="no" if customer.will_leave == "yes" else "yes")
        for customer in demo_story.history(customers=1500)
    ]
    wrong = train(place / "wrong", turned)
    honest = Trained(wrong.bundle, trained.table, wrong.answer)
    found = compare(trained, honest, place)
    assert found["choice"] == "champion"


def test_too_few_common_rows_are_said(
    trained: Trained, bundle: Bundle, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "LEAST_ROWS", 10**6)
    with pytest.raises(Invalid, match="fewer than"):
        compare(trained, trained, place)
    assert answer(place / "x.parquet", bundle, [], release="r").rows == 0
