"""Targets of every kind on live answers: judged by what is known, and by the same contract as everywhere."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest
from django.test import Client
from django.utils import timezone

from deployments.sealing import SCHEMA
from jobs.models import Job
from jobs.report import Silent
from monitoring import comparison, demo_story
from monitoring.models import Alert
from monitoring.performance.service import Service
from monitoring.queries import watch as queries
from monitoring.services import monitors, outcomes, windows
from projects.contract import Goal
from projects.models.kpis import KpiValue
from projects.models.worth import Worth
from projects.permissions import Role
from projects.queries.define import contract_in_force
from projects.queries.kpis import kpi_for
from projects.services.define import set_targets
from tests.monitoring.test_retraining import engine_spec
from tests.monitoring.world import START, Live, Trained

RECALL = Goal("Find leavers", "recall", "at_least", 0.5, "", True)
GROUP = {"metric": "recall", "column": "contract_type"}
ALL = [
    RECALL,
    Goal("Find yearly ones", direction="at_least", threshold=0.01, kind="slice", equals="two_year", **GROUP),
    Goal("Alike", direction="at_most", threshold=0.9, kind="fairness", least_group=30, **GROUP),
    Goal("Ages alike", "recall", "at_most", 0.05, kind="fairness", column="age", least_group=30),
    Goal("Fast", "latency_p95", "at_most", 5.0, "ms", kind="latency"),
    Goal("Saved", "saved", "at_least", 1.0, "EUR", kind="kpi", source="money", cadence="monthly", owner="owner"),
    Goal("Churn", "churn", "at_most", 2.5, "%", kind="kpi", source="entered", cadence="monthly", owner="owner"),
]


def watched(live: Live, run_jobs: Callable[[], list[Job]]) -> None:
    """A week of answers with their outcomes, checked."""
    week = live.answered([*demo_story.week(0), *demo_story.week(1), *demo_story.week(2)])
    rows = [{"id": name, "value": value} for name, value in zip(week.ids, week.truth, strict=True)]
    outcomes.send_outcomes(live.monitor.deployment, rows, by=live.cast[Role.MLOPS_ENGINEER])
    monitors.check_now(live.monitor, by=live.cast[Role.MLOPS_ENGINEER])
    assert run_jobs()[-1].state == "succeeded"


def test_live_answers_are_judged_by_targets_of_every_kind(
    live: Live, run_jobs: Callable[[], list[Job]], browser_of: Callable[..., Client], api_of: Callable[..., Client]
) -> None:
    project = live.cast.project
    Worth.objects.create(
        project=project, version=1, right_yes=100, wrong_yes=-5, cases_a_month=1000, created_by=live.cast[Role.OWNER]
    )
    set_targets(project, ALL, by=live.cast[Role.OWNER])
    watched(live, run_jobs)
    window = queries.windows_of(live.monitor).first()
    judged = queries.judged_live(window, project, contract_in_force(project))
    verdicts = {one.goal.name: one.verdict.value for one in judged}
    assert verdicts["Fast"] == "not_met"
    assert verdicts["Saved"] == "met"
    assert verdicts["Alike"] in ("met", "close")
    assert verdicts["Find leavers"] != "unmeasured"
    assert verdicts["Ages alike"] == verdicts["Churn"] == "unmeasured"
    assert "no column “age”" in next(one.sentence for one in judged if one.goal.name == "Ages alike")
    alert = Alert.objects.get(rule="target_at_risk", subject="Fast")
    assert alert.sentence.startswith("In live answers the target “Fast” is missed. Not met:")
    point = KpiValue.objects.get(kpi=kpi_for(project, "saved"))
    assert (point.source, point.on.day) == ("computed", 1)
    assert point.low is not None
    assert point.high is not None
    assert point.low < point.value < point.high
    page = browser_of(live.cast[Role.VIEWER]).get("/p/churn/monitor/churn-classifier/").content.decode()
    assert "By version 1 of the targets" in page
    assert "After launch" in page
    answer = api_of(live.cast[Role.VIEWER]).get("/api/v1/projects/churn/monitors/churn-classifier/").json()
    assert answer["contract"] == 1
    assert {row["name"]: row["verdict"] for row in answer["verdicts"]} == verdicts


def test_newly_signed_targets_raise_and_close_alerts_at_once(live: Live, run_jobs: Callable[[], list[Job]]) -> None:
    project, owner = live.cast.project, live.cast[Role.OWNER]
    watched(live, run_jobs)
    assert not Alert.objects.filter(rule="target_at_risk").exists()
    contract = set_targets(project, [RECALL, ALL[4]], by=owner)
    windows.judge_again(project, contract)
    alert = Alert.objects.get(rule="target_at_risk")
    assert alert.subject == "Fast"
    easier = Goal(**{**asdict(ALL[4]), "threshold": 500.0})
    windows.judge_again(project, set_targets(project, [RECALL, easier], by=owner))
    alert.refresh_from_db()
    assert alert.state == Alert.State.CLOSED


def test_a_target_of_which_nothing_is_known_keeps_its_alert(live: Live, run_jobs: Callable[[], list[Job]]) -> None:
    set_targets(live.cast.project, [RECALL, ALL[4]], by=live.cast[Role.OWNER])
    watched(live, run_jobs)
    live.answered(demo_story.week(3)[:3], start=START + timedelta(days=2))
    monitors.check_now(live.monitor, by=live.cast[Role.MLOPS_ENGINEER])
    run_jobs()
    assert Alert.objects.get(subject="Fast").state != Alert.State.CLOSED


def test_both_models_of_a_retraining_are_judged_by_every_kind_that_rows_can_tell(trained: Trained, place: Any) -> None:
    (place / "outcomes.json").write_text("{}")
    spec = {
        "champion": str(trained.bundle),
        "challenger": str(trained.bundle),
        "champion_run": engine_spec(trained.table),
        "challenger_run": engine_spec(trained.table)
        | {"goals": [asdict(goal) for goal in ALL if goal.column != "age"]},
        "segments": [],
        "outcomes": "outcomes.json",
        "goals": [asdict(goal) for goal in ALL],
        "contract": 4,
    }
    found = comparison.run(spec, place, Silent())
    assert found["contract"] == 4
    targets = {target["name"]: target for target in found["sets"][0]["targets"]}
    assert targets["Alike"]["champion"]["verdict"] in ("met", "close")
    assert targets["Alike"]["difference"]["value"] is None
    assert targets["Find yearly ones"]["challenger"]["value"] is not None
    for name in ("Fast", "Saved", "Churn", "Ages alike"):
        assert targets[name]["champion"]["verdict"] == "unmeasured"


@pytest.mark.parametrize("rows", [40, 2000])
def test_the_slowest_answers_lie_within_their_interval(rows: int) -> None:
    now = timezone.now()
    service = Service(now, now + timedelta(hours=1))
    log = [{"at": now, "latency_ms": 1.0 + i % 100, "unknown": 0} for i in range(rows)]
    service.add(pa.RecordBatch.from_pylist(log, schema=SCHEMA))
    found = service.slowest()
    assert found is not None
    assert found["n"] == rows
    exact = sorted(1.0 + i % 100 for i in range(rows))[int(0.95 * rows) - 1]
    assert found["low"] <= exact <= found["high"]
    assert found["high"] >= found["value"] >= found["low"]
    assert Service(now, now).slowest() is None
