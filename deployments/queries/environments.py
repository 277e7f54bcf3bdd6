"""The environments of a project, in the order in which a version goes through them."""

from deployments.gate_rules import ENVIRONMENTS
from deployments.models import Environment, Release
from experiments.models.registry import ModelVersion
from projects.models.gates import Gate
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
    been = been_in(version)
    return tuple(name for name in before if name not in been)


def outside_scope(version: ModelVersion, environment: str) -> str:
    """The data that a version learned from, where its environment does not allow it; else empty."""
    said = environment_of(version.model.project, environment)
    if said is None or not said.datasets:
        return ""
    name = version.run.data.dataset.name
    return "" if name in said.datasets else name


def been_in(version: ModelVersion) -> set[str]:
    """The environments of this instance that a version was ever in use in."""
    releases = Release.objects.filter(version=version, started_at__isnull=False)
    releases = releases.exclude(state__in=[Release.State.ELSEWHERE, Release.State.TRIAL, Release.State.TRIED])
    return set(releases.values_list("deployment__environment", flat=True))


def next_environment(version: ModelVersion) -> str:
    """Where a version's page looks unasked: at the open gate, else where it was not in use yet, else production."""
    about = {"subject_type": version._meta.label_lower, "subject_id": str(version.pk), "state": Gate.State.OPEN}
    asked = Gate.objects.filter(**about).order_by("-created_at").values_list("environment", flat=True).first()
    if asked:
        return str(asked)
    order, been = environments_of(version.model.project), been_in(version)
    return next((name for name in order if name not in been), PRODUCTION)


def path_of(version: ModelVersion, here: str, standing: str) -> list[tuple[str, str]]:
    """The way of a version as its page draws it: words, and whether that is past, where it is now, or to come."""
    order, been = environments_of(version.model.project), been_in(version)
    order = order if here in order else [*order, here]
    in_use = set(
        version.releases.filter(state=Release.State.CHAMPION).values_list("deployment__environment", flat=True)
    )
    steps = [("Candidate", "past" if been or standing == "preparing" else "at")]
    for name in order:
        on_its_way = standing == "preparing" and name == here
        state = "at" if name in in_use or on_its_way else "past" if name in been else ""
        steps.append((f"On its way to {name}" if on_its_way else name.capitalize(), state))
    kept = standing == "retired"
    return [*steps, ("Kept ready", "at" if kept else "")]
