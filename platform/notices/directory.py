"""A socket: the rooms above register how a person is reached, what their roles want to be told, what they may see."""

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
Spoken = Callable[[str], str]
Eyes = Callable[[UUID, Collection[str]], Mapping[str, Spoken]]
_books: list[Book] = []
_defaults: list[Defaults] = []
_eyes: list[Eyes] = []


def book(source: Book) -> Book:
    """Register the address book: active people only."""
    _books.append(source)
    return source


def role_defaults(source: Defaults) -> Defaults:
    """Register what holds for people by their roles, kind by kind."""
    _defaults.append(source)
    return source


def eyes(source: Eyes) -> Eyes:
    """Register how messages about a project, by its key, are shown to a person; others are shown as they are."""
    _eyes.append(source)
    return source


def spoken(person: UUID, keys: Collection[str]) -> dict[str, Spoken]:
    """How this person reads messages about these projects."""
    return {key: found for source in _eyes for key, found in source(person, keys).items()}


def reached(people: Collection[UUID]) -> dict[UUID, Reached]:
    """Where these people get their e-mail."""
    return {person: found for source in _books for person, found in source(people).items()}


def defaults(people: Collection[UUID]) -> dict[UUID, Mapping[str, Mail]]:
    """What holds for these people while they did not choose."""
    return {person: found for source in _defaults for person, found in source(people).items()}
