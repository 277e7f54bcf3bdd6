"""A20, A21 and A22: other sites, other hosts, and addresses that must not change anything by being looked at."""

from collections.abc import Callable
from zlib import crc32

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import User
from projects.permissions import Role
from tests.attacks.sweep import Hands, sweep
from tests.attacks.world import address, written
from web.endpoints import Route, routes

ONCE = pytest.mark.once  # the same on every database
ROUTES = routes()
Browser = Callable[[User], Client]
UNSAFE = [(r, m) for r in ROUTES for m in ("POST", "PUT", "PATCH", "DELETE") if m in r.actions]


@ONCE
@sweep(UNSAFE)
def test_a_session_alone_writes_nothing(target: tuple[Route, str], hands: Hands) -> None:
    """A20. No token, a foreign origin with a stolen token, text/plain, a form, a method in the body."""
    route, method = target
    client, path = hands.browser(hands.world.cast.admin, enforce_csrf_checks=True), address(route, hands.world.ours)
    client.get("/account/")
    token = client.cookies[settings.CSRF_COOKIE_NAME].value
    odd = [
        ("text/plain", '{"name": "a"}', {}),
        ("application/x-www-form-urlencoded", "name=a", {}),
        ("application/x-www-form-urlencoded", f"_method={method}", {}),
        ("application/json", "{}", {"X-CSRFToken": token, "Origin": "null"}),
        ("application/json", "{}", {"X-CSRFToken": "wrong"}),
    ]
    for kind, body, headers in (
        ("application/json", "{}", {}),
        ("application/json", "{}", {"X-CSRFToken": token, "Origin": "https://evil.example"}),
        odd[crc32(path.encode()) % len(odd)],  # each of them at every fifth address
    ):
        with written() as writes:
            response = client.generic(method, path, body, kind, headers=headers)
        assert response.status_code == 403, f"{method} {path} {kind} {headers}: {response.status_code}"
        assert writes == []


def test_with_its_token_a_session_does_write(hands: Hands) -> None:
    client = hands.browser(hands.world.cast[Role.OWNER], enforce_csrf_checks=True)
    client.get("/account/")
    token = client.cookies[settings.CSRF_COOKIE_NAME].value
    response = client.patch("/api/v1/me/", '{"theme": "dark"}', "application/json", headers={"X-CSRFToken": token})
    assert response.status_code == 200


@ONCE
@sweep([route for route in ROUTES if "GET" in route.actions])
def test_looking_changes_nothing(route: Route, hands: Hands) -> None:
    """A20. No GET, HEAD (a GET whose body is thrown away) or OPTIONS of anybody changes a row."""
    path = address(route, hands.world.ours)
    admin, owner = (hands.browser(person) for person in (hands.world.cast.admin, hands.world.cast[Role.OWNER]))
    with written() as writes:
        for client, method in ((admin, "GET"), (owner, "HEAD"), (admin, "OPTIONS")):
            response = client.generic(method, path)
            assert response.status_code < 500 or path == "/readyz"
        owner.get(path, headers={"HX-Request": "true"})
    assert writes == []


@ONCE
@sweep(ROUTES)
def test_another_host_is_refused_everywhere(route: Route, hands: Hands) -> None:
    """A21."""
    client, path = hands.browser(hands.world.cast.admin), address(route, hands.world.ours)
    for host in (
        "evil.example",
        "localhost.evil.example",
        "localhost:80@evil.example",
        "evil.example:8000",
        "localhost:x",
    ):
        assert client.get(path, headers={"Host": host}).status_code == 400, host


def test_a_forwarded_host_is_not_believed(hands: Hands) -> None:
    client = hands.browser(hands.world.cast[Role.OWNER])
    response = client.get("/account/", headers={"X-Forwarded-Host": "evil.example"})
    assert b"evil.example" not in response.content
    assert client.get("/", headers={"X-Forwarded-Host": "evil.example", "Host": "localhost"}).status_code == 200


@ONCE
@sweep(ROUTES)
def test_every_answer_carries_the_policy_and_no_cors(route: Route, hands: Hands) -> None:
    """A22, and the same headers on pages, JSON, redirects, refusals and errors."""
    path = address(route, hands.world.ours)
    for client in (
        Client(),
        *(hands.browser(person) for person in (hands.world.cast[Role.OWNER], hands.world.cast.stranger)),
    ):
        for method in ("GET", "OPTIONS", "NONSENSE"):
            response = client.generic(method, path, headers={"Origin": "https://evil.example"})
            said = response.headers["Content-Security-Policy"]
            if not response.headers.get("Content-Disposition", "").startswith("attachment") or "sandbox" not in said:
                policy = dict(part.strip().split(" ", 1) for part in said.split(";"))
                assert policy == {
                    key: " ".join(value) for key, value in settings.CONTENT_SECURITY_POLICY["DIRECTIVES"].items()
                }
            assert not [key for key in response.headers if key.lower().startswith("access-control")]
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["X-Frame-Options"] == "DENY"
            assert "private" in response.headers["Cache-Control"]
            assert "no-store" in response.headers["Cache-Control"] or response.status_code == 200
            assert "Cookie" in response.headers["Vary"]


@pytest.mark.parametrize("path", ["/api/", "/api/v1/", "/api/v1/nothing/", "/api/v2/me/", "/api/v1/projects/zzz/none/"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_unknown_addresses_of_the_api_answer_json(path: str, method: str, client: Client, db: None) -> None:
    response = client.generic(method, path, "{}", "application/json")
    assert response.status_code in (401, 404)
    assert {"code", "detail"} <= set(response.json())
