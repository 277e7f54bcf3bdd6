"""A socket: the rooms above register how a person is reached, and what their roles want to be told by e-mail."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from notices.kinds import Mail


@dataclass(frozen=True)
class Reached:
    """A person who can get e-mail."""

    name: str
    email: str


Book = Callable[[Collection[UUID]], Mapping[UUID, Reached]]
Defaults = Callable[[Collection[UUID]], Mapping[UUID, Mapping[str, Mail]]]
_books: list[Book] = []
_defaults: list[Defaults] = []


def book(source: Book) -> Book:
    """Register the address book: active people only."""
    _books.append(source)
    return source


def role_defaults(source: Defaults) -> Defaults:
    """Register what holds for people by their roles, kind by kind."""
    _defaults.append(source)
    return source


def reached(people: Collection[UUID]) -> dict[UUID, Reached]:
    """Where these people get their e-mail."""
    return {person: found for source in _books for person, found in source(people).items()}


def defaults(people: Collection[UUID]) -> dict[UUID, Mapping[str, Mail]]:
    """What holds for these people while they did not choose."""
    return {person: found for source in _defaults for person, found in source(people).items()}
