"""The environments of a project, in the order in which a version goes through them."""

from deployments.gate_rules import ENVIRONMENTS
from deployments.models import Environment, Release
from experiments.models.registry import ModelVersion
from projects.models.projects import Project

PRODUCTION = "production"


def environments_of(project: Project) -> list[str]:
    """Those that the project set up, and production always."""
    names = set(Environment.objects.filter(project=project).values_list("name", flat=True)) | {PRODUCTION}
    return [name for name in ENVIRONMENTS if name in names]


def environment_of(project: Project, name: str) -> Environment | None:
    """What the project says of one environment, if anything."""
    return Environment.objects.filter(project=project, name=name).first()


def missed_environments(version: ModelVersion, environment: str) -> tuple[str, ...]:
    """The environments before this one that the version was never in use in."""
    order = environments_of(version.model.project)
    before = order[: order.index(environment)] if environment in order else []
    if not before:
        return ()
    been = set(
        Release.objects.filter(version=version, started_at__isnull=False)
        .exclude(state=Release.State.ELSEWHERE)
        .values_list("deployment__environment", flat=True)
    )
    return tuple(name for name in before if name not in been)


def outside_scope(version: ModelVersion, environment: str) -> str:
    """The data that a version learned from, where its environment does not allow it; else empty."""
    said = environment_of(version.model.project, environment)
    if said is None or not said.datasets:
        return ""
    name = version.run.data.dataset.name
    return "" if name in said.datasets else name
