"""A socket: the rooms say what of theirs can be deleted, what still needs a thing, and how it goes for good."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models

from problems.problem import Invalid
from projects.models.projects import Project


@dataclass(frozen=True)
class Kind:
    """One kind of thing that can go to the bin.

    `find` fetches it through its project by the words that people know it by (`customers/v2`, `5`). `hide` puts it
    and what goes along with it into the bin, or takes it out again for None. `purge` deletes its rows and returns the
    hashes of the stored files that they held.
    """

    word: str
    words: str
    action: str
    model: type[models.Model]
    find: Callable[[Project, str], Any]
    hide: Callable[[Any, datetime | None], None]
    purge: Callable[[Any], set[str]]


Needed = Callable[[Any], Iterable[str]]

KINDS: dict[str, Kind] = {}
_needed: dict[str, list[Needed]] = {}
_rooms: list[tuple[int, Callable[[Project], set[str]]]] = []


def kind(made: Kind) -> Kind:
    """Register one kind."""
    KINDS[made.word] = made
    return made


def kind_of(word: str) -> Kind:
    """The kind of that name."""
    if word not in KINDS:
        known = ", ".join(KINDS)
        raise Invalid(f"One of these can be deleted: {known}.", fields={"kind": f"One of: {known}."})
    return KINDS[word]


def keeps(word: str) -> Callable[[Needed], Needed]:
    """Register a function that says in sentences what still needs a thing of this kind."""

    def register(source: Needed) -> Needed:
        _needed.setdefault(word, []).append(source)
        return source

    return register


def needed_by(word: str, thing: Any) -> list[str]:
    """Everything that still needs the thing; it cannot be deleted before that."""
    return [sentence for source in _needed.get(word, ()) for sentence in source(thing)]


def empties(order: int) -> Callable[[Callable[[Project], set[str]]], Callable[[Project], set[str]]]:
    """Register how a room deletes all rows of a project; the uppermost room goes first (the lowest `order`)."""

    def register(source: Callable[[Project], set[str]]) -> Callable[[Project], set[str]]:
        _rooms.append((order, source))
        return source

    return register


def empty(project: Project) -> set[str]:
    """Delete all rows of a project, room by room; returns the hashes of the stored files that they held."""
    held: set[str] = set()
    for _, source in sorted(_rooms, key=lambda pair: pair[0]):
        held |= source(project)
    return held
