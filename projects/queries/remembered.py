"""What was worked out about projects, kept until something happens there."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar
from uuid import UUID

from django.core.cache import caches
from django.db.models import OuterRef, Subquery

from audit.models import Entry
from projects.models.projects import Project

REMEMBERED_SECONDS = 10
T = TypeVar("T")
Marks = Mapping[UUID, int | None]


def marks_of(projects: Sequence[Project]) -> Marks:
    """The last thing that was audited in each project: as long as it stays the same, so does what is remembered."""
    last = Entry.objects.filter(project_key=OuterRef("key")).order_by("-seq").values("seq")[:1]
    return dict(Project.objects.filter(pk__in=[each.pk for each in projects]).values_list("pk", Subquery(last)))


def remembered(
    word: str,
    projects: Sequence[Project],
    compute: Callable[[Sequence[Project]], Mapping[UUID, T]],
    marks: Marks | None = None,
) -> dict[UUID, T]:
    """What `compute` says of each project, asked again as soon as anything is audited there, and every few seconds
    for what is not audited, as a damaged file. Who has the marks already gives them."""
    marks = marks_of(projects) if marks is None else marks
    keys = {project.pk: f"{word}:{project.pk}:{marks.get(project.pk)}" for project in projects}
    known = caches["here"].get_many(keys.values())
    new = [project for project in projects if keys[project.pk] not in known]
    computed = compute(new) if new else {}
    caches["here"].set_many({keys[pk]: one for pk, one in computed.items()}, REMEMBERED_SECONDS)
    return {
        project.pk: computed[project.pk] if project.pk in computed else known[keys[project.pk]] for project in projects
    }


def remembered_together(word: str, marks: Marks, compute: Callable[[], T]) -> T:
    """What is worked out over many projects at once: asked again when anything is audited in any of them."""
    key = f"{word}:{hash(frozenset(marks.items()))}"
    known: dict[str, T] = caches["here"].get_many([key])
    if key not in known:
        known[key] = compute()
        caches["here"].set(key, known[key], REMEMBERED_SECONDS)
    return known[key]
