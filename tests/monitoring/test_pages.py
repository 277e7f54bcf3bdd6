"""The pages of monitoring: what they show, what they refuse, and that lists do not ask a query for each row."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from experiments.models.runs import Run
from jobs.models import Job
from monitoring import demo_story
from monitoring.models import Alert, Outcome, Retraining, Window
from monitoring.services import monitors
from projects.permissions import Role
from tests.conftest import Cast
from tests.monitoring.world import START, Live

BrowserOf = Callable[[User], Client]
MONITOR = "/p/churn/monitor/churn-classifier/"


@pytest.fixture
def alarmed(live: Live, run_jobs: Callable[[], list[Job]]) -> Live:
    """Two windows: one like training, one with the planted change."""
    for week in (0, 5):
        live.answered(demo_story.week(week), start=START + timedelta(days=week))
        monitors.check_now(live.monitor, by=live.cast[Role.MLOPS_ENGINEER])
        run_jobs()
    return live


def test_before_anything_is_in_use_the_page_says_what_will_be_here(cast: Cast, browser_of: BrowserOf) -> None:
    page = browser_of(cast[Role.VIEWER]).get("/p/churn/monitor/").content.decode()
    assert "Watching starts by itself" in page
    assert "Nothing was retrained yet" in browser_of(cast[Role.VIEWER]).get("/p/churn/improve/").content.decode()


def test_the_only_monitor_is_the_page(live: Live, browser_of: BrowserOf) -> None:
    assert browser_of(live.cast[Role.VIEWER]).get("/p/churn/monitor/").headers["Location"] == MONITOR


def test_before_there_are_enough_answers_the_page_counts_them(live: Live, browser_of: BrowserOf) -> None:
    live.answered(demo_story.week(0)[:41])
    page = browser_of(live.cast[Role.MLOPS_ENGINEER]).get(MONITOR).content.decode()
    assert "First numbers after 200 answers; 41 so far." in page


def test_the_monitor_names_the_change_in_a_sentence_and_draws_it(alarmed: Live, browser_of: BrowserOf) -> None:
    page = browser_of(alarmed.cast[Role.MLOPS_ENGINEER]).get(MONITOR).content.decode()
    assert "changed and it matters" in page
    assert "“flex”" in page
    for figure in ("drift-timeline", "which-matter", "input", "answers"):
        assert f'id="{figure}-data"' in page
    assert "Not measured yet" in page
    assert 'style="' not in page
    other = browser_of(alarmed.cast[Role.VIEWER]).get(MONITOR, {"input": "monthly_fee", "range": "24h"})
    assert "Did monthly_fee move?" in other.content.decode()


def test_a_reader_sees_everything_and_is_told_who_may_act(alarmed: Live, browser_of: BrowserOf) -> None:
    page = browser_of(alarmed.cast[Role.VIEWER]).get(MONITOR).content.decode()
    assert "Check now" not in page
    assert "Retraining needs" in page


def test_check_now_starts_a_job_and_the_page_waits_for_it(live: Live, browser_of: BrowserOf) -> None:
    browser = browser_of(live.cast[Role.MLOPS_ENGINEER])
    assert browser.post(f"{MONITOR}check/").status_code == 302
    assert Job.objects.get().kind == "monitoring.check"
    assert browser.get(MONITOR, headers={"HX-Request": "true"}).status_code == 204
    Job.objects.update(state="succeeded")
    assert browser.get(MONITOR, headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"


def test_an_alert_shows_its_evidence_and_can_be_taken_and_closed(alarmed: Live, browser_of: BrowserOf) -> None:
    browser = browser_of(alarmed.cast[Role.MLOPS_ENGINEER])
    alert = Alert.objects.get(subject="contract_type")
    address = f"/p/churn/alerts/{alert.number}/"
    page = browser.get(address).content.decode()
    assert "Values the model has never seen" in page
    assert 'id="evidence-data"' in page
    assert browser.post(f"{address}take/").status_code == 302
    assert "Taken by MLOps engineer" in browser.get(address).content.decode()
    assert browser.post(f"{address}close/", {"note": ""}).status_code == 422
    assert browser.post(f"{address}close/", {"note": "Planned launch."}).status_code == 302
    assert "Planned launch." in browser.get(address).content.decode()
    assert browser.post(f"{address}close/", {"note": "again"}).status_code == 409


def test_all_alerts_are_those_of_ones_own_projects(alarmed: Live, browser_of: BrowserOf) -> None:
    assert "“flex”" in browser_of(alarmed.cast[Role.VIEWER]).get("/alerts/").content.decode()
    assert "“flex”" not in browser_of(alarmed.cast.stranger).get("/alerts/").content.decode()
    assert "“flex”" in browser_of(alarmed.cast.admin).get("/alerts/", {"state": "all"}).content.decode()


def test_outcomes_come_in_as_a_csv_and_a_wrong_row_is_named(live: Live, browser_of: BrowserOf) -> None:
    browser = browser_of(live.cast[Role.DATA_ENGINEER])
    piece = live.answered(demo_story.week(0)[:3])

    def send(text: bytes) -> tuple[int, str]:
        response = browser.post(f"{MONITOR}outcomes/", {"file": SimpleUploadedFile("o.csv", text)})
        return response.status_code, response.content.decode()

    good = "\n".join(["id,value", *(f"{i},{v}" for i, v in zip(piece.ids, piece.truth, strict=True))])
    assert send(f"id,value\n{piece.ids[0]},perhaps\n".encode())[0] == 422
    assert send(b"a,b\n1,2\n")[1].count("must name the columns id and value")
    assert send(b"\xff\xfe\x00")[0] == 422
    assert send(b"id,value\nonly-one-cell\n")[0] == 422
    assert send(b"id,value\n")[0] == 422
    assert not Outcome.objects.exists()
    assert send(good.encode())[0] == 302
    assert send(good.replace(",", ";").encode())[0] == 302
    assert Outcome.objects.count() == 3


def test_retrain_from_an_alert_leads_to_its_page(alarmed: Live, browser_of: BrowserOf) -> None:
    browser = browser_of(alarmed.cast[Role.DATA_SCIENTIST])
    alert = Alert.objects.get(subject="contract_type")
    assert browser.post(f"{MONITOR}retrain/", {"cause": ""}).status_code == 422
    response = browser.post(f"{MONITOR}retrain/", {"cause": "flex", "alert": alert.number})
    retraining = Retraining.objects.get()
    assert response.headers["Location"] == f"/p/churn/retrainings/{retraining.pk}/"
    assert retraining.alert == alert
    page = browser.get(response.headers["Location"]).content.decode()
    assert "is being trained" in page
    assert browser.get(response.headers["Location"], headers={"HX-Request": "true"}).status_code == 204
    assert browser.post(f"{MONITOR}retrain/", {"cause": "again"}).status_code == 409
    assert "still being trained" in browser.get("/p/churn/improve/").content.decode()
    assert browser.post(f"{MONITOR}retrain/", {"cause": "x", "alert": "99999"}).status_code == 404


def test_strangers_find_nothing(alarmed: Live, browser_of: BrowserOf) -> None:
    browser = browser_of(alarmed.cast.stranger)
    number = Alert.objects.order_by("number").first()
    assert number is not None
    for address in (MONITOR, "/p/churn/monitor/", "/p/churn/improve/", f"/p/churn/alerts/{number.number}/"):
        assert browser.get(address).status_code == 404
    assert browser.get(f"/p/other/alerts/{number.number}/").status_code == 404
    assert browser.get("/p/other/monitor/churn-classifier/").status_code == 404
    assert browser.post(f"{MONITOR}check/").status_code == 404


@pytest.mark.parametrize("address", ["/alerts/", MONITOR, "/p/churn/improve/"])
def test_more_rows_do_not_mean_more_queries(
    live: Live, browser_of: BrowserOf, address: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    now = timezone.now()
    for i in range(30):
        window = Window.objects.create(
            monitor=live.monitor,
            release=live.release,
            from_at=now,
            to_at=now + timedelta(minutes=i),
            rows=1,
            enough=False,
        )
        Alert.objects.create(
            number=i + 1,
            monitor=live.monitor,
            window=window,
            rule="input_drift",
            subject=str(i),
            sentence="x",
            severity="act",
        )
    browser = browser_of(live.cast[Role.OWNER])
    with django_assert_max_num_queries(55):
        assert browser.get(address).status_code == 200


def test_a_compared_challenger_is_registered_from_its_page_and_then_meets_its_gate(
    live: Live, browser_of: BrowserOf
) -> None:
    challenger = Run.objects.get()
    challenger.pk, challenger.number = uuid4(), 2
    challenger.save(force_insert=True)
    retraining = Retraining.objects.create(
        monitor=live.monitor,
        champion=live.release,
        run=challenger,
        cause="flex",
        state=Retraining.State.COMPARED,
        comparison={"finding": "The new model is better.", "choice": "challenger", "sets": []},
    )
    address = f"/p/churn/retrainings/{retraining.pk}/"
    assert browser_of(live.cast[Role.VIEWER]).post(address, {"reason": "x"}).status_code == 403
    browser = browser_of(live.cast[Role.ML_ENGINEER])
    assert "The new model is better." in browser.get(address).content.decode()
    assert "Choose: run 2" in browser.get("/").content.decode()
    assert browser.post(address, {"reason": ""}).status_code == 422
    response = browser.post(address, {"reason": "It knows flex."})
    assert response.headers["Location"] == "/p/churn/models/churn-classifier/v2/"
    assert "Registered as" in browser.get(address).content.decode()
    assert browser.post(address, {"reason": "again"}).status_code == 409
