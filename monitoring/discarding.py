"""What a comparison under way keeps; and how monitoring goes for good with its project."""

from collections.abc import Iterable

from experiments.models.runs import Run
from monitoring.models import Monitor, Outcome, Retraining
from projects.discarding import empties, keeps
from projects.models.projects import Project


@keeps("run")
def being_compared(run: Run) -> Iterable[str]:
    """A retraining that waits for its run or its comparison."""
    if Retraining.objects.filter(run=run, state=Retraining.State.TRAINING).exists():
        yield "A retraining waits for it."


@empties(10)
def empty(project: Project) -> set[str]:
    """Monitors with their windows, alerts and retrainings, and the outcomes; they hold no files."""
    Monitor.objects.filter(deployment__project=project).delete()
    Outcome.objects.filter(deployment__project=project).delete()
    return set()
