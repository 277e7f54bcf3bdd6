"""The pages of the web room, from HTTP to HTTP."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from accounts.models import ApiToken, User
from notices.services import tell
from projects.permissions import Role
from tests.conftest import PASSWORD, Cast, make_person
from web.middleware import LargeBodiesMiddleware

Browser = Callable[[User], Client]


@pytest.mark.parametrize(
    ("asked", "reached"),
    [
        ("/account/?a=1#x", "/account/?a=1#x"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("https://testserver/account/", "/"),
        ("javascript:alert(1)", "/"),
        ("http:///evil.example", "/"),
        ("", "/"),
    ],
)
def test_sign_in_leads_back_to_this_host_only(cast: Cast, client: Client, asked: str, reached: str) -> None:
    """A23."""
    form = {"email": "viewer@example.org", "password": PASSWORD, "next": asked}
    assert client.post("/sign-in/", form).headers["Location"] == reached
    assert client.get("/sign-in/", {"next": asked}).headers["Location"] == reached


def test_the_session_id_changes_at_sign_in_and_dies_at_sign_out(cast: Cast, client: Client) -> None:
    client.get("/sign-in/")
    session = client.session
    session["x"] = 1
    session.save()
    before = session.session_key
    client.cookies[settings.SESSION_COOKIE_NAME] = before
    client.post("/sign-in/", {"email": "viewer@example.org", "password": PASSWORD})
    key = client.cookies[settings.SESSION_COOKIE_NAME].value
    assert key != before
    assert client.cookies[settings.SESSION_COOKIE_NAME]["httponly"]
    assert client.cookies[settings.SESSION_COOKIE_NAME]["samesite"] == "Lax"
    assert client.post("/sign-out/").status_code == 302
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = key
    assert thief.get("/account/").status_code == 302


def test_sign_out_needs_a_form(cast: Cast, browser_of: Browser) -> None:
    client = browser_of(cast.admin)
    assert client.get("/sign-out/").status_code == 405
    assert client.get("/account/").status_code == 200


def test_too_many_tries_wait_on_the_page_and_over_rest(cast: Cast, client: Client) -> None:
    """A17: one count for both; what the caller writes about its address changes nothing."""
    for number in range(10):
        headers = {"X-Forwarded-For": f"10.0.0.{number}"}
        form = {"email": "viewer@example.org", "password": "wrong"}
        kind = {} if number % 2 else {"content_type": "application/json"}
        place = "/sign-in/" if number % 2 else "/api/v1/tokens/"
        assert client.post(place, form, headers=headers, **kind).status_code == 401
    right = {"email": "Viewer@example.org ", "password": PASSWORD}
    page, answer = client.post("/sign-in/", right), client.post("/api/v1/tokens/", right, "application/json")
    assert page.status_code == answer.status_code == 429
    assert int(page.headers["Retry-After"]) > 0
    assert int(answer.headers["Retry-After"]) > 0
    assert client.post("/sign-in/", right, REMOTE_ADDR="9.9.9.9").status_code == 302


def test_a_new_token_is_on_one_page_once(cast: Cast, browser_of: Browser) -> None:
    client = browser_of(cast[Role.DATA_SCIENTIST])
    made = client.post("/account/tokens/", {"token-name": "notebook", "token-days": "30"})
    secret = made.context["new_secret"]
    assert secret in made.content.decode()
    assert "no-store" in made.headers["Cache-Control"]
    assert secret not in client.get("/account/").content.decode()
    token = ApiToken.objects.get()
    assert Client().get("/api/v1/me/", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    assert client.post(f"/account/tokens/{token.pk}/revoke/").status_code == 302
    assert Client().get("/api/v1/me/", headers={"Authorization": f"Bearer {secret}"}).status_code == 401


def test_nobody_revokes_the_token_of_another(cast: Cast, browser_of: Browser) -> None:
    browser_of(cast[Role.OWNER]).post("/account/tokens/", {"token-name": "notebook", "token-days": "30"})
    token = ApiToken.objects.get()
    assert browser_of(cast.admin).post(f"/account/tokens/{token.pk}/revoke/").status_code == 404
    assert ApiToken.objects.get().revoked_at is None


def test_a_form_with_mistakes_keeps_what_was_typed(cast: Cast, browser_of: Browser) -> None:
    answer = browser_of(cast.admin).post("/account/tokens/", {"token-name": "my notebook", "token-days": "4000"})
    assert answer.status_code == 422
    assert "my notebook" in answer.content.decode()
    assert 'aria-invalid="true"' in answer.content.decode()
    assert not ApiToken.objects.exists()


def test_the_theme_is_rendered_by_the_server(cast: Cast, browser_of: Browser) -> None:
    client = browser_of(cast.admin)
    assert "data-theme" not in client.get("/account/").content.decode()
    client.post("/account/theme/", {"look-theme": "dark"})
    assert 'data-theme="dark"' in client.get("/account/").content.decode()
    assert client.post("/account/theme/", {"look-theme": "pink"}).status_code == 422


def test_an_administrator_changes_people(cast: Cast, browser_of: Browser) -> None:
    client, person = browser_of(cast.admin), cast[Role.VIEWER]
    for act, field, value in (
        ("make-admin", "is_admin", True),
        ("remove-admin", "is_admin", False),
        ("deactivate", "is_active", False),
        ("activate", "is_active", True),
    ):
        assert client.post(f"/people/{person.pk}/{act}/").status_code == 302
        person.refresh_from_db()
        assert getattr(person, field) is value
    assert client.post(f"/people/{cast.admin.pk}/deactivate/").status_code == 409


def test_the_inbox_shows_a_persons_own_messages(cast: Cast, browser_of: Browser) -> None:
    mine, other = cast[Role.OWNER], cast[Role.VIEWER]
    tell([mine.pk], "Run 48 is finished", url="/p/churn/runs/48/", project_key="churn")
    client = browser_of(mine)
    assert "1 unread" in client.get("/inbox/").content.decode()
    assert "Run 48" not in browser_of(other).get("/inbox/").content.decode()
    client.post("/inbox/")
    assert "Everything is read" in client.get("/inbox/").content.decode()


@pytest.mark.parametrize("path", ["/people/", "/inbox/"])
def test_long_lists_come_in_pages_with_a_fixed_number_of_queries(
    cast: Cast, browser_of: Browser, path: str, django_assert_max_num_queries: Callable[..., object]
) -> None:
    for number in range(120):
        make_person(f"p{number}@example.org")
        tell([cast.admin.pk], f"Message {number}", url="/")
    client = browser_of(cast.admin)
    with django_assert_max_num_queries(8):  # type: ignore[attr-defined]
        first = client.get(path)
    assert len(first.context["page_obj"]) == 50
    assert client.get(path, {"page": "3"}).status_code == 200
    assert client.get(path, {"page": "zzz"}).status_code == 200


def test_what_a_person_wrote_is_escaped(cast: Cast, browser_of: Browser) -> None:
    """A30."""
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    make_person("evil@example.org", evil[:100])
    tell([cast.admin.pk], evil, url="/")
    for path in ("/people/", "/inbox/"):
        text = browser_of(cast.admin).get(path).content.decode()
        assert "<script>alert" not in text
        assert "<img src=x" not in text


def test_a_fragment_of_a_stranger_moves_the_whole_page(client: Client, db: None) -> None:
    answer = client.get("/account/", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/sign-in/?next=%2Faccount%2F"


def test_health_needs_nothing_and_readiness_says_little_to_strangers(client: Client, db: None) -> None:
    assert client.get("/healthz").content == b"ok\n"
    assert set(client.get("/readyz").json()) == {"status"}


def test_readiness_tells_administrators_which_part(cast: Cast, browser_of: Browser) -> None:
    checks = browser_of(cast.admin).get("/readyz").json()["checks"]
    assert set(checks) == {"database", "disk", "broker", "workers"}
    assert checks["workers"]["state"] == "degraded"


def test_a_database_that_is_away_is_a_503_with_a_page_that_needs_none(
    client: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError

    from web import sign_in

    def away() -> bool:
        raise OperationalError("gone")

    monkeypatch.setattr(sign_in, "needs_setup", away)
    answer = client.get("/sign-in/")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert b"does not answer" in answer.content


def test_an_error_of_ours_has_a_number_and_no_details(
    client: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from web import account_api, sign_in

    def broken() -> bool:
        raise RuntimeError("a secret detail")

    client.raise_request_exception = False
    monkeypatch.setattr(sign_in, "needs_setup", broken)
    monkeypatch.setattr(account_api, "needs_setup", broken)
    page = client.get("/sign-in/")
    assert page.status_code == 500
    assert b"Error number" in page.content
    assert b"secret detail" not in page.content
    answer = client.post("/api/v1/setup/", {}, "application/json")
    assert answer.status_code == 500
    assert set(answer.json()) == {"code", "detail", "number"}


def test_many_large_bodies_at_once_leave_room_for_others(settings: Any, rf: RequestFactory) -> None:
    """F33: whoever comes late is told to come again; small requests and reading go on."""
    settings.LARGE_BODIES_AT_ONCE = 1
    arriving, answer = threading.Event(), threading.Event()

    def slow(request: HttpRequest) -> HttpResponse:
        if request.path == "/slow/":
            arriving.set()
            answer.wait(10)
        return HttpResponse("taken")

    middleware = LargeBodiesMiddleware(slow)

    def send(path: str, size: int) -> HttpResponse:
        return middleware(rf.post(path, b"x" * size, content_type="application/octet-stream"))

    first = threading.Thread(target=send, args=("/slow/", settings.LARGE_BODY_BYTES))
    first.start()
    assert arriving.wait(10)
    late = send("/api/v1/anything/", settings.LARGE_BODY_BYTES)
    assert late.status_code == 429
    assert 1 <= int(late.headers["Retry-After"]) <= 5
    assert send("/", 10).content == middleware(rf.get("/")).content == b"taken"
    answer.set()
    first.join()
    assert send("/", settings.LARGE_BODY_BYTES).content == b"taken"
