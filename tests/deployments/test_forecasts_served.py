"""A forecast on its whole way: through the gate, answered by the real server, measured, retrained and compared."""

import json
from datetime import date, timedelta
from pathlib import Path

from django.utils import timezone

from datasets.models.versions import Dataset, Version
from deployments.jobs import seal_when_due
from deployments.models import Release
from deployments.queries.versions import latest_gate
from deployments.services.gates import request_promotion
from deployments.services.keys import make_key
from deployments.services.releases import promote
from experiments.models.registry import ModelVersion
from experiments.models.runs import Run
from experiments.services.models import register
from monitoring.models import Retraining, Window
from monitoring.services import monitors, outcomes, retrainings
from projects.models.define import Contract, Target
from projects.models.projects import Kind, Project
from projects.permissions import Role
from projects.services.gates import sign_gate
from storage import blobs
from tests.deployments.stage import running
from tests.experiments.tables import profile_of, schema_of, write
from tests.experiments.test_forecasts import shops, sold, spec_of

PLAN = {"time": "day", "key": "shop", "horizon": 7}
DAYS = [(date(2025, 8, 29) + timedelta(number)).isoformat() for number in range(7)]


def _version(project: Project, folder: Path, number: int, days: int) -> Version:
    dataset, _ = Dataset.objects.get_or_create(project=project, name="sales")
    table = shops(days)
    kept = blobs.put_file(write(table, folder / f"{number}.parquet"))
    about = {"schema": schema_of(table), "profile": profile_of(table), "state": "published"}
    return Version.objects.create(
        dataset=dataset, number=number, table=kept, rows=table.num_rows, published_at=timezone.now(), **about
    )


def _registered(project: Project, folder: Path, cast) -> ModelVersion:
    """The model of the two shops, with a signed target."""
    people = {"created_by": cast[Role.BUSINESS_ANALYST], "signed_by": cast[Role.BUSINESS_ANALYST]}
    contract = Contract.objects.create(project=project, version=1, signed_at=timezone.now(), **people)
    goal = {"metric": "mae", "direction": "at_most", "threshold": 8.0, "deciding": True}
    Target.objects.create(contract=contract, position=0, name="Be near", **goal)
    answer, content = sold()
    asked = spec_of(shops(), target="sold", inputs=["sale"], methods=["linear"], forecast=PLAN)
    kept = {name: answer[name] for name in ("method", "metrics", "evaluation", "environment")}
    version = _version(project, folder, 1, 240)
    run = Run.objects.create(
        project=project, number=1, data=version, spec=asked, state="finished", contract=contract,
        bundle=blobs.put_bytes(content), **kept,
    )  # fmt: skip
    return register(run, name="sales", reason="near enough", by=cast[Role.DATA_SCIENTIST])


def _promoted(version: ModelVersion, cast, run_jobs) -> Release:
    """Through the gate, as every model."""
    by = cast[Role.MLOPS_ENGINEER]
    request_promotion(version, environment="production", comment="", by=by)
    run_jobs()
    gate = latest_gate(version)
    assert {check["key"]: check["state"] for check in gate.checks if check["state"] != "pass"} == {}
    for role in (Role.BUSINESS_ANALYST, Role.ML_ENGINEER):
        sign_gate(gate, role=role, given=True, reason="", by=cast[role])
    promote(version, environment="production", comment="", by=by)
    run_jobs()
    release = Release.objects.get()
    assert release.state == Release.State.CHAMPION, release.message
    return release


def _answered(server, key: str) -> list[dict]:
    """What the server says of the coming week, and that it describes and refuses as it should."""
    rows = [{"day": day, "shop": shop, "sale": False} for day in DAYS for shop in ("north", "south")] * 4
    with running(server):
        status, told = server.predict({"rows": rows}, key, name="sales")
        assert status == 200, told
        status, refused = server.predict({"row": rows[0] | {"day": "2026-08-29"}}, key, name="sales")
        assert (status, refused["errors"][0]["field"]) == (422, "day")
        document = json.loads(server.get("/v1/deployments/sales/openapi.json", Authorization=f"Bearer {key}")[2])
        asked = document["paths"]["/v1/deployments/sales/predict"]["post"]["requestBody"]["content"]
        assert server.predict(asked["application/json"]["example"], key, name="sales")[0] == 200
        server.stop()
    said = told["predictions"]
    assert len(said) == len(rows)
    assert all(one["low"] < one["answer"] < one["high"] for one in said)
    return said


def test_a_forecast_is_promoted_answers_is_measured_and_retrained(shared_cast, server, run_jobs, tmp_path):
    cast, project, by = shared_cast, shared_cast.project, shared_cast[Role.MLOPS_ENGINEER]
    Project.objects.filter(pk=project.pk).update(kind=Kind.FORECAST)
    project.refresh_from_db()
    release = _promoted(_registered(project, tmp_path, cast), cast, run_jobs)
    _, key = make_key(release.deployment, name="shop", days=30, by=cast[Role.ML_ENGINEER])
    said = _answered(server, key)

    seal_when_due()
    run_jobs()
    came = [{"id": one["id"], "value": one["answer"] + 2} for one in said]
    assert outcomes.send_outcomes(release.deployment, came, by=by).new == len(said)
    monitor, now = monitors.ensure_monitor(release.deployment), timezone.now()
    monitors.check_now(monitor, by=by, begin=now - timedelta(hours=1), end=now + timedelta(seconds=1))
    assert {job.state for job in run_jobs()} == {"succeeded"}
    measured = Window.objects.latest("created_at").performance["metrics"]
    assert abs(measured["mae"]["value"] - 2) < 1e-6

    _version(project, tmp_path, 2, 275)
    retraining = retrainings.retrain(monitor, cause="five weeks more", by=by)
    run_jobs()
    assert retrainings.look_after() == 1
    run_jobs()
    retraining.refresh_from_db()
    assert retraining.state == Retraining.State.COMPARED, retraining.message
    [part] = [part for part in retraining.comparison["sets"] if part["name"] == "held_back"]
    assert part["rows"] == 2 * 3 * 7
    assert part["targets"][0]["champion"]["value"] > 0
