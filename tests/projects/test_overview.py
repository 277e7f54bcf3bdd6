"""The socket: what rooms say of a project is remembered until something is audited there."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import caches

from audit.services import record
from projects import overview
from projects.overview import StageNote, rails
from projects.permissions import Role
from projects.queries import remembered as queries_remembered
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
