"""Requirements with what answers them, stakeholders, process, risk answers and appraisals, on pages and over REST."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from problems.problem import Conflict, Invalid
from projects.contract import Goal
from projects.models.projects import Project
from projects.models.requirements import Requirement
from projects.models.team import Membership
from projects.permissions import Role
from projects.queries.people import process_of
from projects.queries.requirements import answered_by, requirement_for
from projects.queries.risk import tier_of
from projects.risk import QUESTIONS, Tier
from projects.services.appraisals import appraise
from projects.services.define import set_targets
from projects.services.people import add_stakeholder, write_process
from projects.services.requirements import add_requirement, change_requirement, link_requirement
from projects.services.risk import answer_risk
from tests.conftest import Cast

pytestmark = pytest.mark.django_db
API = "/api/v1/projects/churn/"
ASKED = {"text": "Agents see three reasons.", "source": "Call centre", "acceptance": "A tester names them."}
LIGHT = {question.key: question.choices[0].value for question in QUESTIONS}
HEAVY = {question.key: question.choices[-1].value for question in QUESTIONS}
WHO = {"name": "Retention team", "interest": "high", "influence": "low", "informed": "Every Monday"}


def add(cast: Cast, **more: str) -> Requirement:
    return add_requirement(cast.project, values=ASKED | more, by=cast[Role.BUSINESS_ANALYST])


def send(client: Any, method: str, path: str, body: Any) -> Any:
    return getattr(client, method)(API + path, body, content_type="application/json")


def test_a_requirement_gets_the_next_number_and_is_traceable_both_ways(cast: Cast, browser_of: Any) -> None:
    recall = Goal("Find", "recall", "at_least", 0.7, "", True)
    set_targets(cast.project, [recall], by=cast[Role.OWNER])
    assert [add(cast).number, add(cast, priority="could").number] == [1, 2]
    analyst = browser_of(cast[Role.BUSINESS_ANALYST])
    assert analyst.post("/p/churn/define/requirements/1/links/", {"thing": "target|Find"}).status_code == 302
    assert [str(one) for one in answered_by(cast.project, "target", "Find")] == ["R1"]
    page = analyst.get("/p/churn/define/requirements/1/").content.decode()
    assert "Take Find away" in page
    assert (
        '<a href="/p/churn/define/">Find</a>'
        in analyst.get("/p/churn/define/requirements/?view=matrix").content.decode()
    )
    again = analyst.post("/p/churn/define/requirements/1/links/", {"thing": "target|Find"})
    assert again.status_code == 409


def test_only_objects_of_this_project_answer(cast: Cast) -> None:
    requirement = add(cast)
    for kind, id in (("target", "Nothing"), ("run", "9"), ("run", "x"), ("dataset version", "a v1"), ("moon", "1")):
        with pytest.raises(Invalid):
            link_requirement(requirement, type=kind, id=id, by=cast[Role.OWNER])


def test_two_writers_of_a_requirement_see_both_texts(cast: Cast, browser_of: Any) -> None:
    requirement = add(cast)
    change_requirement(requirement, version=1, values={"state": "met"}, by=cast[Role.OWNER])
    with pytest.raises(Conflict) as refusal:
        change_requirement(requirement, version=1, values={"text": "mine"}, by=cast[Role.OWNER])
    assert (refusal.value.facts["theirs"]["state"], refusal.value.facts["yours"]["text"]) == ("met", "mine")
    form = ASKED | {"version": 1, "text": "typed", "priority": "must", "state": "open"}
    page = browser_of(cast[Role.OWNER]).post("/p/churn/define/requirements/1/", form)
    assert page.status_code == 409
    assert "typed" in page.content.decode()
    assert requirement_for(cast.project, 1).text == ASKED["text"]


def test_requirements_over_rest(cast: Cast, api_of: Any) -> None:
    api = api_of(cast[Role.BUSINESS_ANALYST])
    made = send(api, "post", "requirements/", ASKED | {"number": 77, "state": "met", "created_by": "x"})
    assert (made.status_code, made.json()["number"], made.json()["state"]) == (201, 1, "open")
    assert send(api, "patch", "requirements/1/", {"version": 1, "state": "met"}).json()["state"] == "met"
    assert send(api, "patch", "requirements/1/", {"version": 1, "state": "open"}).status_code == 409
    assert send(api, "post", "requirements/", {"text": "x"}).status_code == 422
    assert send(api, "post", "requirements/1/links/", {"type": "run", "id": "1"}).status_code == 422
    assert api.get(API + "requirements/?state=open").json()["count"] == 0
    assert api.get(API + "requirements/?type=run&id=4").json()["count"] == 0
    viewer = api_of(cast[Role.VIEWER])
    assert send(viewer, "post", "requirements/", ASKED).status_code == 403


def test_the_tier_is_medium_until_somebody_answers_and_follows_the_answers(cast: Cast, browser_of: Any) -> None:
    viewer, analyst = browser_of(cast[Role.VIEWER]), browser_of(cast[Role.BUSINESS_ANALYST])
    assert tier_of(cast.project) == Tier.MEDIUM
    assert "counts as medium risk" in viewer.get("/p/churn/define/risks/").content.decode()
    assert analyst.post("/p/churn/define/risks/", HEAVY | {"version": 0}).status_code == 302
    assert tier_of(cast.project) == Tier.HIGH
    clash = analyst.post("/p/churn/define/risks/", LIGHT | {"version": 0})
    assert clash.status_code == 409
    assert "What is saved now" in clash.content.decode()
    assert analyst.post("/p/churn/define/risks/", LIGHT | {"version": 1}).status_code == 302
    assert tier_of(cast.project) == Tier.LOW
    assert viewer.post("/p/churn/define/risks/", LIGHT | {"version": 2}).status_code == 403
    assert analyst.post("/p/churn/define/risks/", {"version": 2}).status_code == 422


def test_texts_of_the_risk_page_belong_to_the_charter(cast: Cast, browser_of: Any) -> None:
    analyst = browser_of(cast[Role.BUSINESS_ANALYST])
    texts = {"version": 0, "protected": "gender", "risks": "Calls annoy.", "fallback": "By hand"}
    assert analyst.post("/p/churn/define/risks/texts/", texts).status_code == 302
    clash = analyst.post("/p/churn/define/risks/texts/", texts | {"fallback": "Not at all"})
    assert clash.status_code == 409
    assert "Not at all" in clash.content.decode()


def test_risk_over_rest(cast: Cast, api_of: Any) -> None:
    api = api_of(cast[Role.BUSINESS_ANALYST])
    assert api.get(API + "risk/").json()["answered"] is False
    assert send(api, "put", "risk/", {"version": 0, "answers": HEAVY | {"tier": "low"}}).status_code == 422
    answered = send(api, "put", "risk/", {"version": 0, "answers": HEAVY, "tier": "low"}).json()
    assert (answered["tier"], answered["latest"]["version"]) == ("high", 1)
    assert send(api, "put", "risk/", {"version": 0, "answers": LIGHT}).json()["theirs"] == HEAVY
    assert api.get(API + "risk/history/").json()["count"] == 1


def test_stakeholders_are_named_changed_and_taken_out(cast: Cast, browser_of: Any, api_of: Any) -> None:
    analyst, api = browser_of(cast[Role.BUSINESS_ANALYST]), api_of(cast[Role.BUSINESS_ANALYST])
    assert analyst.post("/p/churn/define/people/", WHO).status_code == 302
    assert analyst.post("/p/churn/define/people/", WHO).status_code == 409
    (one,) = api.get(API + "stakeholders/").json()["results"]
    assert send(api, "put", f"stakeholders/{one['id']}/", WHO | {"influence": "medium"}).json()["influence"] == "medium"
    page = analyst.get(f"/p/churn/define/stakeholders/{one['id']}/")
    assert "Retention team" in page.content.decode()
    assert analyst.post(f"/p/churn/define/stakeholders/{one['id']}/remove/").status_code == 302
    assert send(api, "post", "stakeholders/", WHO | {"interest": "huge"}).status_code == 422


def test_the_process_marks_the_step_that_the_model_changes(cast: Cast, browser_of: Any, api_of: Any) -> None:
    analyst, api = browser_of(cast[Role.BUSINESS_ANALYST]), api_of(cast[Role.BUSINESS_ANALYST])
    typed = {"version": 0, "as_is": "Guess\n\nCall", "as_is_changed": 1, "to_be": "Score\nCall", "to_be_changed": 1}
    assert analyst.post("/p/churn/define/process/", typed).status_code == 302
    assert process_of(cast.project).as_is == ["Guess", "Call"]
    assert analyst.get("/p/churn/define/people/").content.decode().count("the model changes this") == 2
    clash = analyst.post("/p/churn/define/process/", typed | {"to_be": "Other"})
    assert clash.status_code == 409
    assert "Other" in clash.content.decode()
    body = {"version": 1, "as_is": ["a"], "to_be": ["b"], "as_is_changed": 2}
    assert send(api, "put", "process/", body).status_code == 422
    assert send(api, "put", "process/", body | {"as_is_changed": 1}).json()["version"] == 2
    with pytest.raises(Conflict):
        write_process(cast.project, version=1, as_is=[], to_be=[], by=cast[Role.OWNER])


def test_appraisals_are_kept_and_place_a_project_in_the_portfolio(cast: Cast, browser_of: Any, api_of: Any) -> None:
    leader = browser_of(cast[Role.LEADERSHIP])
    judged = {"value": 5, "risk": 2, "feasibility": 4, "reason": "Worth a lot."}
    assert leader.post("/p/churn/define/value/", judged).status_code == 302
    assert leader.post("/p/churn/define/value/", judged | {"value": 6}).status_code == 422
    api = api_of(cast[Role.LEADERSHIP])
    assert send(api, "post", "appraisals/", judged | {"value": 0}).status_code == 422
    assert send(api, "post", "appraisals/", judged | {"value": 3, "version": 40}).json()["version"] == 2
    assert send(api_of(cast[Role.DATA_SCIENTIST]), "post", "appraisals/", judged).status_code == 403
    (row,) = api.get("/api/v1/portfolio/").json()["results"]
    assert (row["key"], row["value"], row["tier"], row["tier_answered"]) == ("churn", 3, "medium", False)
    assert "Customer churn" in leader.get("/projects/portfolio/?view=matrix").content.decode()
    assert api_of(cast.stranger).get("/api/v1/portfolio/").json()["results"][0]["key"] == "other"
    bound = api_of(cast[Role.LEADERSHIP], project_key="elsewhere")
    assert bound.get("/api/v1/portfolio/").json()["count"] == 0


def many(cast: Cast, start: int, stop: int) -> None:
    owner = cast[Role.OWNER]
    for number in range(start, stop):
        project = Project.objects.create(key=f"p{number}", name=f"P {number:03}", question="?", created_by=owner)
        Membership.objects.create(project=project, user=owner, role=Role.OWNER)
        if number % 2:
            score = {"value": number % 5 + 1, "risk": 1, "feasibility": 3}
            appraise(project, **score, reason="So.", by=owner)
            answer_risk(project, version=0, answers=HEAVY if number % 3 else LIGHT, by=owner)


@pytest.mark.parametrize(
    "query", ["", "?view=matrix", "?view=board", "?stage=define&sort=-value", "?sort=risk&tier=high"]
)
def test_the_portfolio_asks_no_more_for_200_projects(cast: Cast, browser_of: Any, query: str) -> None:
    browser, counts = browser_of(cast[Role.OWNER]), []
    for start, stop in ((0, 8), (8, 200)):
        many(cast, start, stop)
        with CaptureQueriesContext(connection) as seen:
            assert browser.get("/projects/portfolio/" + query).status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_the_portfolio_is_filtered_sorted_and_paged_by_the_address(cast: Cast, browser_of: Any) -> None:
    many(cast, 0, 60)
    browser = browser_of(cast[Role.OWNER])
    best = browser.get("/projects/portfolio/?sort=-value").content.decode()
    assert best.index("P 009") < best.index("P 001") < best.index("P 002")
    assert "P 002" not in browser.get("/projects/portfolio/?value=4").content.decode()
    assert "P 003" in browser.get("/projects/portfolio/?tier=low").content.decode()
    assert "P 002" in browser.get("/projects/portfolio/?tier=unanswered").content.decode()
    assert "Page 2 of 2" in browser.get("/projects/portfolio/?page=2").content.decode()
    assert "No project of yours fits" in browser.get("/projects/portfolio/?stage=monitor").content.decode()
    assert browser.get("/projects/portfolio/?sort=__class__&tier=x&value=-1&view=x&page=y").status_code == 200


@pytest.mark.parametrize(
    "address", ["/p/churn/define/requirements/", "/p/churn/define/requirements/?view=matrix", API + "requirements/"]
)
def test_lists_of_requirements_ask_no_more_for_more_rows(
    cast: Cast, browser_of: Any, api_of: Any, address: str
) -> None:
    recall = Goal("Find", "recall", "at_least", 0.7, "", True)
    set_targets(cast.project, [recall], by=cast[Role.OWNER])
    client = (api_of if address.startswith("/api") else browser_of)(cast[Role.OWNER])
    client.get(address)
    counts = []
    for more in (2, 20):
        for _ in range(more):
            link_requirement(add(cast), type="target", id="Find", by=cast[Role.OWNER])
        with CaptureQueriesContext(connection) as seen:
            assert client.get(address).status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_lists_of_stakeholders_ask_no_more_for_more_rows(cast: Cast, browser_of: Any) -> None:
    browser, counts = browser_of(cast[Role.OWNER]), []
    for number in range(12):
        add_stakeholder(cast.project, values=WHO | {"name": f"Group {number}"}, by=cast[Role.OWNER])
        if number in (1, 11):
            with CaptureQueriesContext(connection) as seen:
                assert browser.get("/p/churn/define/people/").status_code == 200
            counts.append(len(seen))
    assert counts[0] == counts[1]
