"""Every address names what it needs, and a view that names nothing opens nothing. The map is read from the resolver."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import URLResolver, get_resolver, path
from rest_framework.request import Request
from rest_framework.response import Response

from problems.problem import Missing
from projects.access import ProjectEndpoint, ProjectPage
from projects.permissions import ACTIONS, Role
from tests.conftest import Cast
from web.api import Endpoint
from web.endpoints import Route, _route, routes
from web.pages import ADMIN, PUBLIC, SIGNED_IN, Page

ROUTES = routes()
KNOWN = {PUBLIC, SIGNED_IN, ADMIN} | set(ACTIONS)


def name(route: Route) -> str:
    return f"/{route.pattern}"


def walk(patterns: list[Any]) -> Iterator[Any]:
    for entry in patterns:
        if isinstance(entry, URLResolver):
            yield from walk(entry.url_patterns)
        else:
            yield entry


def test_the_map_has_every_address_of_the_resolver() -> None:
    assert len(ROUTES) == len(list(walk(get_resolver().url_patterns)))


@pytest.mark.parametrize("route", ROUTES, ids=name)
def test_every_method_of_every_address_declares_a_known_action(route: Route) -> None:
    assert route.actions, f"{route.view} answers no method"
    for method, action in route.actions.items():
        assert action in KNOWN, f"{method} of {route.view} declares {action!r}"


@pytest.mark.parametrize("route", [route for route in ROUTES if "key>" in route.pattern], ids=name)
def test_what_lies_in_a_project_goes_through_the_door(route: Route) -> None:
    callback = next(e.callback for e in walk(get_resolver().url_patterns) if _route(e, "").view == route.view)
    view = getattr(callback, "view_class", None) or callback.cls
    assert issubclass(view, (ProjectPage, ProjectEndpoint))
    assert all(action in ACTIONS for action in route.actions.values()), "a project's address needs a project's action"


@pytest.mark.parametrize("route", ROUTES, ids=name)
def test_every_view_stands_on_our_bases(route: Route) -> None:
    callback = next(e.callback for e in walk(get_resolver().url_patterns) if _route(e, "").view == route.view)
    view = getattr(callback, "view_class", None) or getattr(callback, "cls", None)
    assert view is not None
    assert issubclass(view, (Page, Endpoint))


def test_every_address_is_named_once() -> None:
    named = [route.name for route in ROUTES if not route.is_api]
    assert all(named)
    assert len(named) == len(set(named))


class OpenPage(Page):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("open")


class OpenEndpoint(Endpoint):
    def get(self, request: Request) -> Response:
        return Response("open")


class HalfOpen(Endpoint):
    action = {"GET": PUBLIC}

    def get(self, request: Request) -> Response:
        return Response("read")

    def post(self, request: Request) -> Response:
        return Response("written")


def test_a_page_without_an_action_refuses_everybody(rf: RequestFactory, cast: Cast) -> None:
    for person in (AnonymousUser(), cast.admin):
        request = rf.get("/")
        request.user = person
        with pytest.raises(Missing):
            OpenPage.as_view()(request)


def test_an_endpoint_without_an_action_refuses_everybody(rf: RequestFactory, cast: Cast) -> None:
    for person in (AnonymousUser(), cast.admin):
        request = rf.get("/")
        request.user = person
        assert OpenEndpoint.as_view()(request).status_code == 404


def test_a_method_without_an_action_is_refused(rf: RequestFactory, cast: Cast) -> None:
    request = rf.post("/", "{}", content_type="application/json")
    request.user = cast.admin
    request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
    assert HalfOpen.as_view()(request).status_code == 404
    assert HalfOpen.as_view()(rf.get("/")).status_code == 200


def test_the_map_shows_views_and_functions_without_an_action() -> None:
    def bare(request: HttpRequest) -> HttpResponse:
        return HttpResponse("open")

    assert _route(path("x/", bare), "x/").actions == {"GET": None}
    assert _route(path("x/", OpenPage.as_view()), "x/").actions == {"GET": None}
    assert _route(path("x/", HalfOpen.as_view()), "x/").actions == {"GET": PUBLIC, "POST": None}


def test_every_action_of_the_table_is_held_by_somebody() -> None:
    assert all(roles for _, roles in ACTIONS.values())
    assert all(isinstance(role, Role) for _, roles in ACTIONS.values() for role in roles)


def test_the_command_prints_the_same_map() -> None:
    out = io.StringIO()
    call_command("list_endpoints", json=True, stdout=out)
    assert json.loads(out.getvalue()) == [route.as_dict() for route in ROUTES]
    text = io.StringIO()
    call_command("list_endpoints", stdout=text)
    assert "NOT DECLARED" not in text.getvalue()
