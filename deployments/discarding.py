"""What is live keeps what it came from; and how deployments go for good with their project."""

from collections.abc import Iterable

from django.db.models import Q

from datasets.models.versions import Dataset, Version
from deployments.models import BatchPlan, BatchScoring, Deployment, Release, Segment
from experiments.models.registry import ModelVersion
from experiments.models.runs import Run
from projects.discarding import empties, keeps
from projects.models.gates import Gate
from projects.models.projects import Project

LIVE = (Release.State.CHAMPION, Release.State.PREPARING, Release.State.TRIAL)
DOING = {
    Release.State.CHAMPION: "is in use",
    Release.State.PREPARING: "is being promoted",
    Release.State.TRIAL: "is on trial",
}


def _live(**narrowed: object) -> Iterable[str]:
    releases = Release.objects.filter(state__in=LIVE, **narrowed).select_related("version__model", "deployment")
    for release in releases[:3]:
        doing = DOING[Release.State(release.state)]
        yield f"{release.version} {doing} under {release.deployment}."


@keeps("rest")
@keeps("project")
def live_in_project(project: Project) -> Iterable[str]:
    """A model that answers, or is about to."""
    return _live(deployment__project=project)


@keeps("dataset")
def live_from_dataset(dataset: Dataset) -> Iterable[str]:
    """A live model that learned from one of its versions."""
    return _live(version__run__data__dataset=dataset)


@keeps("version")
def live_from_version(version: Version) -> Iterable[str]:
    """A live model that learned from it."""
    return _live(version__run__data=version)


@keeps("run")
def live_from_run(run: Run) -> Iterable[str]:
    """A live model that it made."""
    return _live(version__run=run)


@keeps("model")
def live_version(version: ModelVersion) -> Iterable[str]:
    """It is in use, being promoted, or waits at its gate."""
    yield from _live(version=version)
    label = ModelVersion._meta.label_lower
    if Gate.objects.filter(subject_type=label, subject_id=str(version.pk), state=Gate.State.OPEN).exists():
        yield "It waits at its gate. Send it back there first."


@keeps("version")
def being_scored(version: Version) -> Iterable[str]:
    """A batch that reads it."""
    for batch in version.batches.filter(state=BatchScoring.State.WAITING).select_related("deployment")[:3]:
        yield f"It is being scored: {batch}."


@keeps("dataset")
def scored_by_itself(dataset: Dataset) -> Iterable[str]:
    """A plan that reads it, or adds versions to it."""
    plans = BatchPlan.objects.filter(deployment__project=dataset.project, ended_at=None)
    for plan in plans.filter(Q(dataset=dataset) | Q(target=dataset.name)).select_related("deployment")[:3]:
        yield f"{str(plan).capitalize()} scores it or adds to it by itself. End the plan first."


@keeps("model")
def scored_with(version: ModelVersion) -> Iterable[str]:
    """Data that it answered: its history would be lost."""
    for batch in version.batches.select_related("deployment")[:3]:
        yield f"It scored {batch.source_name} in {batch}."


@empties(20)
def empty(project: Project) -> set[str]:
    """All deployments of a project, with their releases, keys and the stored log."""
    held = set(Segment.objects.filter(deployment__project=project).values_list("table_id", flat=True))
    batches = BatchScoring.objects.filter(deployment__project=project)
    held |= {aside for aside in batches.values_list("aside_id", flat=True) if aside}
    batches.delete()
    Release.objects.filter(deployment__project=project).delete()
    Deployment.objects.filter(project=project).delete()
    return held
