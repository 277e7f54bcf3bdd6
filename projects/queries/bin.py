"""What lies in the bin, and who may look into it."""

from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from problems.problem import Gone, Missing
from projects.models.bin import Binned
from projects.models.projects import Project
from projects.models.team import Membership
from projects.permissions import Role

PROJECT = "project"


def bin_of(project: Project) -> QuerySet[Binned]:
    """What a project has in its bin, newest first."""
    return Binned.objects.filter(project=project, purged_at=None).exclude(kind=PROJECT).select_related("deleted_by")


def binned_for(project: Project, binned_id: UUID) -> Binned:
    """One thing in the project's bin."""
    return _there(Binned.objects.filter(project=project, pk=binned_id).exclude(kind=PROJECT))


def binned_projects(user: User) -> QuerySet[Binned]:
    """The deleted projects that this person owns."""
    found = Binned.objects.filter(kind=PROJECT, purged_at=None).select_related("deleted_by")
    if user.is_admin:
        return found
    return found.filter(project__in=Membership.objects.filter(user=user, role=Role.OWNER).values("project"))


def binned_project_for(user: User, binned_id: UUID) -> Binned:
    """One deleted project that this person owns."""
    found = Binned.objects.filter(kind=PROJECT, pk=binned_id)
    if not user.is_admin:
        owned = Membership.objects.filter(user=user, role=Role.OWNER).values("project")
        found = found.filter(project__in=owned)
    return _there(found)


def _there(found: QuerySet[Binned]) -> Binned:
    binned = found.select_related("project", "deleted_by").first()
    if binned is None:
        raise Missing("There is no such thing in the bin.")
    if binned.purged_at:
        raise Gone(f"{binned.name} is gone for good.")
    return binned
