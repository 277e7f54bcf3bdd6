"""Which projects a person may read."""

from django.db.models import Q, QuerySet

from accounts.models import User
from projects.models.projects import Project
from projects.models.team import Membership


def visible_to(user: User, search: str = "") -> QuerySet[Project]:
    """The projects that a person may read: the own ones, and all of them for an administrator."""
    projects = Project.objects.all()
    if not user.is_admin:
        projects = projects.filter(pk__in=Membership.objects.filter(user=user).values("project"))
    if search:
        projects = projects.filter(
            Q(name__icontains=search) | Q(question__icontains=search) | Q(key__icontains=search.lower())
        )
    return projects.order_by("name", "key")
