"""Stages on real objects: done, opened again, still fine, late; and rounds."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from audit.models import Entry
from audit.services import record
from datasets.models.tags import ColumnTag
from datasets.models.versions import Version
from datasets.services.tags import tag_column
from experiments.models.records import RunRecord
from experiments.models.registry import ModelVersion
from experiments.models.runs import Run
from monitoring.models import Monitor, Window
from projects import reviewing
from projects.contract import Goal
from projects.models.flow import Round, StageAnswer
from projects.models.projects import Project
from projects.overview import Stop, rail, rails
from projects.permissions import Role
from projects.points import Point
from projects.queries.flow import begun_of
from projects.services.define import set_targets, sign_contract
from projects.services.flow import answer_stage, set_due
from projects.services.kpis import define_kpi, put_values
from projects.services.rounds import open_next_round, reached, review_of
from projects.targets import fingerprint
from storage import blobs
from tests.conftest import Cast
from tests.deployments import stage as scene
from tests.projects.test_handoffs import RECALL, publish, sign

pytestmark = pytest.mark.django_db
Api = Callable[..., Client]
Browser = Callable[[User], Client]
A = "/api/v1/projects/churn/"


def stop(cast: Cast, stage: str) -> Stop:
    cast.project.refresh_from_db()
    return next(each for each in rail(cast.project) if each.stage == stage)


def review(cast: Cast) -> dict[str, Any]:
    """The review of the round that runs, as it has written itself so far."""
    cast.project.refresh_from_db()
    found: dict[str, Any] = review_of(cast.project, begun_of(cast.project), reached(cast.project, rail(cast.project)))
    return found


def lines(found: dict[str, Any], part: str) -> list[str]:
    return [line["text"] for line in found["parts"][part]["lines"]]


def seen_review(cast: Cast) -> str:
    """What a signature under it is bound to."""
    return reviewing.fingerprint(review(cast))


def finished_run(cast: Cast, data: Version, number: int = 1) -> Run:
    verdict = {
        "name": "Find", "metric": "recall", "direction": "at_least", "threshold": 0.7, "unit": "", "deciding": True,
        "verdict": "met", "value": 0.74, "low": 0.72, "high": 0.76, "sentence": "Met.",
    }  # fmt: skip
    return Run.objects.create(
        project=cast.project,
        number=number,
        data=data,
        contract=cast.project.contracts.first(),
        spec={},
        state="finished",
        metrics={"recall": {"value": 0.74, "low": 0.72, "high": 0.76, "n": 400}},
        verdicts=[verdict],
        finished_at=timezone.now(),
    )


def choose(cast: Cast, run: Run) -> ModelVersion:
    model, _ = cast.project.models.get_or_create(name="churn")
    return ModelVersion.objects.create(
        model=model, number=model.versions.count() + 1, run=run, bundle=blobs.put_bytes(b"bundle"), reason="Best."
    )


def test_a_new_data_version_opens_what_was_made_on_the_old_one(cast: Cast) -> None:
    sign(cast)
    run = finished_run(cast, publish(cast))
    choose(cast, run)
    assert [stop(cast, name).state for name in ("define", "data", "train", "evaluate")] == ["done"] * 4
    publish(cast)
    for name in ("train", "evaluate"):
        assert stop(cast, name).state == "reopened"
        assert stop(cast, name).reasons == ("Customers version 2 published since",)
        assert stop(cast, name).holder == Role.DATA_SCIENTIST
    assert stop(cast, "data").state == "done"
    newer = finished_run(cast, Version.objects.get(number=2), 2)
    assert (stop(cast, "train").state, stop(cast, "evaluate").state) == ("done", "reopened")
    choose(cast, newer)
    assert stop(cast, "evaluate").state == "done"


def test_targets_signed_anew_open_everything_that_stands_on_them(cast: Cast) -> None:
    sign(cast)
    version = choose(cast, finished_run(cast, publish(cast)))
    scene.put_into_use(version, cast[Role.OWNER])
    assert stop(cast, "deploy").state == "done"
    harder = Goal("Find", "recall", "at_least", 0.8, "", True)
    set_targets(cast.project, [harder], by=cast[Role.BUSINESS_ANALYST])
    assert (stop(cast, "define").state, stop(cast, "data").state) == ("reopened", "done")
    sign_contract(cast.project, seen=fingerprint([harder]), by=cast[Role.BUSINESS_ANALYST])
    for name in ("data", "train", "evaluate", "deploy"):
        assert stop(cast, name).reasons == ("Targets version 2 signed since",), name


def test_another_choice_opens_deploy_and_another_release_opens_monitor(cast: Cast) -> None:
    sign(cast)
    data = publish(cast)
    first = choose(cast, finished_run(cast, data))
    release = scene.put_into_use(first, cast[Role.OWNER])
    now = timezone.now()
    monitor = Monitor.objects.create(deployment=release.deployment)
    Window.objects.create(monitor=monitor, release=release, from_at=now, to_at=now, rows=500)
    assert (stop(cast, "deploy").state, stop(cast, "monitor").state) == ("done", "now")
    second = choose(cast, finished_run(cast, data, 2))
    assert stop(cast, "deploy").reasons == ("Churn version 2 chosen since",)
    newer = scene.put_into_use(second, cast[Role.OWNER])
    assert (stop(cast, "deploy").state, stop(cast, "monitor").state) == ("done", "reopened")
    Window.objects.create(monitor=monitor, release=newer, from_at=now, to_at=timezone.now(), rows=500)
    assert stop(cast, "monitor").state == "now"


def test_still_fine_holds_until_something_else_changes(cast: Cast, api_of: Api, browser_of: Browser) -> None:
    sign(cast)
    choose(cast, finished_run(cast, publish(cast)))
    publish(cast)
    seen = stop(cast, "train").fingerprint
    scientist = browser_of(cast[Role.DATA_SCIENTIST])
    assert "Train of Customer churn is open again" in scientist.get("/").content.decode()
    body = {"stage": "train", "choice": "fine", "fingerprint": seen, "note": "Only a typo was mended."}
    refused = api_of(cast[Role.ML_ENGINEER]).post(f"{A}stages/answers/", body, content_type="application/json")
    assert refused.status_code == 403
    said = scientist.post("/p/churn/stages/word/", {**body, "seen": seen})
    assert said.status_code == 302
    assert stop(cast, "train").state == "done"
    answer = StageAnswer.objects.get()
    assert (answer.note, answer.reasons) == ("Only a typo was mended.", ["Customers version 2 published since"])
    entry = Entry.objects.get(name="stage.still_fine")
    assert entry.data["note"] == "Only a typo was mended."
    publish(cast)
    assert stop(cast, "train").state == "reopened"
    stale = api_of(cast[Role.DATA_SCIENTIST]).post(f"{A}stages/answers/", body, content_type="application/json")
    assert (stale.status_code, stale.json()["code"]) == (409, "changed_meanwhile")


def test_redo_stays_with_its_owner_until_it_was_done(cast: Cast) -> None:
    sign(cast)
    finished_run(cast, publish(cast))
    publish(cast)
    open_again = stop(cast, "train")
    by = cast[Role.DATA_SCIENTIST]
    answer_stage(cast.project, stage="train", choice="redo", seen=open_again.fingerprint, by=by)
    again = stop(cast, "train")
    assert (again.state, again.note) == ("now", "Redo: Customers version 2 published since")
    finished_run(cast, Version.objects.get(number=2), 2)
    assert stop(cast, "train").state == "done"


def test_a_late_stage_is_on_the_rail_on_the_overview_and_on_home(cast: Cast, api_of: Api, browser_of: Browser) -> None:
    yesterday = timezone.localdate() - timedelta(days=1)
    engineer = api_of(cast[Role.DATA_ENGINEER])
    body = {"stage": "data", "due_on": yesterday.isoformat()}
    assert engineer.put(f"{A}stages/", body, content_type="application/json").json()["overdue"] is True
    pages = browser_of(cast[Role.DATA_ENGINEER])
    assert "Data of Customer churn is late" in pages.get("/").content.decode()
    assert "Data of Customer churn is late" not in browser_of(cast[Role.ML_ENGINEER]).get("/").content.decode()
    assert "· late" in pages.get("/p/churn/").content.decode()
    publish(cast)
    assert "Data of Customer churn is late" not in pages.get("/").content.decode()
    other = engineer.put(f"{A}stages/", body | {"stage": "train"}, content_type="application/json")
    assert other.status_code == 403
    set_due(cast.project, stage="data", due_on=None, by=cast[Role.OWNER])
    assert stop(cast, "data").due_on is None


def test_a_round_keeps_what_it_reached_and_the_next_looks_at_it_again(
    cast: Cast, api_of: Api, browser_of: Browser
) -> None:
    sign(cast)
    choose(cast, finished_run(cast, publish(cast)))
    analyst = browser_of(cast[Role.BUSINESS_ANALYST])
    assert "open round 2" in analyst.get("/p/churn/rounds/").content.decode()
    assert "open round 2" not in browser_of(cast[Role.DATA_SCIENTIST]).get("/p/churn/rounds/").content.decode()
    signed = {"seen": 1, "review": seen_review(cast), "note": "Tickets helped."}
    assert analyst.post("/p/churn/rounds/", signed).status_code == 302
    kept = Round.objects.get()
    assert (kept.number, kept.reached["rows"][0]["value"], kept.reached["contract"]) == (1, 0.74, 1)
    assert stop(cast, "define").reasons == ("Round 2 has begun",)
    assert stop(cast, "evaluate").reasons == ("Round 2 has begun",)
    assert "Round 2 is open already" in analyst.post("/p/churn/rounds/", signed).content.decode()
    assert api_of(cast[Role.OWNER]).post(f"{A}rounds/", {"round": 2}, "application/json").status_code == 405
    page = analyst.get("/p/churn/rounds/").content.decode()
    assert "Tickets helped." in page
    assert "still in force from an earlier round" in page
    assert "Better each round" in analyst.get("/p/churn/").content.decode()
    harder = Goal("Find", "recall", "at_least", 0.8, "", True)
    set_targets(cast.project, [harder], by=cast[Role.BUSINESS_ANALYST])
    sign_contract(cast.project, seen=fingerprint([harder]), by=cast[Role.BUSINESS_ANALYST])
    assert stop(cast, "define").state == "done"
    found = api_of(cast[Role.VIEWER]).get(f"{A}rounds/").json()
    assert (found["count"], found["running"]["number"]) == (1, 2)


def test_the_review_writes_itself_and_the_signature_is_bound_to_what_was_seen(
    cast: Cast, api_of: Api, browser_of: Browser
) -> None:
    sign(cast)
    run = finished_run(cast, publish(cast))
    choose(cast, run)
    RunRecord.objects.create(
        project=cast.project, number=1, run=run, state="finished", hypothesis="Tickets tell more than fees.",
        created_at=timezone.now(), finished_at=timezone.now(),
    )  # fmt: skip
    kpi = define_kpi(cast.project, name="Churn", unit="%", direction="at_most", by=cast[Role.BUSINESS_ANALYST])
    today = timezone.localdate()
    points = [Point(today - timedelta(days=9), 5.0), Point(today, 4.0)]
    put_values(kpi, points, source="entered", by=cast[Role.BUSINESS_ANALYST])
    found = review(cast)
    assert found["finding"] == "Round 1 meets 1 of 1 target."
    assert any("signed the targets, version 1" in line for line in lines(found, "changed"))
    assert "1 run ended." in lines(found, "changed")
    assert lines(found, "worth")[0] == "Find: 74 of 100, met."
    assert any("Churn: 4 %" in line and "before this round it was 5 %" in line for line in lines(found, "worth"))
    assert lines(found, "learned") == ["Run 1 supposed: “Tickets tell more than fees.” Met."]

    analyst, seen = browser_of(cast[Role.BUSINESS_ANALYST]), seen_review(cast)
    page = analyst.get("/p/churn/rounds/").content.decode()
    assert seen in page
    assert "Tickets tell more than fees." in page
    told = {"dataset": "customers", "number": 2}
    record(cast[Role.DATA_ENGINEER], "data.published", run.data, project_key="churn", **told)
    late = analyst.post("/p/churn/rounds/", {"seen": 1, "review": seen, "note": ""})
    assert late.status_code == 409
    assert "The review has grown since you opened this page" in late.content.decode()
    assert not Round.objects.exists()
    signed = {"seen": 1, "review": seen_review(cast), "note": "Ask support earlier."}
    assert browser_of(cast[Role.DATA_SCIENTIST]).post("/p/churn/rounds/", signed).status_code == 403
    assert analyst.post("/p/churn/rounds/", signed).status_code == 302
    kept = Round.objects.get()
    assert (kept.role, kept.fingerprint) == ("business_analyst", reviewing.fingerprint(kept.review))
    entry = Entry.objects.get(name="round.opened")
    assert entry.data["fingerprint"] == kept.fingerprint
    old = analyst.get("/p/churn/rounds/1/").content.decode()
    for told in ("Ask support earlier.", "Tickets tell more than fees.", "as Business analyst", kept.fingerprint):
        assert told in old
    assert "Not signed yet" in analyst.get("/p/churn/rounds/2/").content.decode()
    assert analyst.get("/p/churn/rounds/3/").status_code == 404
    shown = api_of(cast[Role.VIEWER]).get(f"{A}rounds/").json()
    assert shown["results"][0]["review"] == kept.review
    assert shown["running"]["review"]["parts"]["learned"]["lines"] == []
    assert lines(review(cast), "worth")[0] == "Find: 74 of 100, met, as in the last round."


def test_a_review_keeps_no_value_that_some_readers_must_not_see(cast: Cast, api_of: Api, browser_of: Browser) -> None:
    version = publish(cast)
    Version.objects.update(schema=[{"name": "plan", "type": "text", "nullable": False}])
    tag_column(version.dataset, "plan", "personal", by=cast[Role.DATA_ENGINEER])
    engineer = cast[Role.DATA_ENGINEER]
    record(
        engineer, "quality.waived", version, project_key="churn",
        rule=1, dataset="customers", number=1, until="2027-01-01", reason="“year” is fine",
    )  # fmt: skip
    found = review(cast)
    (line,) = lines(found, "learned")
    assert "waived rule 1" in line
    assert "year" not in line
    ColumnTag.objects.all().delete()
    assert "year" in lines(review(cast), "learned")[0]
    signed = {"seen": 1, "review": seen_review(cast), "note": ""}
    open_next_round(cast.project, **signed, by=cast[Role.BUSINESS_ANALYST])
    tag_column(version.dataset, "plan", "personal", by=cast[Role.DATA_ENGINEER])
    page = browser_of(cast[Role.VIEWER]).get("/p/churn/rounds/1/").content.decode()
    assert "waived rule 1" in page
    assert "year" not in page, "what is tagged later is hidden where it is shown"
    assert "year" not in str(api_of(cast[Role.VIEWER]).get(f"{A}rounds/").json())


def test_a_day_and_an_answer_belong_to_their_round(cast: Cast) -> None:
    sign(cast)
    set_due(cast.project, stage="data", due_on=timezone.localdate(), by=cast[Role.OWNER])
    open_next_round(cast.project, seen=1, review=seen_review(cast), note="", by=cast[Role.OWNER])
    assert stop(cast, "data").due_on is None


def test_the_rail_of_many_projects_asks_as_often_as_that_of_one(cast: Cast, browser_of: Browser) -> None:
    sign(cast)
    projects = [cast.project]
    with CaptureQueriesContext(connection) as one:
        rails(projects)
    projects += [
        Project.objects.create(key=f"p{n}", name="P", question="?", created_by=cast.stranger) for n in range(20)
    ]
    for each in projects:
        set_targets(each, [RECALL], by=cast[Role.OWNER])
    with CaptureQueriesContext(connection) as many:
        rails(projects)
    assert len(many) == len(one)
