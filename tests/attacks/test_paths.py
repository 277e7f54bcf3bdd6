"""A26: what hands out files takes names and numbers, and no path: whatever stands in their place is nothing that exists."""

import re
from collections.abc import Callable
from functools import partial

from django.test import Client

from accounts.models import User
from projects.permissions import Role
from tests.attacks.world import SEGMENT, has_project
from tests.conftest import Cast
from web.endpoints import routes

PATHS = [
    "..%2f..%2fetc%2fpasswd",
    "..;/..;/etc/passwd",
    "%252e%252e%252fetc%252fpasswd",
    "//etc/passwd",
    "....//....//etc/passwd",
    "..%5c..%5cetc%5cpasswd",
    "%c0%ae%c0%ae/etc/passwd",
    "x%3f%23..%2fetc%2fpasswd",
    "x%00.csv",
]
HANDING_OUT = re.compile(r"csv|file|export|feed|bundle|package|download|artifact|archive|report")
ROUTES = [
    one
    for one in routes()
    if "GET" in one.actions
    and HANDING_OUT.search(one.pattern)
    and any(found["name"] != "key" for found in SEGMENT.finditer(one.pattern))
]


def test_a_path_in_the_place_of_a_name_leads_nowhere(
    cast: Cast, browser_of: Callable[[User], Client], api_of: Callable[[User], Client]
) -> None:
    assert len([one for one in ROUTES if has_project(one)]) >= 10
    owner = cast[Role.OWNER]
    clients = {True: api_of(owner), False: browser_of(owner)}
    for route in ROUTES:
        for path in PATHS:
            place = "/" + SEGMENT.sub(partial(_put, cast.project.key, path), route.pattern)
            client = clients[place.startswith("/api/")]
            client.raise_request_exception = False
            answer = client.get(place)
            content = b"".join(answer.streaming_content) if answer.streaming else answer.content
            assert answer.status_code in (301, 302, 400, 404), f"{place}: {answer.status_code}"
            assert b"root:" not in content


def _put(key: str, path: str, found: re.Match[str]) -> str:
    return key if found["name"] == "key" else path
