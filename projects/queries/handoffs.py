"""Hand-offs: lists, one, and how the boundaries between roles do."""

from collections.abc import Collection, Mapping

from django.db.models import QuerySet
from django.utils import timezone

from problems.problem import Missing
from projects.handing import Boundary, Pass, statistics
from projects.models.handoffs import Handoff
from projects.models.projects import Project
from projects.permissions import Role

MOST = 2_000_000_000


def handoffs_of(project: Project, *, state: str = "") -> QuerySet[Handoff]:
    """A project's hand-offs, newest first."""
    found = Handoff.objects.filter(project=project).select_related("offered_by", "answered_by")
    return found.filter(state=state) if state in Handoff.State.values else found


def handoff_for(project: Project, number: int) -> Handoff:
    """One hand-off of the project."""
    known = Handoff.objects.select_related("project", "offered_by", "answered_by", "task")
    handoff = known.filter(project=project, number=number).first() if number < MOST else None
    if handoff is None:
        raise Missing(f"There is no hand-off {number} in this project.")
    return handoff


def boundaries_of(project: Project) -> list[Boundary]:
    """Waiting times, bounces and their reasons, for each pair of roles."""
    now = timezone.now()
    fields = ("from_role", "to_role", "state", "offered_at", "answered_at", "reason")
    return statistics(
        [
            Pass(giver, receiver, state, ((answered or now) - offered).total_seconds(), reason)
            for giver, receiver, state, offered, answered, reason in Handoff.objects.filter(project=project)
            .order_by()
            .values_list(*fields)
        ]
    )


def offered_to(roles: Mapping[Project, Collection[Role]]) -> list[Handoff]:
    """Hand-offs that wait for one of the roles that a person holds in each project; oldest first. One query."""
    waiting = Handoff.objects.filter(project__in=list(roles), state=Handoff.State.OFFERED)
    found = waiting.select_related("project", "offered_by").order_by("offered_at")
    return [handoff for handoff in found if handoff.to_role in roles[handoff.project]]
