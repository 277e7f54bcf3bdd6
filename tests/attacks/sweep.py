"""Running one check over many addresses: one test for each room, each address in a transaction that is taken back."""

import traceback
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import User
from tests.attacks.requests import undone
from tests.attacks.world import Things
from tests.conftest import Cast
from web.endpoints import Route

FEW = 25
Target = Route | tuple[Route, str]


@dataclass
class World:
    """`ours` is the project with the whole cast; `theirs` belongs to the stranger."""

    cast: Cast
    ours: Things
    theirs: Things


@dataclass
class Hands:
    """What a check works with: the world, and clients for its people."""

    world: World
    browser_of: Callable[[User], Client]
    api_of: Callable[..., Client]
    _sessions: dict[Any, str] = field(default_factory=dict)

    def sign_in(self, *people: User) -> None:
        """Make their sessions now, so that the check itself adds none."""
        for person in people:
            if person.pk not in self._sessions:
                self._sessions[person.pk] = self.browser_of(person).cookies[settings.SESSION_COOKIE_NAME].value

    def browser(self, person: User, **options: Any) -> Client:
        """A new browser with this person's session."""
        self.sign_in(person)
        client = Client(**options)
        client.cookies[settings.SESSION_COOKIE_NAME] = self._sessions[person.pk]
        return client


def name(target: Target) -> str:
    return f"/{target.pattern}" if isinstance(target, Route) else f"{target[1]} /{target[0].pattern}"


def sweep(targets: Iterable[Target]) -> Callable[[Callable[[Any, Hands], None]], Callable[[str, Hands], None]]:
    """Make a test of a check over these addresses. It goes on after a failure and tells all of them."""
    rooms: dict[str, list[Target]] = defaultdict(list)
    for target in targets:
        rooms[(target if isinstance(target, Route) else target[0]).view.split(".")[0]].append(target)
    for room in [room for room, of_room in rooms.items() if len(of_room) < FEW]:
        rooms["others"] += rooms.pop(room)  # the world of a test takes longer to make than they to be asked

    def decorate(check: Callable[[Any, Hands], None]) -> Callable[[str, Hands], None]:
        def test(room: str, hands: Hands) -> None:
            wrong = []
            for target in rooms[room]:
                try:
                    with undone():
                        check(target, hands)
                except AssertionError as error:
                    wrong.append(f"{name(target)}: {str(error)[:600]}")
                except Exception:
                    wrong.append(f"{name(target)}: {traceback.format_exc()[-1500:]}")
            assert not wrong, f"{len(wrong)} of {len(rooms[room])}:\n" + "\n".join(wrong)

        test.__doc__ = check.__doc__
        by_room = pytest.mark.parametrize("room", sorted(rooms))
        marked: Callable[[str, Hands], None] = pytest.mark.timeout(900)(by_room(test))  # thousands of requests each
        return marked

    return decorate
