"""The floor's own periodic functions."""

from jobs import services
from jobs.models import Job, State
from jobs.registry import periodic
from storage import blobs


@periodic("jobs.sweep", every=5)
def sweep_jobs() -> None:
    """As every worker's relay does, for the time when no worker is there: lost jobs show that they are lost."""
    services.sweep()


@periodic("storage.sweep", every=600)
def sweep_temporary_files() -> None:
    """Remove what unfinished writes left behind, but not the folders of jobs that run."""
    running = Job.objects.filter(state=State.RUNNING).values_list("pk", flat=True)
    blobs.sweep_temporary(keep=tuple(f"job-{job_id}-" for job_id in running))
