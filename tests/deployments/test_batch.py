"""Batches: the same answers as the server, refused rows apart, once for the same input, model and key."""

import os
from dataclasses import asdict
from datetime import timedelta

import pyarrow as pa
import pytest
from django.utils import timezone

from audit.actors import Machine
from datasets.models.tags import ColumnTag
from datasets.models.versions import Dataset, Version
from datasets.queries.versions import published_versions
from deployments.batch import engine
from deployments.models import BatchScoring
from deployments.queries.batches import refused_rows, scored_rows
from deployments.services.batch_plans import end_plan, make_plan, start_due_batches
from deployments.services.batches import fail_batch, start_batch
from deployments.serving.inference import Facts, answer, load
from experiments.estimators.catalog import FAMILIES, for_kind
from jobs.models import Job, State
from jobs.report import Silent
from problems.problem import Conflict, Invalid
from projects.permissions import Role
from projects.policies import Rule
from storage import blobs, tables
from tests.conftest import Cast
from tests.deployments import stage

FACTS = Facts("r", "d", "m", 1, "b")
ASK = "months", "charge", "plan"
PARTS = {
    method: {"methods": {one: FAMILIES[one].checked({}, "methods") for one in ("logistic", "forest", method)}}
    for method in ("vote", "stack")
}


def spec_of(trained: stage.Trained, table, keep=("months",), rule=None):
    return {
        "bundle": str(trained.bundle),
        "model": "m",
        "policy": asdict(rule) if rule else None,
        "table": str(table),
        "schema": [one | {"nullable": True} for one in stage.SCHEMA[:3]],
        "keep": list(keep),
    }


def written(path, rows):
    kinds = {"months": pa.int64(), "charge": pa.float64(), "plan": pa.string()}
    table = pa.table({name: pa.array([row[name] for row in rows], kind) for name, kind in kinds.items()})
    tables.write(path, table.schema, table.to_batches())
    return path


USUAL = ["logistic", "forest", "neighbours"]  # two compiled ones and one that its pipeline answers; `make batches`: all
METHODS = [one.key for one in for_kind("binary")] if os.environ.get("BATON_ALL_METHODS") else USUAL


@pytest.mark.parametrize("method", METHODS)
def test_a_batch_answers_each_row_as_the_server_does(method, request, tmp_path, monkeypatch) -> None:
    known = {"logistic": "trained", "forest": "retrained"}.get(method)
    trained = (
        request.getfixturevalue(known)
        if known
        else stage.train(tmp_path / method, method=method, **PARTS.get(method, {}))
    )
    monkeypatch.setattr(engine, "BATCH", 150)
    rows = tables.read(trained.table, list(ASK)).to_pylist()
    rows[7] |= {"plan": "never seen"}
    source = written(tmp_path / "in.parquet", rows)
    rule = Rule(0.3, low=0.25, high=0.35, version=2)
    found = engine.run(spec_of(trained, source, rule=rule), tmp_path, Silent())
    made = tables.read(tmp_path / found["table"]).to_pylist()
    served = answer(load(trained.bundle, "b"), Facts("r", "d", "m", 1, "b", rule), rows, b"key", 0.0).predictions
    assert (found["rows"], found["refused_rows"], found["unseen"]) == (400, 0, 1)
    assert [one["source_row"] for one in made] == list(range(1, 401))
    assert [one["months"] for one in made] == [row["months"] for row in rows]
    for name in ("answer", "decision"):
        assert [one[name] for one in made] == [one[name] for one in served]
    assert [one["probability"] for one in made] == pytest.approx([one["probability"] for one in served], abs=1e-12)


def test_rows_that_do_not_fit_are_kept_apart_with_their_number_and_reason(trained, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(engine, "BATCH", 2)
    bad = {1: {"months": None}, 3: {"charge": 1e31}, 4: {"plan": "x" * 10_001, "months": None}}
    rows = [stage.ROW | bad.get(i, {}) for i in range(6)]
    found = engine.run(spec_of(trained, written(tmp_path / "in.parquet", rows)), tmp_path, Silent())
    aside = tables.read(tmp_path / found["aside"]).to_pylist()
    assert [one["source_row"] for one in aside] == [2, 4, 5]
    assert aside[0]["reason"] == "months must not be null"
    assert aside[2]["reason"] == "months must not be null; plan must not be longer than 10000 characters"
    assert [one["source_row"] for one in tables.read(tmp_path / found["table"]).to_pylist()] == [1, 3, 6]
    rows = [stage.ROW | {"months": None}] * 3
    with pytest.raises(Invalid, match="No row could be scored: row 1: months must not be null"):
        engine.run(spec_of(trained, written(tmp_path / "none.parquet", rows)), tmp_path, Silent())


def data_version(dataset: Dataset, number: int, folder, rows=None) -> Version:
    rows = rows or [stage.ROW | {"months": i or None} for i in range(5)]
    return Version.objects.create(
        dataset=dataset,
        number=number,
        table=blobs.put_file(written(folder / f"v{number}.parquet", rows)),
        rows=len(rows),
        schema=[one | {"nullable": True} for one in stage.SCHEMA[:3]],
        profile={"rows": len(rows), "columns": [], "sample": []},
        state="published",
        published_at=timezone.now(),
    )


@pytest.fixture
def live(cast: Cast, own_folder, trained):
    return stage.put_into_use(stage.version_of(cast.project, trained), cast[Role.OWNER]).deployment


@pytest.mark.django_db
def test_a_batch_is_made_once_read_with_masks_and_stands_in_the_lineage(live, cast: Cast, tmp_path, run_jobs) -> None:
    from datasets.using import uses_of

    dataset = Dataset.objects.create(project=cast.project, name="fresh")
    ColumnTag.objects.create(dataset=dataset, column="charge", kind="personal")
    source = data_version(dataset, 1, tmp_path)
    owner = cast[Role.OWNER]
    batch, job = start_batch(live, source, by=owner)
    assert start_batch(live, source, by=owner)[0] == batch
    assert job is not None
    with pytest.raises(Conflict, match="other columns or another target"):
        start_batch(live, source, keep=["months"], by=owner)
    run_jobs()
    batch.refresh_from_db()
    assert (batch.state, batch.rows, batch.refused_rows) == ("done", 4, 1)
    assert batch.made is not None
    assert batch.made.state == "published"
    # the newest data of the project is still what came from outside
    assert list(published_versions(cast.project).filter(dataset__in=[dataset, batch.made.dataset])) == [
        source,
        batch.made,
    ]
    assert refused_rows(batch) == [{"source_row": 1, "reason": "months must not be null"}]
    shown = scored_rows(batch, frozenset({Role.VIEWER}), limit=1)[0]
    assert shown["charge"] == "hidden"
    assert shown["months"] == 1
    assert scored_rows(batch, frozenset({Role.OWNER}), limit=1)[0]["charge"] == 80.5
    assert start_batch(live, source, by=owner)[0] == batch
    assert BatchScoring.objects.count() == 1
    again, _ = start_batch(live, source, key="again", by=owner)
    assert again.number == 2
    assert [use.kind for use in uses_of(source)] == ["batch"]
    assert "made it of fresh v1" in uses_of(batch.made)[0].words
    Job.objects.filter(payload__batch=str(again.pk)).update(state=State.CANCELLED, message="Stopped.")
    fail_batch(Job.objects.get(payload__batch=str(again.pk)))
    again.refresh_from_db()
    assert again.state == "cancelled"
    assert start_batch(live, source, key="again", by=owner)[0].number == 3


@pytest.mark.django_db
def test_what_cannot_be_scored_is_refused_before_it_starts(live, cast: Cast, tmp_path) -> None:
    dataset = Dataset.objects.create(project=cast.project, name="fresh")
    source, by = data_version(dataset, 1, tmp_path), cast[Role.OWNER]
    with pytest.raises(Invalid, match="was never in use"):
        start_batch(live, source, number=9, by=by)
    with pytest.raises(Invalid, match="which goes in"):
        start_batch(live, source, target="fresh", by=by)
    with pytest.raises(Invalid, match="has no column"):
        start_batch(live, source, keep=["nothing"], by=by)
    Version.objects.filter(pk=source.pk).update(schema=source.schema[1:])
    source.refresh_from_db()
    with pytest.raises(Invalid, match="months is missing"):
        start_batch(live, source, by=by)
    source.state = "draft"
    with pytest.raises(Invalid, match="draft"):
        start_batch(live, source, by=by)
    assert not BatchScoring.objects.exists()


@pytest.mark.django_db
def test_a_plan_scores_each_new_version_once_and_never_in_a_circle(live, cast: Cast, tmp_path) -> None:
    dataset, by = Dataset.objects.create(project=cast.project, name="fresh"), cast[Role.OWNER]
    old = data_version(dataset, 1, tmp_path)
    Version.objects.filter(pk=old.pk).update(published_at=timezone.now() - timedelta(days=1))
    with pytest.raises(Invalid, match="without an end"):
        make_plan(live, dataset, on_new=True, target="fresh", by=by)
    with pytest.raises(Invalid, match="Say when"):
        make_plan(live, dataset, on_new=False, by=by)
    plan = make_plan(live, dataset, on_new=True, target="out", by=by)
    with pytest.raises(Invalid, match="without an end"):
        make_plan(live, Dataset.objects.get(name="out"), on_new=True, target="fresh", by=by)
    assert start_due_batches() == 0
    data_version(dataset, 2, tmp_path)
    assert start_due_batches() == 1
    assert start_due_batches() == 0
    daily = make_plan(live, dataset, on_new=False, schedule="daily", target="daily", by=by)
    type(daily).objects.filter(pk=daily.pk).update(next_at=timezone.now() - timedelta(minutes=1))
    assert start_due_batches() == 1
    assert start_due_batches() == 0
    end_plan(plan, by=Machine("test"))
    data_version(dataset, 3, tmp_path)
    assert start_due_batches() == 0
