"""The Celery tasks: one runs a job by its id, one is a tick of the schedule."""

import logging

from celery import shared_task

from jobs import runner
from jobs.connections import renew
from jobs.registry import PERIODIC

log = logging.getLogger(__name__)


@shared_task(name="jobs.run")
def run(job_id: str) -> None:
    """Run one job. Nothing leaves this function: the row tells how it ended."""
    runner.run(job_id)


@shared_task(name="jobs.tick")
def tick(name: str) -> None:
    """Call one periodic function."""
    renew()
    try:
        if periodic := PERIODIC.get(name):
            periodic.run()
    except BaseException:  # the next tick comes anyway
        log.exception("The periodic function %s failed.", name)
    finally:
        renew()
