"""Hand-offs from HTTP to HTTP: refused, bounced, accepted, and what the statistics say."""

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
from datasets.models.versions import Dataset, Version
from notices.models import Notice
from projects import targets
from projects.contract import Goal
from projects.models.handoffs import Handoff
from projects.models.tasks import Task
from projects.models.team import Membership
from projects.permissions import Role
from projects.services.charter import save_charter
from projects.services.define import set_targets, sign_contract
from projects.services.handoffs import offer
from storage import blobs
from tests.conftest import Cast

pytestmark = pytest.mark.django_db
Api = Callable[..., Client]
Browser = Callable[[User], Client]
A = "/api/v1/projects/churn/handoffs/"
P = "/p/churn/handoffs/"
RECALL = Goal("Find", "recall", "at_least", 0.7, "", True)
TEXTS = {"problem": "They leave.", "decision": "We call.", "prediction": "Who?", "harmed": "Nobody, because."}


def sign(cast: Cast) -> None:
    save_charter(cast.project, version=0, texts=TEXTS, by=cast[Role.OWNER])
    set_targets(cast.project, [RECALL], by=cast[Role.OWNER])
    sign_contract(cast.project, seen=targets.fingerprint([RECALL]), by=cast[Role.BUSINESS_ANALYST])


def publish(cast: Cast, refused: int = 0) -> Version:
    dataset, _ = Dataset.objects.get_or_create(project=cast.project, name="customers")
    return Version.objects.create(
        dataset=dataset,
        number=dataset.versions.count() + 1,
        table=blobs.put_bytes(b"rows"),
        rows=10,
        refused_rows=refused,
        schema=[],
        profile={},
        state="published",
        published_at=timezone.now(),
    )


def post(client: Client, address: str, body: Any = None) -> Any:
    return client.post(address, body or {}, content_type="application/json")


def test_it_cannot_be_offered_while_its_checklist_fails(cast: Cast, api_of: Api, browser_of: Browser) -> None:
    body = {"from_role": "business_analyst", "to_role": "data_engineer"}
    refused = post(api_of(cast[Role.BUSINESS_ANALYST]), A, body)
    assert refused.status_code == 409
    assert refused.json()["blocked_by"] == ["point:ready", "point:signed"]
    page = browser_of(cast[Role.BUSINESS_ANALYST]).post(f"{P}new/", body)
    assert page.status_code == 409
    assert "Sign the targets" in page.content.decode()
    assert Handoff.objects.count() == 0
    sign(cast)
    made = post(api_of(cast[Role.BUSINESS_ANALYST]), A, body)
    assert made.status_code == 201
    assert [point["key"] for point in made.json()["checklist"]] == ["ready", "signed"]
    assert all(point["holds"] for point in made.json()["checklist"])


def test_refused_rows_need_a_word_in_the_note(cast: Cast, api_of: Api) -> None:
    publish(cast, refused=3)
    body = {"from_role": "data_engineer", "to_role": "data_analyst"}
    client = api_of(cast[Role.DATA_ENGINEER])
    points = client.get(f"{A}checklist/", body).json()
    assert points["blocked_by"] == points["excused_by_a_note"] == ["point:refused"]
    assert post(client, A, body).status_code == 409
    assert post(client, A, body | {"note": "Three test customers."}).status_code == 201


def test_bounced_then_accepted_and_the_statistics_show_it(cast: Cast, api_of: Api, browser_of: Browser) -> None:
    publish(cast)
    engineer, analyst = browser_of(cast[Role.DATA_ENGINEER]), browser_of(cast[Role.DATA_ANALYST])
    given = {"from_role": "data_engineer", "to_role": "data_analyst", "questions": "Which months?\n\nWhich plan?"}
    assert engineer.post(f"{P}new/", given).headers["Location"] == f"{P}1/"
    assert "Accept the work of the data engineer" in analyst.get("/").content.decode()
    assert "Waits for" not in analyst.get(f"{P}1/").content.decode()
    Handoff.objects.update(offered_at=timezone.now() - timedelta(hours=3))
    page = analyst.post(f"{P}1/return/", {"reason": "meaning", "text": "What is column plan?"})
    assert page.status_code == 302
    task = Task.objects.get()
    assert (task.role, task.subject_id) == ("data_engineer", str(Handoff.objects.get().pk))
    assert "meaning is unclear" in task.title
    api = api_of(cast[Role.DATA_ENGINEER])
    made = post(api, A, {"from_role": "data_engineer", "to_role": "data_analyst", "note": "Plan is the tariff."})
    assert made.json()["number"] == 2
    accepted = post(api_of(cast[Role.DATA_ANALYST]), f"{A}2/accept/")
    assert (accepted.status_code, accepted.json()["state"]) == (200, "accepted")
    found = api.get(f"{A}statistics/").json()["boundaries"]
    assert len(found) == 1
    assert (found[0]["count"], found[0]["returned"], found[0]["bounce_rate"]) == (2, 1, 0.5)
    assert found[0]["reasons"] == {"meaning": 1}
    assert 3 * 3600 <= found[0]["longest_wait"] < 3 * 3600 + 60
    listed = engineer.get(P).content.decode()
    assert "50%" in listed
    assert "The meaning is unclear (1)" in listed
    named = set(Entry.objects.filter(name__startswith="handoff.").values_list("name", flat=True))
    assert named == {"handoff.offered", "handoff.returned", "handoff.accepted"}
    told = Notice.objects.filter(recipient_id=cast[Role.DATA_ENGINEER].pk).values_list("text", flat=True)
    assert any("accepted hand-off 2" in text for text in told)


def test_the_rail_says_with_whom_the_work_is(cast: Cast, api_of: Api) -> None:
    owner = api_of(cast[Role.OWNER])
    assert owner.get("/api/v1/projects/churn/").json()["work_is_with"] == "business_analyst"
    sign(cast)
    assert owner.get("/api/v1/projects/churn/").json()["work_is_with"] == "data_engineer"
    handoff = offer(cast.project, from_role="domain_expert", to_role="data_scientist", by=cast[Role.DOMAIN_EXPERT])
    assert owner.get("/api/v1/projects/churn/").json()["work_is_with"] == "data_scientist"
    post(api_of(cast[Role.DATA_SCIENTIST]), f"{A}{handoff.number}/accept/")
    assert owner.get("/api/v1/projects/churn/").json()["work_is_with"] == "data_scientist"
    again = offer(cast.project, from_role="data_scientist", to_role="data_engineer", by=cast[Role.DATA_SCIENTIST])
    post(api_of(cast[Role.DATA_ENGINEER]), f"{A}{again.number}/return/", {"reason": "missing"})
    assert owner.get("/api/v1/projects/churn/").json()["work_is_with"] == "data_scientist"


def test_only_the_two_roles_act_on_it(cast: Cast, api_of: Api) -> None:
    body = {"from_role": "data_scientist", "to_role": "data_engineer"}
    assert post(api_of(cast[Role.ML_ENGINEER]), A, body).status_code == 403
    assert post(api_of(cast[Role.VIEWER]), A, body).status_code == 403
    assert post(api_of(cast[Role.DATA_SCIENTIST]), A, body).status_code == 201
    for person in (Role.DATA_SCIENTIST, Role.OWNER):
        refused = post(api_of(cast[person]), f"{A}1/accept/")
        assert refused.status_code == 403
        assert cast[Role.DATA_ENGINEER].name in refused.json()["detail"]
    assert post(api_of(cast[Role.DATA_ENGINEER]), f"{A}1/withdraw/").status_code == 403
    assert post(api_of(cast[Role.DATA_SCIENTIST]), f"{A}1/withdraw/").json()["state"] == "withdrawn"
    late = post(api_of(cast[Role.DATA_ENGINEER]), f"{A}1/accept/")
    assert (late.status_code, late.json()["code"]) == (409, "too_late")


def test_one_offer_waits_at_a_boundary_and_somebody_must_be_there(cast: Cast, api_of: Api) -> None:
    body = {"from_role": "data_scientist", "to_role": "data_engineer"}
    client = api_of(cast[Role.DATA_SCIENTIST])
    assert post(client, A, body).status_code == 201
    assert post(client, A, body).json()["code"] == "already_offered"
    Membership.objects.filter(project=cast.project, role=Role.DBA).delete()
    assert post(client, A, body | {"to_role": "dba"}).json()["code"] == "nobody_there"
    assert post(client, A, body | {"to_role": "data_scientist"}).status_code == 422


def test_something_else_needs_a_sentence(cast: Cast, api_of: Api, browser_of: Browser) -> None:
    offer(cast.project, from_role="data_scientist", to_role="data_engineer", by=cast[Role.DATA_SCIENTIST])
    assert post(api_of(cast[Role.DATA_ENGINEER]), f"{A}1/return/", {"reason": "other"}).status_code == 422
    page = browser_of(cast[Role.DATA_ENGINEER]).post(f"{P}1/return/", {"reason": "other", "text": ""})
    assert page.status_code == 422
    assert "Say in a sentence what is wrong" in page.content.decode()
    assert Handoff.objects.get().state == "offered"


def test_a_later_breakage_is_named_on_the_handoff_and_asks_its_giver(cast: Cast, api_of: Api) -> None:
    offer(cast.project, from_role="data_scientist", to_role="data_engineer", by=cast[Role.DATA_SCIENTIST])
    client = api_of(cast[Role.DATA_ENGINEER])
    broken = {"words": "Half of the rows are empty.", "url": "/p/churn/alerts/212/"}
    assert post(client, f"{A}1/breakages/", broken).json()["code"] == "too_early"
    post(client, f"{A}1/accept/")
    assert post(client, f"{A}1/breakages/", broken | {"url": "https://elsewhere.example/"}).status_code == 422
    assert post(client, f"{A}1/breakages/", broken | {"url": "//elsewhere.example/"}).status_code == 422
    assert post(client, f"{A}1/breakages/", broken).status_code == 201
    assert client.get(f"{A}1/").json()["breakages"][0]["words"] == "Half of the rows are empty."
    assert Task.objects.get().role == "data_scientist"


@pytest.mark.parametrize("address", [P, "/", "/p/churn/"])
def test_the_number_of_queries_does_not_grow_with_handoffs(cast: Cast, browser_of: Browser, address: str) -> None:
    reader = browser_of(cast[Role.DATA_ENGINEER])
    counts = []
    for amount in (2, 20):
        Handoff.objects.all().delete()
        Handoff.objects.bulk_create(
            Handoff(
                project=cast.project,
                number=number,
                round=1,
                from_role="data_scientist",
                to_role=list(Role)[number % len(Role)],
                state="offered" if number < len(Role) else "accepted",
                offered_by=cast[Role.DATA_SCIENTIST],
                answered_by=cast[Role.OWNER],
            )
            for number in range(1, amount + 1)
        )
        with CaptureQueriesContext(connection) as seen:
            assert reader.get(address).status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1]
