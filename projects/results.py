"""A socket: the rooms say what of a job's result may be shown to whom. What nobody registers is shown whole."""

from collections.abc import Callable
from typing import Any

from jobs.models import Job
from projects.permissions import Role

Shown = Callable[[Job, frozenset[Role]], Any]
_kinds: dict[str, Shown] = {}


def result_of(kind: str) -> Callable[[Shown], Shown]:
    """Register how the result of one kind of job is shown."""

    def register(source: Shown) -> Shown:
        _kinds[kind] = source
        return source

    return register


def shown_result(job: Job, roles: frozenset[Role]) -> Any:
    """The result as these roles may see it."""
    source = _kinds.get(job.kind)
    return source(job, roles) if source and job.result else job.result
