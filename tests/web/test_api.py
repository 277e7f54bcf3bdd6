"""The REST twins of the account, answers that a repeat gets again, and the API's description."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework import serializers

from accounts.models import User
from problems.problem import Conflict
from projects.permissions import Role
from tests.conftest import PASSWORD, Cast
from tests.projects.test_concurrency import at_once
from web.api import answer_problem
from web.documents import description
from web.models import Answer
from web.services import answer_once, forget_answers, without_secrets

Browser = Callable[..., Client]


def test_name_and_password_give_a_token_that_works(cast: Cast, client: Client) -> None:
    made = client.post(
        "/api/v1/tokens/", {"email": "viewer@example.org", "password": PASSWORD, "days": 3}, "application/json"
    )
    assert made.status_code == 201
    headers = {"Authorization": f"Bearer {made.json()['token']}"}
    assert client.get("/api/v1/me/", headers=headers).json()["email"] == "viewer@example.org"
    listed = client.get("/api/v1/tokens/", headers=headers).json()["results"]
    assert [item["id"] for item in listed] == [made.json()["id"]]
    assert made.json()["token"] not in json.dumps(listed)
    assert client.delete(f"/api/v1/tokens/{made.json()['id']}/", headers=headers).status_code == 204
    assert client.get("/api/v1/me/", headers=headers).status_code == 401


@pytest.mark.parametrize("secret", ["", "x", "baton_" + "a" * 43, "é", "a" * 10_000, "baton_x\ty"])
def test_an_unknown_token_is_401(secret: str, client: Client, db: None) -> None:
    answer = client.get("/api/v1/me/", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_token_in_the_address_is_never_looked_at(cast: Cast, client: Client) -> None:
    made = client.post(
        "/api/v1/tokens/", {"email": "viewer@example.org", "password": PASSWORD}, "application/json"
    ).json()
    for name in ("token", "access_token", "api_key", "Authorization"):
        assert client.get("/api/v1/me/", {name: made["token"]}).status_code == 401


def test_a_wrong_field_is_named(cast: Cast, client: Client) -> None:
    answer = client.post("/api/v1/tokens/", {"email": "viewer@example.org", "days": "many"}, "application/json")
    assert answer.status_code == 422
    assert set(answer.json()["fields"]) == {"password", "days"}


def test_a_repeat_gets_the_first_answer_and_what_was_shown_once_is_gone(db: None) -> None:
    calls = []

    def make() -> tuple[int, dict[str, Any]]:
        calls.append(1)
        return 201, {"id": 1, "secret": "bk_x", "inner": [{"token": "t", "name": "n"}]}

    first, again = answer_once("place", "digest", make), answer_once("place", "digest", make)
    assert (first.body["secret"], first.repeated) == ("bk_x", False)
    assert again.repeated
    assert again.body == {"id": 1, "secret": None, "inner": [{"token": None, "name": "n"}]}
    assert len(calls) == 1
    with pytest.raises(Conflict):
        answer_once("place", "another digest", make)
    assert forget_answers() == 0


def test_a_failure_is_not_kept(db: None) -> None:
    def fails() -> tuple[int, dict[str, Any]]:
        raise Conflict("not now")

    with pytest.raises(Conflict):
        answer_once("place", "digest", fails)
    assert not Answer.objects.exists()


def test_secrets_are_found_at_any_depth() -> None:
    assert without_secrets({"a": [{"password": "x"}], "link": "y"}) == {"a": [{"password": None}], "link": None}


@pytest.mark.django_db(transaction=True)
def test_the_same_key_sent_side_by_side_acts_once() -> None:
    calls: list[int] = []

    def make() -> tuple[int, dict[str, Any]]:
        calls.append(1)
        return 201, {"n": len(calls)}

    found = at_once(*[lambda: answer_once("place", "digest", make)] * 5)
    assert sorted(kept.repeated for kept in found) == [False, True, True, True, True]
    assert {kept.body["n"] for kept in found} == {1}
    assert len(calls) == 1


def test_the_description_tells_the_shape_of_every_refusal(db: None) -> None:
    paths = description()["paths"]
    for path, operations in paths.items():
        for method, operation in operations.items():
            assert {"400", "401", "403", "404"} <= set(operation["responses"]), f"{method} {path}"
            if method in ("post", "put", "patch"):
                assert {"409", "415", "422"} <= set(operation["responses"]), f"{method} {path}"
    assert description()["components"]["schemas"]["Problem"]["required"] == ["code", "detail"]
    assert description()["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


def test_the_documents_load_nothing_from_elsewhere(cast: Cast, browser_of: Callable[[User], Client]) -> None:
    client = browser_of(cast[Role.VIEWER])
    page = client.get("/api/v1/docs/").content.decode()
    assert "https://" not in page
    assert "<script>" not in page
    assert client.get("/api/v1/schema/").json()["openapi"].startswith("3.")


def test_methods_are_listed_by_options_and_nothing_else(cast: Cast, api_of: Browser) -> None:
    answer = api_of(cast[Role.VIEWER]).options("/api/v1/me/")
    assert answer.status_code == 204
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "PATCH", "HEAD", "OPTIONS"}
    assert answer.content == b""


def test_a_wrong_choice_is_answered_with_the_right_ones() -> None:
    class Body(serializers.Serializer[Any]):
        period = serializers.ChoiceField(choices=[("day", "Daily"), ("week", "Weekly")], allow_blank=True)
        roles = serializers.ListField(child=serializers.ChoiceField(choices=[str(number) for number in range(50)]))

    body = Body(data={"period": "x" * 100, "roles": ["1", "51"]})
    with pytest.raises(serializers.ValidationError) as refused:
        body.is_valid(raise_exception=True)
    answer = answer_problem(refused.value, {})
    assert answer is not None
    assert answer.status_code == 422
    assert answer.data["fields"]["period"] == f"“{'x' * 60}” is not one of the choices: day, week."
    assert answer.data["fields"]["roles.1"].startswith("“51” is not one of the choices: 0, 1, 2,")
    assert answer.data["fields"]["roles.1"].endswith(", 39 and 10 more.")
