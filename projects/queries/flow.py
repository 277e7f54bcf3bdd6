"""Rounds, days and answers about stages: for one project or for many at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from django.db.models import F, Max, OuterRef, Q, QuerySet, Subquery

from projects.models.flow import Round, StageAnswer, StageDue
from projects.models.handoffs import Handoff
from projects.models.projects import Project
from projects.stages import Begun


@dataclass
class Book:
    """What people wrote down about the stages of one project in the round that runs."""

    begun: Begun
    dues: dict[str, date] = field(default_factory=dict)
    answers: dict[str, dict[str, str]] = field(default_factory=dict)
    handoff: Handoff | None = None


def books_of(projects: Sequence[Project]) -> dict[UUID, Book]:
    """The books of many projects, in four queries."""
    found = {project.pk: Book(Begun(project.round, project.created_at)) for project in projects}
    closed = Round.objects.filter(project__in=projects).values("project").annotate(at=Max("closed_at")).order_by()
    for row in closed:
        book = found[row["project"]]
        book.begun = Begun(book.begun.number, row["at"])
    now = Q(project__in=projects, round=F("project__round"))
    for due in StageDue.objects.filter(now):
        found[due.project_id].dues[due.stage] = due.due_on
    for answer in StageAnswer.objects.filter(now).order_by("created_at", "pk"):
        found[answer.project_id].answers.setdefault(answer.stage, {})[answer.fingerprint] = answer.choice
    for handoff in newest_handoffs(projects):
        found[handoff.project_id].handoff = handoff
    return found


def newest_handoffs(projects: Sequence[Project]) -> QuerySet[Handoff]:
    """The newest hand-off of each project that was not withdrawn, of the round that runs."""
    counted = Handoff.objects.exclude(state=Handoff.State.WITHDRAWN)
    newest = counted.filter(project=OuterRef("project")).order_by("-number").values("number")[:1]
    return counted.filter(project__in=projects, round=F("project__round"), number=Subquery(newest))


def begun_of(project: Project) -> Begun:
    """The round that runs, and when it began."""
    last = Round.objects.filter(project=project).aggregate(at=Max("closed_at"))["at"]
    return Begun(project.round, last or project.created_at)


def rounds_of(project: Project) -> QuerySet[Round]:
    """The finished rounds, newest first."""
    return Round.objects.filter(project=project).select_related("closed_by")


def answers_of(project: Project) -> QuerySet[StageAnswer]:
    """What owners said about reopened stages, newest first, in all rounds."""
    return StageAnswer.objects.filter(project=project).select_related("by")
