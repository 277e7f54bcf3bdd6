"""Reads about uploads on their way."""

from uuid import UUID

from django.db.models import F, Sum

from accounts.models import User
from datasets.models.uploads import PartialUpload
from problems.problem import Missing
from projects.models.projects import Project


def upload_for(project: Project, person: User, upload: UUID) -> PartialUpload:
    """One's own upload; that of another person is as little there as one that never was."""
    found = PartialUpload.objects.filter(project=project, person=person, pk=upload)
    row = found.select_related("project", "ingestion__dataset__project").first()
    if row is None:
        raise Missing("There is no such upload of yours. It may have expired: unfinished ones are kept for two days.")
    return row


def promised_bytes() -> int:
    """Bytes that uploads under way may still bring."""
    under_way = PartialUpload.objects.filter(ingestion=None)
    return under_way.aggregate(total=Sum(F("size") - F("received")))["total"] or 0
