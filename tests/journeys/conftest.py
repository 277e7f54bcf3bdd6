"""One running instance for all journeys of a test process."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.chromium import chromium
from tests.live import Http, Instance, running


@pytest.fixture(scope="module")
def live() -> Iterator[Instance]:
    """Everything that `./run` starts, in a fresh folder."""
    yield from running()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One browser for all journeys of a test process: Playwright's loop runs once in a thread."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def admin(live: Instance) -> Http:
    """The administrator who came in through the set-up link."""
    return live.set_up()


@pytest.fixture(autouse=True)
def pages_are_closed(request: pytest.FixtureRequest) -> Iterator[None]:
    """A page that stays open goes on asking for news until the end of all tests."""
    yield
    if "browser" in request.fixturenames:
        for context in request.getfixturevalue("browser").contexts:
            context.close()
