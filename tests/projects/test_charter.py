"""The charter: nothing lost between two writers, a way to approval, and a history."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from notices.models import Notice
from problems.problem import Conflict, Denied, Invalid
from projects.overview import needs
from projects.permissions import Role
from projects.queries.define import CHARTER_FIELDS, charter_of
from projects.queries.team import roles_by_project
from projects.services.charter import close_charter, decide_charter, reopen_charter, save_charter, submit_charter
from tests.conftest import Cast

pytestmark = pytest.mark.django_db
API = "/api/v1/projects/churn/charter/"
FULL = {
    "problem": "They leave.",
    "decision": "We call.",
    "prediction": "Who leaves?",
    "harmed": "Nobody, because.",
    "ml_needed": "yes",
    "ml_why": "There are too many to call.",
    "sponsor": "Head of service",
    "users": "The call centre",
    "review_on": "2030-01-31",
}


def save(cast: Cast, version: int = 0, by: Role = Role.BUSINESS_ANALYST, **texts: str) -> None:
    save_charter(cast.project, version=version, texts=texts, by=cast[by])


def put(api: Client, body: dict[str, Any], **headers: str) -> Any:
    return api.put(API, body, content_type="application/json", headers=headers)


def test_what_is_left_out_stays(cast: Cast) -> None:
    save(cast, problem="They leave.", protected="age_group, gender")
    save(cast, 1, risks="Calls annoy.")
    charter = charter_of(cast.project)
    assert (charter.problem, charter.protected, charter.risks) == ("They leave.", "age_group, gender", "Calls annoy.")


def test_two_people_at_different_fields_still_meet_and_see_both(cast: Cast) -> None:
    save(cast, problem="old", decision="old")
    save(cast, 1, problem="mine")
    with pytest.raises(Conflict) as refusal:
        save(cast, 1, Role.OWNER, decision="yours")
    facts = refusal.value.facts
    assert (facts["theirs"]["problem"], facts["theirs"]["decision"]) == ("mine", "old")
    assert (facts["yours"]["problem"], facts["yours"]["decision"]) == ("mine", "yours")


def test_the_same_text_is_no_new_version(cast: Cast) -> None:
    save(cast, problem="They leave.")
    save(cast, 1, problem="They leave.")
    assert cast.project.charter_versions.count() == 1


@pytest.mark.parametrize("field", CHARTER_FIELDS)
def test_every_field_has_a_limit(cast: Cast, field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        save(cast, **{field: "x" * 4001})
    assert list(refusal.value.fields) == [field]


def test_the_etag_and_if_match_guard_over_rest(cast: Cast, api_of: Any) -> None:
    api = api_of(cast[Role.BUSINESS_ANALYST])
    assert put(api, {"problem": "x"}).status_code == 422
    assert put(api, {"problem": "one"}, **{"If-Match": '"0"'}).headers["ETag"] == '"1"'
    assert api.get(API).headers["ETag"] == '"1"'
    stale = put(api, {"problem": "two"}, **{"If-Match": '"0"'})
    assert stale.status_code == 409
    assert (stale.json()["theirs"]["problem"], stale.json()["yours"]["problem"]) == ("one", "two")
    assert put(api, {"problem": "two", "version": 0}, **{"If-Match": '"1"'}).status_code == 422
    assert put(api, {"problem": "two"}, **{"If-Match": "everything"}).status_code == 422
    assert put(api, {"problem": "two", "version": 1}, **{"If-Match": 'W/"1"'}).status_code == 200


def test_fields_that_are_not_the_writers_are_left_alone(cast: Cast, api_of: Any) -> None:
    api = api_of(cast[Role.BUSINESS_ANALYST])
    body = {
        "version": 0,
        "problem": "x",
        "state": "approved",
        "approved_by": "me",
        "state_version": 9,
        "project": "other",
    }
    assert put(api, body).status_code == 200
    charter = charter_of(cast.project)
    assert (charter.state, charter.approved_by, charter.state_version) == ("draft", None, 0)


def test_the_charter_goes_from_draft_to_approved_and_a_change_makes_it_a_draft_again(cast: Cast) -> None:
    save(cast, problem="They leave.")
    analyst, leader = cast[Role.BUSINESS_ANALYST], cast[Role.LEADERSHIP]
    with pytest.raises(Conflict) as refusal:
        submit_charter(cast.project, version=1, by=analyst)
    assert "field:ml_needed" in refusal.value.facts["blocked_by"]
    save(cast, 1, **FULL)
    submit_charter(cast.project, version=2, by=analyst)
    waiting = needs(leader, roles_by_project(leader))
    assert "Approve the charter of Customer churn" in [need.title for need in waiting]
    with pytest.raises(Denied):
        decide_charter(cast.project, version=2, approve=True, by=analyst)
    with pytest.raises(Invalid):
        decide_charter(cast.project, version=2, approve=False, by=leader)
    decide_charter(cast.project, version=2, approve=True, by=leader)
    assert charter_of(cast.project).state == "approved"
    assert Notice.objects.filter(recipient_id=analyst.pk, text__contains="approved the charter").exists()
    save(cast, 2, problem="They really leave.")
    assert charter_of(cast.project).state == "draft"


def test_only_what_was_seen_is_handed_in_and_approved_and_not_by_the_same_person(cast: Cast) -> None:
    product = cast[Role.PRODUCT_MANAGER]
    save(cast, **FULL)
    with pytest.raises(Conflict):
        submit_charter(cast.project, version=0, by=product)
    submit_charter(cast.project, version=1, by=product)
    with pytest.raises(Conflict) as refusal:
        decide_charter(cast.project, version=1, approve=True, by=product)
    assert refusal.value.code == "requester_signs"
    decide_charter(cast.project, version=1, approve=False, reason="Who pays?", by=cast[Role.LEADERSHIP])
    assert charter_of(cast.project).state_reason == "Who pays?"


def test_a_closed_charter_is_not_changed_until_it_is_opened_again(cast: Cast) -> None:
    leader = cast[Role.LEADERSHIP]
    save(cast, problem="They leave.")
    close_charter(cast.project, version=1, reason="We stop.", by=leader)
    with pytest.raises(Conflict) as refusal:
        save(cast, 1, problem="They still leave.")
    assert refusal.value.code == "charter_closed"
    reopen_charter(cast.project, version=1, reason="We go on.", by=leader)
    save(cast, 1, problem="They still leave.")


def test_no_token_approves(cast: Cast, api_of: Any) -> None:
    save(cast, **FULL)
    submit_charter(cast.project, version=1, by=cast[Role.BUSINESS_ANALYST])
    api = api_of(cast[Role.LEADERSHIP])
    answer = api.post("/p/churn/define/charter/decide/", {"version": 1, "do": "approve"})
    assert answer.status_code in (302, 403)
    assert charter_of(cast.project).state == "submitted"


def test_the_whole_way_in_the_browser(cast: Cast, browser_of: Any) -> None:
    analyst, leader = browser_of(cast[Role.BUSINESS_ANALYST]), browser_of(cast[Role.LEADERSHIP])
    assert analyst.post("/p/churn/define/", FULL | {"version": 0, "positive_word": "leavers"}).status_code == 302
    clash = analyst.post("/p/churn/define/", FULL | {"version": 0, "problem": "They go."})
    assert clash.status_code == 409
    assert "<ins>leave.</ins>" in clash.content.decode()
    assert analyst.post("/p/churn/define/charter/submit/", {"version": 1}).status_code == 302
    page = leader.get("/p/churn/define/").content.decode()
    assert 'value="approve"' in page
    assert 'value="approve"' not in analyst.get("/p/churn/define/").content.decode()
    assert leader.post("/p/churn/define/charter/decide/", {"version": 1, "do": "approve"}).status_code == 302
    assert "Approved" in analyst.get("/p/churn/define/").content.decode()
    assert leader.post("/p/churn/define/charter/decide/", {"version": 1, "do": "dance"}).status_code == 422


def test_the_history_shows_any_two_texts_word_by_word(cast: Cast, browser_of: Any, api_of: Any) -> None:
    for number, day in enumerate(("Monday", "Friday", "Sunday")):
        save(cast, number, problem=f"Every {day} they leave.")
    page = browser_of(cast[Role.VIEWER]).get("/p/churn/define/history/?from=1&to=3").content.decode()
    assert "<del>Monday</del><ins>Sunday</ins>" in page
    assert "Friday" not in page
    assert browser_of(cast[Role.VIEWER]).get("/p/churn/define/history/?from=1&to=99").status_code == 404
    api = api_of(cast[Role.VIEWER])
    found = api.get(API + "history/3/?against=1").json()
    assert {"kind": "new", "text": "Sunday"} in found["changes"]["problem"]
    assert [row["version"] for row in api.get(API + "history/").json()["results"]] == [3, 2, 1]
    assert api.get(API + "history/3/?against=x").status_code == 422


def test_the_history_asks_no_more_for_more_versions(cast: Cast, browser_of: Any) -> None:
    browser = browser_of(cast[Role.VIEWER])
    counts = []
    for start in (0, 3):
        for number in range(start, start + 3 + start * 4):
            save(cast, number, problem=f"text {number}")
        with CaptureQueriesContext(connection) as seen:
            assert browser.get("/p/churn/define/history/").status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1]
