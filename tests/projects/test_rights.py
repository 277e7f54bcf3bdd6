"""Refusals that name the way to yes, the live table of rights, and looking as another role."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from audit.models import Entry
from notices.models import Notice
from projects.models.tasks import Task
from projects.permissions import ACTIONS, Role, allows, holders, scope_of
from projects.queries.rights import rights_in
from projects.services.tasks import close_task
from projects.services.team import remove_member
from tests.conftest import Cast

Browser = Callable[[User], Client]
Api = Callable[..., Client]


def refused(cast: Cast, browser_of: Browser) -> Any:
    return browser_of(cast[Role.VIEWER]).post("/p/churn/define/sign/")


def test_a_refusal_says_what_is_missing_who_has_it_and_offers_to_ask(cast: Cast, browser_of: Browser) -> None:
    answer = refused(cast, browser_of)
    page = answer.content.decode()
    assert answer.status_code == 403
    assert "Sign the targets" in page
    assert "Business analyst (Business analyst)" in page
    assert 'action="/p/churn/ask/"' in page
    assert 'name="address" value="/p/churn/define/sign/"' in page


def test_over_rest_a_refusal_carries_the_same_as_fields(cast: Cast, api_of: Api) -> None:
    answer = api_of(cast[Role.VIEWER]).patch("/api/v1/projects/churn/", {"name": "x"}, "application/json")
    body = answer.json()
    assert answer.status_code == 403
    assert body["action"] == "project.change"
    assert body["roles"] == ["owner"]
    assert body["people"] == [{"name": "Project owner", "role": "owner"}]
    assert body["ask"] == "/api/v1/projects/churn/asks/"


def test_asking_makes_one_task_for_the_role_that_does_this_work(cast: Cast, browser_of: Browser, api_of: Api) -> None:
    viewer = browser_of(cast[Role.VIEWER])
    form = {"action": "contract.sign", "address": "/p/churn/define/sign/"}
    assert viewer.post("/p/churn/ask/", form).status_code == 302
    task = Task.objects.get()
    assert (task.role, task.subject_url) == ("business_analyst", "/p/churn/define/sign/")
    assert "Viewer asks for: Sign the targets" in task.title
    again = api_of(cast[Role.VIEWER]).post("/api/v1/projects/churn/asks/", form, "application/json")
    assert (again.status_code, again.json()["task"]) == (200, task.number)
    assert Task.objects.count() == 1
    close_task(task, by=cast[Role.BUSINESS_ANALYST])
    fresh = api_of(cast[Role.VIEWER]).post("/api/v1/projects/churn/asks/", form, "application/json")
    assert fresh.status_code == 201


def test_a_role_that_nobody_holds_is_not_asked(cast: Cast, browser_of: Browser) -> None:
    for role in (Role.ML_ENGINEER, Role.MLOPS_ENGINEER):
        remove_member(cast.project, cast[role], by=cast[Role.OWNER])
    browser_of(cast[Role.VIEWER]).post("/p/churn/ask/", {"action": "key.manage"})
    assert Task.objects.get().role == "owner"


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "/p/other/", "javascript:alert(1)"])
def test_the_address_of_an_ask_stays_in_the_project(cast: Cast, browser_of: Browser, elsewhere: str) -> None:
    browser_of(cast[Role.VIEWER]).post("/p/churn/ask/", {"action": "run.start", "address": elsewhere})
    assert Task.objects.get().subject_url == "/p/churn/"


def test_nobody_asks_for_what_they_have_or_what_there_is_not(cast: Cast, browser_of: Browser) -> None:
    assert browser_of(cast[Role.OWNER]).post("/p/churn/ask/", {"action": "team.manage"}).status_code == 409
    assert browser_of(cast[Role.VIEWER]).post("/p/churn/ask/", {"action": "nothing"}).status_code == 422


def test_page_csv_and_rest_are_one_table(cast: Cast, browser_of: Browser, api_of: Api) -> None:
    page = browser_of(cast[Role.VIEWER]).get("/p/churn/team/rights/").content.decode()
    answer = api_of(cast[Role.VIEWER]).get("/api/v1/projects/churn/rights/").json()["results"]
    assert [row["action"] for row in answer] == list(ACTIONS)
    for row in answer:
        assert row["what"].replace("'", "&#x27;") in page
        assert row["roles"] == [role.value for role in holders(row["action"])]
        assert {person["name"] for person in row["people"]} == {role.label for role in holders(row["action"])}


def test_the_table_does_not_ask_once_for_each_person(
    cast: Cast, browser_of: Browser, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = browser_of(cast[Role.VIEWER])
    client.get("/p/churn/team/rights/")
    with django_assert_max_num_queries(35):
        client.get("/p/churn/team/rights/")


def test_people_who_cannot_sign_in_hold_nothing_in_the_table(cast: Cast) -> None:
    User.objects.filter(pk=cast[Role.ML_ENGINEER].pk).update(is_active=False)
    assert all(cast[Role.ML_ENGINEER] not in right.people for right in rights_in(cast.project))


@pytest.mark.parametrize("role", Role)
def test_an_owner_sees_the_project_as_a_role_and_changes_nothing(cast: Cast, browser_of: Browser, role: Role) -> None:
    client = browser_of(cast[Role.OWNER])
    assert client.post("/p/churn/team/look/", {"role": role}).status_code == 302
    page = client.get("/p/churn/").content.decode()
    assert f"as {role.label}" in page
    assert client.get("/p/churn/").context["roles"] == {role}
    forms = {"name": "x", "question": "y"}
    before = Entry.objects.count()
    for path in ("/p/churn/change/", "/account/theme/", "/projects/new/", "/p/churn/team/look/"):
        assert client.post(path, forms).status_code == 403, path
    assert client.patch("/api/v1/projects/churn/", forms, "application/json").status_code == 403
    assert client.patch("/api/v1/me/", {"theme": "dark"}, "application/json").status_code == 403
    assert Entry.objects.count() == before
    cast.project.refresh_from_db()
    assert cast.project.name == "Customer churn"
    assert client.get("/p/churn/change/").status_code == (200 if allows(frozenset({role}), "project.change") else 403)
    assert client.post("/look/stop/").headers["Location"] == "/p/churn/team/rights/"
    assert client.get("/p/churn/").context["roles"] == {Role.OWNER}


def test_looking_is_for_those_who_manage_the_team(cast: Cast, browser_of: Browser) -> None:
    assert browser_of(cast[Role.VIEWER]).post("/p/churn/team/look/", {"role": "owner"}).status_code == 403
    owner = browser_of(cast[Role.OWNER])
    assert owner.post("/p/churn/team/look/", {"role": "king"}).status_code == 422
    owner.post("/p/churn/team/look/", {"role": "business_analyst"})
    assert owner.post("/sign-out/").status_code == 302, "one may always leave"


def test_the_eyes_of_a_role_close_when_the_right_to_look_goes(cast: Cast, browser_of: Browser) -> None:
    client = browser_of(cast[Role.OWNER])
    client.post("/p/churn/team/look/", {"role": "business_analyst"})
    cast.project.memberships.filter(user=cast[Role.OWNER]).update(role=Role.VIEWER)
    assert client.get("/p/churn/").context["roles"] == {Role.VIEWER}


def test_every_action_has_a_scope_or_is_for_people_only() -> None:
    assert {action for action in ACTIONS if scope_of(action) is None} == {
        action for action in ACTIONS if action.endswith(".sign")
    }
    assert {scope_of(action) for action in ACTIONS} == {"read", "write", "promote", "predict-admin", "manage", None}


def test_what_only_administrators_may_is_asked_of_them(cast: Cast, browser_of: Browser, api_of: Api) -> None:
    viewer = browser_of(cast[Role.VIEWER])
    page = viewer.get("/people/")
    words = page.content.decode()
    assert page.status_code == 403
    assert all(part in words for part in ("Only an administrator", "Ask Admin", "Ask them", 'value="/people/"'))
    refused = api_of(cast[Role.VIEWER]).post("/api/v1/groups/", {"name": "x"}, "application/json")
    assert (refused.status_code, refused.json()["roles"]) == (403, ["administrator"])
    assert refused.json()["people"] == [{"name": "Admin"}]
    assert viewer.post("/ask-administrators/", {"address": "/people/"}).status_code == 302
    for elsewhere in ("https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"):
        asked = api_of(cast[Role.VIEWER]).post(refused.json()["ask"], {"address": elsewhere}, "application/json")
        assert (asked.status_code, asked.json()) == (201, {"asked": [{"name": "Admin"}]})
    notices = Notice.objects.filter(recipient_id=cast.admin.pk)
    assert [notice.url for notice in notices.order_by("created_at")] == ["/people/", "/", "/", "/", "/"]
    assert all("Viewer (viewer@example.org)" in notice.text for notice in notices)
    assert viewer.post("/ask-administrators/", {"address": "/people/"}).status_code == 429, "no inbox is flooded"
    assert notices.count() == 5
    assert browser_of(cast.admin).post("/ask-administrators/").status_code == 409
