"""A socket: the rooms say which of their rows move with a project to another instance, and which stay and why."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from graphlib import TopologicalSorter
from typing import Any

from django.db import models

from accounts.models import User
from projects.models.projects import Project
from storage.models import Blob

Fields = dict[str, Any]


@dataclass
class Landing:
    """What is known while an archive lands: where, when it was packed, and what is called otherwise here.

    `ids` maps the old id of every row to its new one, for each kind, empty until a row that the database numbers is
    written; `words` maps an object's own word in addresses, (`deployment`, `churn`) to `churn-2`, and `paths` the
    addresses below the project. `notes` are told to the person who imports.
    """

    old_key: str
    key: str
    packed_at: datetime
    ids: dict[str, dict[str, str]] = field(default_factory=dict)
    words: dict[tuple[str, str], str] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Check:
    """A stored content that is looked at in the limited child before its row is believed.

    `entry` is called with {"files": [facts]}; the facts are what `facts` makes of a row's fields, with its `path`.
    """

    column: str
    entry: str
    facts: Callable[[Fields], Fields]


@dataclass(frozen=True)
class Moved:
    """One kind of row that moves. `within` is the way from it to its project, as a query has it.

    Columns named in `without` are left empty on the other side. `claim` sees each row before any is kept, to find
    names that are free here; `arrive` changes what must be otherwise here: what was live is at rest, what was signed
    waits for the signatures of this instance.
    """

    model: type[models.Model]
    within: str = "project"
    without: tuple[str, ...] = ()
    claim: Callable[[Fields, Landing], None] | None = None
    arrive: Callable[[Fields, Landing], None] | None = None
    check: Check | None = None

    @property
    def label(self) -> str:
        """The kind's name in the archive."""
        return self.model._meta.label_lower


MOVED: dict[str, Moved] = {}
STAYS: dict[str, str] = {}


def moves(*kinds: Moved) -> None:
    """Register kinds of rows that move."""
    MOVED.update({kind.label: kind for kind in kinds})


def stays(why: str, *kinds: type[models.Model]) -> None:
    """Register kinds of rows that stay behind, with the reason, which people read."""
    STAYS.update({kind._meta.label_lower: why for kind in kinds})


Column = models.ForeignKey[Any, Any]


def links(model: type[models.Model]) -> list[Column]:
    """The columns of a model that point to other rows."""
    return [column for column in model._meta.concrete_fields if isinstance(column, models.ForeignKey)]


def target(column: Column) -> str:
    """The label of what a column points to."""
    related: type[models.Model] = column.related_model
    return related._meta.label_lower


PEOPLE, BLOBS, PROJECT = User._meta.label_lower, Blob._meta.label_lower, Project._meta.label_lower


def in_order() -> list[Moved]:
    """The kinds that move, so that each comes after those that it points to."""
    graph = {
        label: {target(column) for column in links(kind.model)} & MOVED.keys() - {label}
        for label, kind in MOVED.items()
    }
    return [MOVED[label] for label in TopologicalSorter(graph).static_order()]
