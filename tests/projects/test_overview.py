"""The socket: what rooms say of a project is remembered until something is audited there."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import caches

from audit.services import record
from projects import overview
from projects.models.team import Membership
from projects.overview import StageNote, rails
from projects.permissions import Role
from projects.queries import remembered as queries_remembered
from projects.services.tasks import open_task
from tests.conftest import Cast

LOCAL = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "test-overview"}


@pytest.fixture
def asked(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[str]]]:
    """One stage whose source notes which projects it was asked about."""
    settings.CACHES = settings.CACHES | {"here": LOCAL}
    calls: list[list[str]] = []

    def source(projects: Any) -> Any:
        calls.append([project.key for project in projects])
        return {project.pk: StageNote("now", f"asked {len(calls)}", "/") for project in projects}

    monkeypatch.setattr(overview, "_stages", {"define": source})
    yield calls
    caches["here"].clear()


def test_what_was_said_is_remembered_until_something_is_audited_in_that_project(
    cast: Cast, asked: list[list[str]]
) -> None:
    projects = [cast.project, cast.other_project]
    assert [stops[0].note for stops in rails(projects).values()] == ["asked 1", "asked 1"]
    rails(projects)
    assert asked == [["churn", "other"]]
    record(cast[Role.OWNER], "project.changed", cast.project, project_key="churn")
    notes = {key: stops[0].note for key, stops in rails(projects).items()}
    assert notes == {cast.project.pk: "asked 2", cast.other_project.pk: "asked 1"}
    assert asked == [["churn", "other"], ["churn"]]


def test_what_is_not_audited_is_seen_after_some_seconds(
    cast: Cast, asked: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries_remembered, "REMEMBERED_SECONDS", 0)
    rails([cast.project])
    rails([cast.project])
    assert len(asked) == 2


@pytest.mark.parametrize("address", ["/", "/p/churn/"])
def test_pages_that_remember_ask_little_and_still_tell_what_happened(
    address: str, cast: Cast, settings: Any, browser_of: Any, django_assert_max_num_queries: Any
) -> None:
    """Twelve questions to the database at most, and a need or an event is there with the next look."""
    settings.CACHES = settings.CACHES | {"here": LOCAL | {"LOCATION": f"test{address}"}}
    browser = browser_of(cast[Role.BUSINESS_ANALYST])
    assert b"Look at column seven" not in browser.get(address).content
    with django_assert_max_num_queries(12):
        browser.get(address)
    given = {"title": "Look at column seven", "assignee": cast[Role.BUSINESS_ANALYST]}
    open_task(cast.project, **given, by=cast[Role.OWNER])
    assert b"column seven" in browser.get(address).content


def test_other_roles_see_their_own_at_the_next_request(cast: Cast, settings: Any, browser_of: Any) -> None:
    """Also where nothing is audited in the project, as when a group changes."""
    settings.CACHES = settings.CACHES | {"here": LOCAL | {"LOCATION": "test-roles"}}
    browser = browser_of(cast[Role.VIEWER])
    open_task(cast.project, title="For experts only", role=Role.DOMAIN_EXPERT, by=cast[Role.OWNER])
    link = b'href="/p/churn/tasks/1/"'
    assert link not in browser.get("/").content
    Membership.objects.filter(user=cast[Role.VIEWER]).update(role=Role.DOMAIN_EXPERT)
    assert link in browser.get("/").content
