"""Putting a project at rest, and opening it again."""

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.services import record
from problems.problem import Conflict
from projects.discarding import needed_by
from projects.models.projects import Project
from projects.services.projects import lock_project


@transaction.atomic
def archive(project: Project, *, even_live: bool = False, by: User) -> Project:
    """From now on the project can only be read, and nothing of it runs by itself.

    A model that is in use goes on answering, so that has to be chosen; work under way must end first.
    """
    lock_project(project)
    project.refresh_from_db(fields=["archived_at"])
    if project.archived_at:
        raise Conflict("The project is archived already.", code="archived")
    needs = needed_by("archive", project)
    if needs:
        raise Conflict(f"The project cannot be archived now. {' '.join(needs[:5])}", code="needed", blocked_by=needs)
    live = needed_by("rest", project)
    if live and not even_live:
        text = f"{' '.join(live[:3])} It would go on answering, unwatched. Choose that, or take it out of use first."
        raise Conflict(text, code="live", blocked_by=live)
    project.archived_at = timezone.now()
    project.save(update_fields=["archived_at"])
    record(by, "project.archived", project, project_key=project.key, live=live)
    return project


@transaction.atomic
def unarchive(project: Project, *, by: User) -> Project:
    """Open it again: it can be changed, and its schedules go on."""
    lock_project(project)
    project.refresh_from_db(fields=["archived_at"])
    if not project.archived_at:
        raise Conflict("The project is not archived.", code="not_archived")
    project.archived_at = None
    project.save(update_fields=["archived_at"])
    record(by, "project.unarchived", project, project_key=project.key)
    return project
