"""A01-A04: every address, every method, as a stranger, an outsider, each role; made from the resolver, not from a list."""

from zlib import crc32

import pytest
from django.test import Client

from projects.permissions import ACTIONS, Role, allows
from tests.attacks.requests import SAFE, sample_body, seen, send, told, undone
from tests.attacks.sweep import Hands, sweep
from tests.attacks.world import address, has_object, has_project, written
from web.endpoints import Route, routes
from web.pages import ADMIN, PUBLIC, SIGNED_IN

ONCE = pytest.mark.once  # the doors are of Python: what they refuse is the same on every database
ROUTES = routes()
# Everything that strangers may reach, each with the reason. Nothing joins this list by declaring itself public.
OPEN = {
    "healthz": "says that the process answers",
    "readyz": "one word about the instance",
    "set-up/<str:secret>/": "the one-time link",
    "sign-in/": "the way in",
    "sign-out/": "the way out",
    "sign-in/code/": "the second step; without the first it leads back to the beginning",
    "sign-in/code/passkey/": "the same, for a passkey",
    "sign-in/forgotten/": "the way back in, where mail is set up",
    "sign-in/reset/<str:place>/<str:token>/": "the one-time link of that mail",
    "sign-in/with/<slug:provider>/": "the way in by single sign-on",
    "sign-in/with/<slug:provider>/back/": "the way back from there",
    "data/feeds/<uuid:feed>.csv": "asks for the secret of its own",
    "invite/<str:secret>/": "the one-time link of an invitation",
    "api/v1/setup/": "the one-time link, for programs",
    "api/v1/tokens/": "the way in, for programs",
    "api/v1/invitations/accept/": "the one-time link of an invitation, for programs",
}
IN_PROJECTS = [route for route in ROUTES if has_project(route)]
WITH_OBJECTS = [route for route in ROUTES if has_object(route)]
# A name in the address that need not exist yet: the request makes it, in the project of the address.
MAKES_ITS_NAME = {f"api/v1/projects/<slug:key>/datasets/<slug:name>/{how}/" for how in ("uploads", "resumable")} | {
    # three names that every project has
    "api/v1/projects/<slug:key>/environments/<slug:name>/",
    "p/<slug:key>/deploy/environments/<slug:name>/",
    "p/<slug:key>/deploy/environments/<slug:name>/drop/",
}
FIRST = {action: (route.pattern, method) for route in reversed(ROUTES) for method, action in route.actions.items()}
API = [route for route in ROUTES if route.is_api and "docs" not in route.pattern]
# Refusals by a service, after the door: signing needs the very role that one signs for, and a browser; words are
# changed only by who wrote them; an address for a program is revoked by whose it is; stages and hand-offs have owners of their own; the bin asks for the thing's own right.
REFUSED_LATER = {
    "bin.use",
    "contract.sign",
    "data.export",
    "gate.sign",
    "handoff.answer",
    "handoff.offer",
    "stage.answer",
    "stage.plan",
    "talk.edit",
}


def test_nothing_is_open_to_strangers_but_what_is_listed() -> None:
    public = {route.pattern for route in ROUTES if PUBLIC in route.actions.values()}
    assert public <= set(OPEN), public - set(OPEN)


@ONCE
@sweep(ROUTES)
def test_a_stranger_gets_nothing(route: Route, hands: Hands) -> None:
    """A01."""
    path = address(route, hands.world.ours)
    for method in (*route.actions, "HEAD", "OPTIONS", "TRACE"):
        needed = route.actions.get("GET" if method == "HEAD" else method)
        if needed == PUBLIC or (method == "OPTIONS" and PUBLIC in route.actions.values()):
            continue
        with written() as writes:
            response = send(Client(), method, path)
        assert writes == []
        assert response.status_code in (302, 401, 404, 405), f"{method} {path}: {response.status_code}"
        assert response.status_code != 302 or response.headers["Location"].startswith("/sign-in/")
        assert hands.world.ours.project.name.encode() not in response.content


@ONCE
@sweep(IN_PROJECTS)
def test_an_outsider_cannot_tell_a_project_from_none(route: Route, hands: Hands) -> None:
    """A02. With session and with token: the 404 of somebody else's project is the 404 of no project, byte for byte."""
    world = hands.world
    theirs, nowhere = address(route, world.ours), address(route, world.ours, key="zzzzz")
    session, token = hands.browser(world.cast.stranger), hands.api_of(world.cast.stranger)
    for client in (session, token) if route.is_api else (session,):
        for method in route.actions:
            with written() as writes:
                found, none = send(client, method, theirs), send(client, method, nowhere)
            assert writes == []
            assert found.status_code == 404, f"{method} {theirs}: {found.status_code}"
            assert seen(found) == seen(none), f"{method} {theirs} differs from {nowhere}"


@ONCE
@sweep([route for route in ROUTES if set(route.actions.values()) - {PUBLIC}])
def test_each_role_is_refused_exactly_where_the_table_says_so(route: Route, hands: Hands) -> None:
    """A03. Whoever may not gets 403 and changes nothing; whoever may is not refused and never sees a 500.

    Whoever is refused asks the first address of each action, so that every cell of the table is seen; elsewhere the
    viewer asks and three others that change with the address, as do three of those that are let in.
    """
    path = address(route, hands.world.ours)
    for method, action in route.actions.items():
        let_in = [role for role in Role if _may(role, action)]
        refused_ones = [role for role in Role if role not in let_in]
        if FIRST[action] != (route.pattern, method):
            refused_ones = _some(refused_ones, f"{method} {route.pattern}")
        asked = [Role.VIEWER, *_some(let_in, route.pattern), *refused_ones]
        for role in dict.fromkeys(asked):
            with undone(), written() as writes:
                response = send(hands.browser(hands.world.cast[role]), method, path)
            refused = response.status_code == 403
            assert not (refused and writes), f"{role} {method} {path} wrote {writes}"
            assert response.status_code < 500, f"{role} {method} {path}: {told(response)}"
            if not (refused and action in REFUSED_LATER):
                assert refused == (role not in let_in), f"{role} {method} {path}: {response.status_code}"


def _some(roles: list[Role], pattern: str) -> list[Role]:
    """Three of them, others at another address: the table behind all addresses is one, and tested by itself."""
    start = crc32(pattern.encode()) % max(len(roles), 1)
    return (roles[start:] + roles[:start])[:3]


def _may(role: Role, action: str | None) -> bool:
    if action in (PUBLIC, SIGNED_IN):
        return True
    return action != ADMIN and allows(frozenset({role}), str(action))


@ONCE
@sweep(IN_PROJECTS)
def test_a_refusal_names_the_right_that_is_missing(route: Route, hands: Hands) -> None:
    """A03. A no that names the way to yes."""
    path = address(route, hands.world.ours)
    for method, action in route.actions.items():
        if not _may(Role.VIEWER, action):
            response = send(hands.browser(hands.world.cast[Role.VIEWER]), method, path)
            assert ACTIONS[str(action)][0] in response.content.decode().replace("&#x27;", "'")


@ONCE
@sweep([route for route in WITH_OBJECTS if route.pattern not in MAKES_ITS_NAME])
def test_an_object_is_not_reached_through_another_project(route: Route, hands: Hands) -> None:
    """A04. Our objects below the outsider's own project are as absent as random ones."""
    world = hands.world
    mixed = address(route, world.ours, key=world.theirs.project.key)
    random = address(route, world.theirs, random=True)
    for method in route.actions:
        body = sample_body(route, method, world.theirs) if route.is_api else {}
        with written() as writes:
            found = send(hands.browser(world.cast.stranger), method, mixed, body)
            none = send(hands.browser(world.cast.stranger), method, random, body)
        assert writes == []
        assert found.status_code == 404, f"{method} {mixed}: {found.status_code} {found.content[:200]!r}"
        assert none.status_code == 404, f"{method} {random}: {none.status_code}"


@ONCE
@sweep(WITH_OBJECTS)
def test_the_owner_finds_every_object(route: Route, hands: Hands) -> None:
    """Without this, the sweeps above could pass because nothing is ever found."""
    path = address(route, hands.world.ours)
    for method in route.actions:
        with undone():
            response = send(hands.browser(hands.world.cast[Role.OWNER]), method, path)
        assert response.status_code < 500, f"{method} {path}: {told(response)}"
        assert response.status_code != 404, f"{method} {path}"


@ONCE
@sweep(API)
def test_a_token_that_may_only_read_writes_nothing(route: Route, hands: Hands) -> None:
    client, path = hands.api_of(hands.world.cast[Role.OWNER], read_only=True), address(route, hands.world.ours)
    for method, action in route.actions.items():
        if method not in SAFE and action != PUBLIC:
            with written() as writes:
                status = send(client, method, path).status_code
            # the tracking protocol searches by POST
            assert status == 403 or ("/mlflow/" in path and str(action).endswith(".read")), f"{method} {path}"
            assert writes == []


@ONCE
@sweep([route for route in API if has_project(route)])
def test_a_token_of_one_project_opens_no_other(route: Route, hands: Hands) -> None:
    client = hands.api_of(hands.world.cast[Role.OWNER], project_key="elsewhere")
    path = address(route, hands.world.ours)
    for method in route.actions:
        assert send(client, method, path).status_code == 404, f"{method} {path}"


@ONCE
@sweep(ROUTES)
def test_no_method_is_answered_with_a_500(route: Route, hands: Hands) -> None:
    """GET, HEAD and OPTIONS are asked of every address by test_looking_changes_nothing."""
    path = address(route, hands.world.ours)
    for method in ("TRACE", "PUT", "PATCH", "DELETE", "POST", "CONNECT", "NONSENSE"):
        client = hands.browser(hands.world.cast.admin)
        client.raise_request_exception = False
        with undone():
            response = client.generic(method, path, "{}", "application/json")
        assert response.status_code < 500, f"{method} {path}: {told(response)}"
        assert method not in ("TRACE", "CONNECT", "NONSENSE") or response.status_code == 405
