"""What a project would do without a model."""

from typing import Any

from django.db.models import QuerySet

from projects.models.baseline import Baseline
from projects.models.projects import Project


def baseline_of(project: Project) -> Baseline | None:
    """The newest version, while one is named."""
    return baselines_of(project).first()


def baselines_of(project: Project) -> QuerySet[Baseline]:
    """All versions, newest first."""
    return Baseline.objects.filter(project=project).select_related("created_by")


def baseline_spec(project: Project) -> dict[str, Any] | None:
    """The newest version as the engines read it, with its number."""
    found = baseline_of(project)
    return {**found.spec, "version": found.version} if found else None
