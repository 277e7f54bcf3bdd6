"""A24: the second step, from the first code to the last recovery code, and what no trick gets around."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.test import Client

from accounts import second_step
from accounts.models import User
from audit.models import Entry
from problems.problem import NotSignedIn, TooMany
from tests.conftest import PASSWORD, make_person
from tests.projects.test_concurrency import at_once

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]


def code_of(secret: str, steps: int = 0) -> str:
    return totp.format_hotp_value(totp.hotp_value(secret, int(time.time()) // 30 + steps))


@pytest.fixture
def ada() -> User:
    return make_person("ada@example.org", "Ada")


@pytest.fixture
def secret(ada: User) -> str:
    made = second_step.new_totp_secret()
    second_step.add_totp(ada, secret=made, code=code_of(made, -1))
    return made


def give_password(email: str = "ada@example.org", then: str = "/account/") -> Client:
    client = Client()
    answer = client.post("/sign-in/", {"email": email, "password": PASSWORD, "next": then})
    assert answer.headers["Location"] == "/sign-in/code/"
    return client


def test_an_app_is_set_up_on_the_page_and_its_recovery_codes_are_shown_once(ada: User, browser_of: Browser) -> None:
    client = browser_of(ada)
    page = client.get("/account/second-step/")
    shown, signed = page.context["secret"], page.context["signed"]
    assert client.post("/account/second-step/app/", {"secret": signed, "code": "000000"}).status_code == 422
    done = client.post("/account/second-step/app/", {"secret": signed, "code": code_of(shown)})
    assert done.status_code == 201
    codes = done.context["codes"]
    assert len(codes) == 10
    assert codes[0] in done.content.decode()
    again = client.get("/account/second-step/").content.decode()
    assert codes[0] not in again
    assert shown not in again
    assert shown not in repr(list(Authenticator.objects.values())), "it is sealed"


def test_a_secret_signed_for_somebody_else_is_not_taken(ada: User, browser_of: Browser) -> None:
    eve = browser_of(make_person("eve@example.org"))
    page = eve.get("/account/second-step/")
    form = {"secret": page.context["signed"], "code": code_of(page.context["secret"])}
    assert browser_of(ada).post("/account/second-step/app/", form).status_code == 400
    assert browser_of(ada).post("/account/second-step/app/", form | {"secret": "made up"}).status_code == 400


def test_the_password_alone_opens_nothing(ada: User, secret: str) -> None:
    client = give_password()
    for path in ("/account/", "/", "/projects/", "/account/second-step/", "/api/v1/docs/"):
        assert client.get(path).status_code == 302, path
    assert client.get("/api/v1/me/").status_code == 401
    assert client.post("/account/second-step/codes/").status_code == 302
    assert client.get("/sign-in/code/").status_code == 200
    assert client.post("/sign-in/code/", {"code": code_of(secret)}).headers["Location"] == "/account/"
    assert client.get("/account/").status_code == 200


def test_the_second_step_cannot_come_first(ada: User, secret: str, client: Client) -> None:
    assert client.get("/sign-in/code/").headers["Location"] == "/sign-in/"
    assert client.post("/sign-in/code/", {"code": code_of(secret)}).headers["Location"] == "/sign-in/"
    assert client.post("/sign-in/code/passkey/").headers["Location"] == "/sign-in/"


def test_a_half_sign_in_ends_by_itself(ada: User, secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = give_password()
    late = time.time() + 301
    monkeypatch.setattr("web.sessions.time.time", lambda: late)
    assert client.get("/sign-in/code/").headers["Location"] == "/sign-in/"


def test_a_code_works_once(ada: User, secret: str) -> None:
    code = code_of(secret)
    assert give_password().post("/sign-in/code/", {"code": code}).status_code == 302
    assert give_password().post("/sign-in/code/", {"code": code}).status_code == 401
    assert give_password().post("/sign-in/code/", {"code": code_of(secret, -1)}).status_code == 401, "nor an older one"


def test_a_code_may_have_spaces(ada: User, secret: str) -> None:
    code = code_of(secret)
    second_step.check_code(ada, f" {code[:3]} {code[3:]} ")


def test_ten_wrong_codes_are_enough(ada: User, secret: str) -> None:
    """The count is the account's, so that neither another browser nor another address begins anew."""
    for number in range(10):
        answer = give_password().post("/sign-in/code/", {"code": "000000"}, REMOTE_ADDR=f"10.0.0.{number}")
        assert answer.status_code == 401
    answer = give_password().post("/sign-in/code/", {"code": code_of(secret)}, REMOTE_ADDR="10.1.1.1")
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


def test_a_recovery_code_works_once(ada: User, secret: str) -> None:
    first, second, *_ = second_step.new_recovery_codes(ada)
    second_step.check_code(ada, first)
    with pytest.raises(NotSignedIn):
        second_step.check_code(ada, first)
    second_step.check_code(ada, second)
    assert second_step.ways_of(ada).codes_left == 8
    _, _, third, *_ = second_step.new_recovery_codes(ada)
    second_step.check_code(ada, third)


@pytest.mark.django_db(transaction=True)
def test_the_same_code_sent_side_by_side_lets_one_in() -> None:
    ada = make_person("ada@example.org", "Ada")
    made = second_step.new_totp_secret()
    second_step.add_totp(ada, secret=made, code=code_of(made, -1))
    code = code_of(made)
    found = at_once(*[lambda: second_step.check_code(ada, code)] * 4)
    assert sum(each is None for each in found) == 1
    assert sum(isinstance(each, NotSignedIn) for each in found) == 3


def test_for_programs_the_code_goes_with_the_password(ada: User, secret: str, client: Client) -> None:
    body: dict[str, Any] = {"email": ada.email, "password": PASSWORD}
    without = client.post("/api/v1/tokens/", body, "application/json")
    assert (without.status_code, without.json()["code"]) == (401, "second_step")
    assert client.post("/api/v1/tokens/", body | {"code": "000000"}, "application/json").status_code == 401
    assert client.post("/api/v1/tokens/", body | {"code": code_of(secret)}, "application/json").status_code == 201


def test_changing_it_asks_who_it_is_when_the_session_is_old(ada: User, secret: str, browser_of: Browser) -> None:
    client = browser_of(ada)
    session = client.session
    session["proved_at"] = time.time() - 16 * 60
    session.save()
    way = second_step.ways_of(ada).totp
    path = f"/account/second-step/{way.pk}/remove/"
    assert client.post(path).status_code == 401
    assert second_step.has_second_step(ada)
    assert client.post(path, {"proof-given": "yes", "proof-password": "wrong"}).status_code == 401
    assert client.post(path, {"proof-given": "yes", "proof-password": PASSWORD}).status_code == 302
    assert not Authenticator.objects.exists(), "with the last way its recovery codes go"


def test_nobody_removes_the_way_of_another(ada: User, secret: str, browser_of: Browser) -> None:
    way = second_step.ways_of(ada).totp
    assert browser_of(make_person("eve@example.org")).post(f"/account/second-step/{way.pk}/remove/").status_code == 404
    assert second_step.has_second_step(ada)


@pytest.mark.parametrize(("rule", "admin", "open_"), [
    ("optional", True, True), ("admins", True, False), ("admins", False, True), ("everyone", False, False),
])  # fmt: skip
def test_an_instance_may_want_it(rule: str, admin: bool, open_: bool, settings: Any, browser_of: Browser) -> None:
    settings.SECOND_STEP = rule
    client = browser_of(make_person("bo@example.org", is_admin=admin))
    for path in ("/account/", "/", "/projects/"):
        answer = client.get(path)
        assert (answer.status_code == 200) == open_, path
        assert open_ or answer.headers["Location"] == "/account/second-step/"
    assert client.get("/api/v1/me/").status_code == (200 if open_ else 403)
    body = {"email": "bo@example.org", "password": PASSWORD}
    assert Client().post("/api/v1/tokens/", body, "application/json").status_code == (201 if open_ else 403)
    page = client.get("/account/second-step/")
    form = {"secret": page.context["signed"], "code": code_of(page.context["secret"])}
    assert client.post("/account/second-step/app/", form).status_code == 201
    assert client.get("/account/").status_code == 200


def test_what_happens_to_it_is_in_the_audit(ada: User, secret: str) -> None:
    second_step.new_recovery_codes(ada)
    second_step.remove_way(ada, second_step.ways_of(ada).totp.pk)
    names = list(Entry.objects.order_by("seq").values_list("name", flat=True))
    assert names == ["user.second_step_added", "user.recovery_codes_made", "user.second_step_removed"]
    assert secret not in repr(list(Entry.objects.values()))


def test_guessing_recovery_codes_is_limited_too(ada: User, secret: str) -> None:
    for _ in range(10):
        with pytest.raises(NotSignedIn):
            second_step.check_code(ada, "12345678")
    with pytest.raises(TooMany):
        second_step.check_code(ada, second_step.new_recovery_codes(ada)[0])


def test_a_passkey_that_says_nonsense_is_refused(ada: User, secret: str) -> None:
    client = give_password()
    options = client.post("/sign-in/code/passkey/").json()
    assert re.fullmatch(r"[\w-]+", options["publicKey"]["challenge"])
    for nonsense in ("{}", "[]", "null", "not json", '{"id": "x", "rawId": "x", "response": {}, "type": "public-key"}'):
        assert client.post("/sign-in/code/", {"passkey": nonsense}).status_code in (401, 422), nonsense


def test_an_app_is_set_up_over_rest_with_the_password_given_anew(ada: User, api_of: Callable[..., Client]) -> None:
    api, path = api_of(ada), "/api/v1/me/second-step/"
    given = api.post(path + "secret/", {}, "application/json").json()
    assert given["secret"] in given["address"]
    assert not api.get(path).json()["app"], "nothing is changed until a code proves it"
    body = {"password": "wrong", "secret": given["secret"], "code": code_of(given["secret"])}
    assert api.post(path + "app/", body, "application/json").status_code == 401
    body["password"] = PASSWORD
    for wrong in ({"code": "000000"}, {"secret": "short"}):
        assert api.post(path + "app/", body | wrong, "application/json").status_code == 422
    bound = api_of(ada, project_key="churn")
    assert bound.post(path + "app/", body, "application/json").status_code == 403
    assert not api.get(path).json()["app"]
    done = api.post(path + "app/", body, "application/json")
    assert (done.status_code, len(done.json()["recovery_codes"])) == (201, 10)
    shown = {"app": True, "passkeys": 0, "recovery_codes_left": 10, "required": False}
    assert api.get(path).json() == shown
    assert api.post(path + "app/", body, "application/json").status_code == 409
    spent = {"email": ada.email, "password": PASSWORD, "code": body["code"]}
    assert api.post("/api/v1/tokens/", spent, "application/json").status_code == 401, "that code is spent"
