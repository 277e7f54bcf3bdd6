"""A05, A08 and hostile JSON: what a body may not reach, sent to every endpoint that takes one."""

from collections.abc import Callable, Iterable
from typing import Any
from zlib import crc32

import pytest
from django.db import models
from django.test import Client
from django.utils.module_loading import import_string

from accounts.models import User
from projects.permissions import Role
from tests.attacks.reading import reading
from tests.attacks.requests import is_upload, names_read, sample_body, send, small_file, told, undone
from tests.attacks.sweep import Hands, World, sweep
from tests.attacks.world import address, crossing_links, has_project, touched, written
from web.endpoints import Route, routes

Browser = Callable[[User], Client]
WITH_BODY = [
    (route, method)
    for route in routes()
    if route.is_api
    for method in route.actions
    if method in ("POST", "PUT", "PATCH")
]
IN_PROJECTS = [(route, method) for route, method in WITH_BODY if has_project(route)]
PAGES = [route for route in routes() if not route.is_api and "POST" in route.actions]


def put(client: Client, route: Route, method: str, path: str, body: Any) -> Any:
    client.raise_request_exception = False
    if is_upload(route, method):
        flat = {key: value for key, value in (body or {}).items() if isinstance(value, (str, int, float))}
        return client.post(path, flat | {"file": small_file()})
    return send(client, method, path, body)


ONCE = pytest.mark.once  # what is understood is decided before any database is asked

# Endpoints that no body of their description alone satisfies: pieces of a file with its hash, a second version,
# a logged model.
# Of the tracking protocol there is no description; its own tests name what is another project's.
NEED_MORE = ("/resumable/", "/difference/", "/runs/upload/", "/judge/", "/mlflow/")


@ONCE
@sweep([target for target in IN_PROJECTS if not any(word in target[0].pattern for word in NEED_MORE)])
def test_the_same_body_about_ones_own_objects_is_understood(target: tuple[Route, str], hands: Hands) -> None:
    """The control of A05: it is the foreign object that is refused there, not a body that nobody could use."""
    route, method = target
    body = sample_body(route, method, hands.world.ours)
    response = put(hands.browser(hands.world.cast[Role.OWNER]), route, method, address(route, hands.world.ours), body)
    assert response.status_code in (200, 201, 202, 204, 409), f"{body}: {response.status_code} {told(response)}"


@ONCE
@sweep([target for target in IN_PROJECTS if "/mlflow/" not in target[0].pattern])
def test_a_body_cannot_take_something_from_another_project(target: tuple[Route, str], hands: Hands) -> None:
    """A05. An otherwise good request of the outsider to a project of their own names one of our objects at a time."""
    route, method = target
    path = address(route, hands.world.theirs)
    own, foreign = (sample_body(route, method, things) for things in (hands.world.theirs, hands.world.ours))
    fields = [name for name in own if own[name] != foreign[name]] if isinstance(own, dict) else []
    if route.pattern.endswith("/sources/"):
        fields.remove("dataset")  # a name that need not exist yet: the source makes it, in its own project
    for body in [{**own, name: foreign[name]} for name in fields] or [foreign]:
        with undone():
            with written() as writes:
                response = put(hands.browser(hands.world.cast.stranger), route, method, path, body)
            assert response.status_code < 500, f"{body}: {told(response)}"
            assert crossing_links(writes) == [], f"{body}"
            assert response.status_code >= 400 or not fields, f"{body}: {response.status_code}"


@ONCE
def test_the_look_for_what_crosses_sees_it(world: World) -> None:
    """Without this, the sweep above could pass because nothing is ever seen."""
    ours, theirs = world.ours["experiments.run"], world.theirs["datasets.version"]
    with undone(), written() as writes:
        type(ours)._default_manager.filter(pk=ours.pk).update(data=theirs)
        assert f"experiments.Run {ours.pk}" in crossing_links(writes)


MARK = "5f0f3f5e-7f0a-4c7c-9b55-00000000feed"
GUARDED: dict[str, Any] = {
    "id": MARK,
    "pk": MARK,
    "project": MARK,
    "project_id": MARK,
    "created_by": MARK,
    "created_by_id": MARK,
    "signed_by": MARK,
    "published_by": MARK,
    "state": "feed",
    "lease_token": 1234567,
    "attempt": 31234,
    "digest": "feed" * 16,
    "prefix": "feedfeed",
    "fingerprint": "feed" * 16,
    "bundle": "feed" * 16,
    "table": "feed" * 16,
    "sha256": "feed" * 16,
    "is_admin": True,
    "is_staff": True,
    "is_superuser": True,
    "is_active": False,
    "created_at": "1999-01-01T00:00:00Z",
    "signed_at": "1999-01-01T00:00:00Z",
    "published_at": "1999-01-01T00:00:00Z",
    "metrics": {"feed": 1},
    "verdicts": [{"feed": 1}],
    "evaluation": {"feed": 1},
}


def marked(writes: Iterable[str]) -> list[str]:
    """Columns of the tables that were written to that hold what only a body of this test could have brought."""
    found = []
    for model in touched(writes):
        for column in model._meta.concrete_fields:
            sent = GUARDED.get(column.name)
            if sent is None or isinstance(sent, bool):
                continue
            sought = {f"{column.name}__year": 1999} if isinstance(column, models.DateTimeField) else {column.name: sent}
            if isinstance(column, (models.IntegerField, models.FloatField)) and not isinstance(sent, (int, float)):
                continue
            if model._default_manager.filter(**sought).exists():
                found.append(f"{model._meta.label}.{column.name}")
    return found


def powers(world: World) -> list[Any]:
    """Who may do what, as the database has it."""
    people = list(User.objects.order_by("pk").values_list("pk", "is_admin", "is_active", "password"))
    return [people, list(world.cast.project.memberships.order_by("pk").values_list("user", "role"))]


@ONCE
@sweep(WITH_BODY)
def test_a_body_sets_only_what_its_endpoint_takes(target: tuple[Route, str], hands: Hands) -> None:
    """A08, over REST: as the role with the most rights, everything that nobody may set from outside."""
    route, method = target
    before = powers(hands.world)
    body = sample_body(route, method, hands.world.ours)
    given = {key: value for key, value in GUARDED.items() if not isinstance(body, dict) or key not in body}
    sent = (
        {**body, **given} if isinstance(body, dict) else [{**item, **given} for item in body if isinstance(item, dict)]
    )
    with undone():
        with written() as writes:
            response = put(
                hands.browser(hands.world.cast[Role.OWNER]), route, method, address(route, hands.world.ours), sent
            )
        assert response.status_code < 500, f"{sent}: {told(response)}"
        assert marked(writes) == []
        now = powers(hands.world)
    if "invitations" not in route.pattern and "members" not in route.pattern:
        assert now == before


@ONCE
@sweep(PAGES)
def test_a_form_sets_only_its_own_fields(route: Route, hands: Hands) -> None:
    """A08, in pages."""
    form = {key: str(value) for key, value in GUARDED.items()}
    with undone():
        with written() as writes:
            response = send(hands.browser(hands.world.cast[Role.OWNER]), "POST", address(route, hands.world.ours), form)
        assert response.status_code < 500, told(response)
        assert marked(writes) == []
        assert not User.objects.filter(email=hands.world.cast[Role.OWNER].email, is_admin=True).exists()


DEEP = "[" * 200_000 + "]" * 200_000
HOSTILE: dict[str, tuple[bytes, str]] = {
    "200 000 levels of lists": (DEEP.encode(), "application/json"),
    "200 000 levels of objects": (('{"a":' * 200_000 + "1" + "}" * 200_000).encode(), "application/json"),
    "33 levels": (b"[" * 33 + b"]" * 33, "application/json"),
    "NaN": (b'{"value": NaN}', "application/json"),
    "Infinity": (b'{"value": -Infinity}', "application/json"),
    "a number beyond doubles": (b'{"value": 1e999}', "application/json"),
    "an integer of 5 000 digits": (b'{"value": ' + b"9" * 5000 + b"}", "application/json"),
    "a repeated name": (b'{"name": "a", "name": "b"}', "application/json"),
    "half a surrogate pair": (b'{"name": "\\ud800"}', "application/json"),
    "half a surrogate pair as a name": (b'{"\\udfff": 1}', "application/json"),
    "a NUL character": (b'{"name": "a\\u0000b"}', "application/json"),
    "UTF-16": ('{"name": "a"}'.encode("utf-16"), "application/json"),
    "UTF-16 without a mark": ('{"name": "a"}'.encode("utf-16-le"), "application/json"),
    "Latin-1": (b'{"name": "caf\xe9"}', "application/json"),
    "half an object": (b'{"name": ', "application/json"),
    "comments": (b'{"name": 1} // no', "application/json"),
    "more than the limit": (b'{"name": "' + b"a" * (5 * 1024 * 1024) + b'"}', "application/json"),
    "JSON that says it is text": (b'{"name": "a"}', "text/plain"),
    "a form": (b"name=a", "application/x-www-form-urlencoded"),
    "XML": (b"<a/>", "application/xml"),
    "no kind": (b"{}", ""),
}
NO_OBJECTS: list[Any] = [[], "text", 7, None, True, [[]], [None]]
ODD = [{"name": {}}, {"name": []}, {"": 1}, {"name": 2**80}, {"name": "x" * 100_000}]


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_json_is_refused_with_its_reason(words: str, world: World, api_of: Browser) -> None:
    """A54."""
    content, kind = HOSTILE[words]
    response = api_of(world.cast[Role.OWNER]).generic("PATCH", "/api/v1/me/", content, kind)
    assert response.status_code in (400, 413, 415), f"{response.status_code} {response.content[:200]!r}"
    assert {"code", "detail"} <= set(response.json())


def reads(route: Route) -> tuple[str, ...]:
    """The parsers that read what is sent there: what they refuse reaches no endpoint behind them."""
    return tuple(parser.__name__ for parser in import_string(route.view).parser_classes)


# For each room and each way to read bodies, one endpoint of each method.
READ_ALIKE = {(route.view.split(".")[0], reads(route), method): (route, method) for route, method in WITH_BODY}


@ONCE
@sweep(READ_ALIKE.values())
def test_hostile_bodies_are_4xx_wherever_bodies_are_read(target: tuple[Route, str], hands: Hands) -> None:
    route, method = target
    client, path = hands.browser(hands.world.cast[Role.OWNER]), address(route, hands.world.ours)
    client.raise_request_exception = False
    for words, (content, kind) in HOSTILE.items():
        if len(content) < 100_000:
            with undone():
                response = client.generic(method, path, content, kind)
            assert response.status_code < 500, f"{words}: {told(response)}"


@ONCE
@sweep(WITH_BODY)
def test_odd_bodies_are_4xx_and_change_nothing(target: tuple[Route, str], hands: Hands) -> None:
    """What is no object at all is told apart in few places: two of them at each address, others at the next."""
    route, method = target
    client, path = hands.browser(hands.world.cast[Role.OWNER]), address(route, hands.world.ours)
    client.raise_request_exception = False
    start = crc32(f"{method} {route.pattern}".encode()) % len(NO_OBJECTS)
    for body in [*ODD, *(NO_OBJECTS * 2)[start : start + 2]]:
        with undone():
            response = send(client, method, path, body)
        assert response.status_code < 500, f"{str(body)[:60]}: {told(response)}"


@sweep(WITH_BODY)
def test_each_field_with_a_wrong_kind_of_value_is_4xx(target: tuple[Route, str], hands: Hands) -> None:
    route, method = target
    client, path = hands.browser(hands.world.cast[Role.OWNER]), address(route, hands.world.ours)
    body = sample_body(route, method, hands.world.ours)
    if not isinstance(body, dict):
        return
    with undone(), reading() as seen:
        put(client, route, method, path, body)
    for field in filter(seen.reads, body):
        refused = False  # by the serializer itself: how that is answered needs to be seen once for each field
        for value in (None, True, -1, 2**70, 1.5, "", "x" * 5000, [], [[1]], {}, {"a": {"b": 1}}, "\u202e"):
            wrong = {**body, field: value}
            known, refused = refused, refused or seen.refuses(wrong)
            if known and seen.refuses(wrong):
                continue
            with undone():
                response = put(client, route, method, path, wrong)
            assert response.status_code < 500, f"{field}={str(value)[:40]}: {told(response)}"


QUERIES = [
    "page=-1", "page=zzz", "page=99999999999999999999", "page_size=0", "page_size=1e9", "runs=1,2,x", "runs=99999999999999999999",
    "sort=-password", "sort=created_by__password", "created_by__password__startswith=pbkdf2", "ordering=user__password", "range=forever",
    "input=%F0%9F%92%A9", "column=%27%22%3Cscript%3E", "q=%ff%fe", "format=xml", "version=0", "dataset=../../etc/passwd", "from=x", "a=" + "b" * 4000,
    "x=%00",
]  # fmt: skip


@sweep([r for r in routes() if "GET" in r.actions])
def test_odd_queries_are_never_a_500_and_change_nothing(route: Route, hands: Hands) -> None:
    """A10 and A11. First what the address asks for at all; then each odd value of that."""
    client, path = hands.browser(hands.world.cast[Role.OWNER]), address(route, hands.world.ours)
    client.raise_request_exception = False
    with names_read() as asked_for:
        answers = [client.get(path), client.get(f"{path}?{'&'.join(QUERIES)}")]
    assert all(response.status_code < 500 or path == "/readyz" for response in answers), told(answers[-1])
    for query in QUERIES:
        if query.partition("=")[0] not in asked_for:
            continue
        with written() as writes:
            response = client.get(f"{path}?{query}")
        assert writes == []
        assert response.status_code < 500 or path == "/readyz", f"{path}?{query}: {told(response)}"
        assert b"<script>" not in getattr(response, "content", b"").replace(b"<script>\n", b"")
