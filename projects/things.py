"""A socket: the rooms above register what requirements can be linked to."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from projects.models.projects import Project


@dataclass(frozen=True)
class Thing:
    """An object that other records can point to: its type word, its id in the project, its name, its address."""

    type: str
    id: str
    name: str
    url: str


@dataclass(frozen=True)
class Things:
    """How a room offers objects of one type: `offer` gives the newest that fit a search, `find` the one with an id."""

    type: str
    offer: Callable[[Project, str], Iterable[Thing]]
    find: Callable[[Project, str], Thing | None]


_things: dict[str, Things] = {}


def things(source: Things) -> None:
    """Register objects of one type, which requirements can be linked to."""
    _things[source.type] = source


def kinds_of_things() -> list[str]:
    """The type words of all registered objects."""
    return list(_things)


def offered(project: Project, type: str, search: str = "") -> list[Thing]:
    """Objects of the project of one type that a form can offer."""
    return list(_things[type].offer(project, search)) if type in _things else []


def thing(project: Project, type: str, id: str) -> Thing | None:
    """One object of the project."""
    return _things[type].find(project, id) if type in _things else None
