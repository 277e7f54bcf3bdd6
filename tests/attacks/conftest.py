"""Two projects with one of everything: what the sweeps attack."""

from collections.abc import Callable

import pytest
from django.core.cache import caches
from django.test import Client

from accounts.models import User
from projects.models.team import Membership
from projects.permissions import Role
from tests.attacks.sweep import Hands, World
from tests.attacks.world import make_things
from tests.conftest import Cast


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """Unlike elsewhere, what is remembered of a project stays: thousands of requests look at the same one."""
    caches["here"].clear()


@pytest.fixture
def world(cast: Cast) -> World:
    Membership.objects.create(project=cast.other_project, user=cast.stranger, role=Role.DATA_ENGINEER)
    return World(
        cast,
        make_things(cast.project, cast[Role.OWNER], 1),
        make_things(cast.other_project, cast.stranger, 2),
    )


@pytest.fixture
def hands(world: World, browser_of: Callable[[User], Client], api_of: Callable[..., Client]) -> Hands:
    made = Hands(world, browser_of, api_of)
    made.sign_in(world.cast.admin, world.cast.stranger, *world.cast.people.values())
    return made
