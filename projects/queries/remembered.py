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


def remembered(
    word: str, projects: Sequence[Project], compute: Callable[[Sequence[Project]], Mapping[UUID, T]]
) -> dict[UUID, T]:
    """What `compute` says of each project, asked again as soon as anything is audited there, and every few seconds
    for what is not audited, as a damaged file."""
    last = Entry.objects.filter(project_key=OuterRef("key")).order_by("-seq").values("seq")[:1]
    marks = Project.objects.filter(pk__in=[project.pk for project in projects]).values_list("pk", Subquery(last))
    keys = {pk: f"{word}:{pk}:{mark}" for pk, mark in marks}
    known = caches["here"].get_many(keys.values())
    new = [project for project in projects if keys.get(project.pk) not in known]
    computed = compute(new) if new else {}
    caches["here"].set_many({keys[pk]: one for pk, one in computed.items() if pk in keys}, REMEMBERED_SECONDS)
    return {
        project.pk: computed[project.pk] if project.pk in computed else known[keys[project.pk]] for project in projects
    }
