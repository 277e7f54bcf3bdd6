"""Reads about deployments, their releases, keys, stored log and servers."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Prefetch, Q, QuerySet, Sum
from django.utils import timezone

from deployments.models import ConsumerKey, Deployment, Release, Segment, Server
from experiments.models.registry import ModelVersion
from problems.problem import Missing
from projects.models.projects import Project

SERVER_SILENT_SECONDS = 20


def deployments_of(project: Project) -> QuerySet[Deployment]:
    """All deployments of a project, each with its champion at hand as `champions`."""
    champions = Release.objects.filter(state=Release.State.CHAMPION).select_related("version__model", "version__run")
    return project.deployments.prefetch_related(Prefetch("releases", queryset=champions, to_attr="champions")).order_by(
        "name"
    )


def deployment_for(project: Project, name: str) -> Deployment:
    """One deployment of the project."""
    deployment = Deployment.objects.select_related("project", "model").filter(project=project, name=name).first()
    if deployment is None:
        raise Missing(f"There is no deployment {name} in this project.")
    return deployment


def deployment_of(version: ModelVersion, environment: str = "production") -> Deployment | None:
    """Where a version's model is deployed, if it ever was."""
    return Deployment.objects.filter(model_id=version.model_id, environment=environment).first()


def _releases(deployment: Deployment) -> QuerySet[Release]:
    return deployment.releases.select_related(
        "version__model", "version__run__data__dataset", "created_by", "went_back_from__version", "contract"
    )


def champion_of(deployment: Deployment) -> Release | None:
    """The release in use."""
    return _releases(deployment).filter(state=Release.State.CHAMPION).first()


def releases_of(deployment: Deployment) -> QuerySet[Release]:
    """Every stay of every version, newest first."""
    return _releases(deployment).order_by("-created_at")


def release_for(deployment: Deployment, release_id: UUID | str) -> Release:
    """One release of the deployment."""
    release = _releases(deployment).filter(pk=release_id).first()
    if release is None:
        raise Missing("There is no such release in this deployment.")
    return release


def ways_back(deployment: Deployment) -> list[Release]:
    """Releases that one can go back to: once in use, each version once, the latest stay first."""
    champion = champion_of(deployment)
    found: dict[Any, Release] = {}
    retired = _releases(deployment).filter(state=Release.State.RETIRED, started_at__isnull=False)
    retired = retired.filter(version__deleted_at=None)
    for release in retired.order_by("-ended_at")[:100]:
        if champion is None or release.version_id != champion.version_id:
            found.setdefault(release.version_id, release)
    return list(found.values())


def other_names(deployment: Deployment) -> list[str]:
    """The names of the other deployments of its project."""
    others = Deployment.objects.filter(project=deployment.project_id).exclude(pk=deployment.pk)
    return list(others.order_by("name").values_list("name", flat=True)[:200])


def key_for(deployment: Deployment, key_id: UUID) -> ConsumerKey:
    """One key of the deployment."""
    key = ConsumerKey.objects.filter(deployment=deployment, pk=key_id).first()
    if key is None:
        raise Missing("There is no such key for this deployment.")
    return key


def segments_between(deployment: Deployment, start: datetime, end: datetime) -> QuerySet[Segment]:
    """Stored pieces of the log that hold answers from `start` (inclusive) to `end` (exclusive), in order of time."""
    return (
        deployment.segments.filter(is_shadow=False, last_at__gte=start, first_at__lt=end)
        .select_related("table")
        .order_by("first_at")
    )


def recorded_for(version: ModelVersion) -> list[Segment]:
    """The newest pieces of the log of its model in production: requests that a rehearsal asks again."""
    deployment = deployment_of(version)
    return list(deployment.segments.filter(is_shadow=False).order_by("-last_at")[:3]) if deployment else []


def stored_rows(deployments: list[Deployment]) -> dict[UUID, tuple[int, int]]:
    """Answers in the stored log by deployment: ever, and in the last 24 hours."""
    day = timezone.now() - timedelta(days=1)
    rows = (
        Segment.objects.filter(deployment__in=deployments, is_shadow=False)
        .values("deployment")
        .annotate(ever=Sum("rows"), day=Sum("rows", filter=Q(first_at__gte=day)), pieces=Count("pk"))
    )
    return {row["deployment"]: (row["ever"] or 0, row["day"] or 0) for row in rows}


def servers_alive() -> int:
    """How many prediction servers were seen in the last seconds."""
    return Server.objects.filter(seen_at__gt=timezone.now() - timedelta(seconds=SERVER_SILENT_SECONDS)).count()
