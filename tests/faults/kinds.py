"""Kinds of jobs that go wrong on purpose. Each leaves one audit entry where it succeeds, so that repeats are seen."""

from audit.actors import Machine
from audit.services import record
from jobs.context import Context
from jobs.limits import Limits
from jobs.registry import job


@job("faults.child", queue="training", limits=Limits(memory_mb=1024))
def child(context: Context) -> None:
    """Call the engine that the payload names, in the limited child."""
    spec = context.job.payload
    answer = context.call(f"tests.faults.engines:{spec['engine']}", spec)
    with context.finish(answer):
        record(Machine("faults"), "faults.done", context.job, attempt=context.job.attempt)


@job("faults.light")
def light(context: Context) -> None:
    """No child: for many at once."""
    with context.finish({}):
        record(Machine("faults"), "faults.done", context.job, attempt=context.job.attempt)


@job("faults.memory_in_worker")
def memory_in_worker(context: Context) -> None:
    """The error that ends whole Celery workers when it leaves a task."""
    raise MemoryError


@job("faults.exit_in_worker")
def exit_in_worker(context: Context) -> None:
    """An exit in the worker itself."""
    raise SystemExit(3)
