"""Monitoring over REST: the same verbs, the same refusals."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from jobs.models import Job
from monitoring import demo_story
from monitoring.models import Alert
from monitoring.services import monitors
from projects.permissions import Role
from tests.monitoring.world import START, Live

ApiOf = Callable[..., Client]
BASE = "/api/v1/projects/churn"
JSON = "application/json"


@pytest.fixture
def alarmed(live: Live, run_jobs: Callable[[], list[Job]]) -> Live:
    """One window with the planted change."""
    live.answered(demo_story.week(5), start=START + timedelta(days=1))
    monitors.check_now(live.monitor, by=live.cast[Role.MLOPS_ENGINEER])
    run_jobs()
    return live


def test_outcomes_are_sent_once_and_a_contradiction_names_its_row(live: Live, api_of: ApiOf) -> None:
    api = api_of(live.cast[Role.ML_ENGINEER])
    address = f"{BASE}/deployments/churn-classifier/outcomes/"
    piece = live.answered(demo_story.week(0)[:2])
    body = {"outcomes": [{"id": i, "value": "yes"} for i in piece.ids]}
    first = api.post(address, body, JSON)
    assert (first.status_code, first.json()) == (201, {"new": 2, "known": 0})
    assert api.post(address, body, JSON).json() == {"new": 0, "known": 2}
    other = api.post(address, {"outcomes": [{"id": piece.ids[1], "value": "no"}]}, JSON)
    assert other.status_code == 409
    assert (other.json()["code"], other.json()["row"], other.json()["id"]) == ("outcome_known", 1, piece.ids[1])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"outcomes": []}, 422),
        ({"outcomes": "yes"}, 422),
        ({"outcomes": [{"id": "x"}]}, 422),
        ({"outcomes": [{"id": "x" * 65, "value": "yes"}]}, 422),
        ({"outcomes": [{"id": "made-up", "value": "yes"}]}, 404),
        ({"outcomes": [7]}, 422),
        ([], 422),
    ],
)
def test_a_body_that_is_no_batch_of_outcomes_is_refused(live: Live, api_of: ApiOf, body: object, status: int) -> None:
    address = f"{BASE}/deployments/churn-classifier/outcomes/"
    response = api_of(live.cast[Role.ML_ENGINEER]).post(address, body, JSON)
    assert response.status_code == status
    assert response.json()["detail"]


def test_outcomes_need_their_right_and_their_project(live: Live, api_of: ApiOf) -> None:
    """A61."""
    address = f"{BASE}/deployments/churn-classifier/outcomes/"
    assert api_of(live.cast[Role.VIEWER]).post(address, {}, JSON).status_code == 403
    assert api_of(live.cast.stranger).post(address, {}, JSON).status_code == 404
    foreign = "/api/v1/projects/other/deployments/churn-classifier/outcomes/"
    assert api_of(live.cast.stranger).post(foreign, {}, JSON).status_code == 404


def test_a_monitor_tells_its_newest_window_and_open_alerts(alarmed: Live, api_of: ApiOf) -> None:
    api = api_of(alarmed.cast[Role.VIEWER])
    assert [row["deployment"] for row in api.get(f"{BASE}/monitors/").json()["results"]] == ["churn-classifier"]
    monitor = api.get(f"{BASE}/monitors/churn-classifier/").json()
    assert monitor["latest_window"]["rows"] == demo_story.ROWS_A_WEEK
    assert monitor["latest_window"]["inputs"][0]["name"] == "contract_type"
    assert monitor["open_alerts"][0]["subject"] == "contract_type"
    windows = api.get(f"{BASE}/monitors/churn-classifier/windows/").json()
    assert windows["count"] == 1
    assert api.get(f"{BASE}/monitors/nothing/").status_code == 404


def test_a_check_answers_with_its_job(live: Live, api_of: ApiOf) -> None:
    api = api_of(live.cast[Role.MLOPS_ENGINEER])
    first = api.post(f"{BASE}/monitors/churn-classifier/check/", {}, JSON)
    assert first.status_code == 202
    job = first.json()["job"]
    assert job["url"] == f"{BASE}/jobs/{job['id']}/"
    assert api.post(f"{BASE}/monitors/churn-classifier/check/", {}, JSON).json()["job"]["id"] == job["id"]
    assert api_of(live.cast[Role.VIEWER]).post(f"{BASE}/monitors/churn-classifier/check/", {}, JSON).status_code == 403


def test_alerts_are_listed_taken_and_closed(alarmed: Live, api_of: ApiOf) -> None:
    api = api_of(alarmed.cast[Role.MLOPS_ENGINEER])
    number = Alert.objects.get(subject="contract_type").number
    assert number in [row["number"] for row in api.get(f"{BASE}/alerts/", {"state": "open"}).json()["results"]]
    assert api.post(f"{BASE}/alerts/{number}/take/", {}, JSON).json()["state"] == "taken"
    assert api_of(alarmed.cast[Role.ML_ENGINEER]).post(f"{BASE}/alerts/{number}/take/", {}, JSON).status_code == 409
    assert api.post(f"{BASE}/alerts/{number}/close/", {}, JSON).status_code == 422
    assert api.post(f"{BASE}/alerts/{number}/close/", {"note": "planned"}, JSON).json()["state"] == "closed"
    assert api.get(f"{BASE}/alerts/{number}/").json()["closing_note"] == "planned"
    assert api.get(f"{BASE}/alerts/4711/").status_code == 404


def test_retraining_over_rest_is_one_at_a_time(alarmed: Live, api_of: ApiOf) -> None:
    api = api_of(alarmed.cast[Role.DATA_SCIENTIST])
    address = f"{BASE}/monitors/churn-classifier/retrain/"
    assert api.post(address, {}, JSON).status_code == 422
    assert api.post(address, {"cause": "x", "alert": 4711}, JSON).status_code == 404
    started = api.post(address, {"cause": "flex is new"}, JSON)
    assert started.status_code == 202
    again = api.post(address, {"cause": "again"}, JSON)
    assert (again.status_code, again.json()["blocked_by"]) == (409, [f"run:{started.json()['run']}"])
    shown = api.get(f"{BASE}/retrainings/{started.json()['retraining']}/").json()
    assert (shown["state"], shown["cause"], shown["champion"]) == ("training", "flex is new", 1)
    assert api.get(f"{BASE}/retrainings/").json()["count"] == 1
