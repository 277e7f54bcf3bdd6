"""Kinds of jobs and periodic functions, registered by the rooms above under a dotted name."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jobs.limits import Limits

if TYPE_CHECKING:
    from jobs.context import Context
    from jobs.models import Job

QUEUES = ("default", "ingestion", "training", "evaluation", "scoring", "monitoring")


@dataclass(frozen=True)
class Kind:
    """One kind of job: the function that does it, its queue and limits, and what to do when it ends badly."""

    name: str
    run: "Callable[[Context], None]"
    queue: str
    max_attempts: int
    limits: Limits = field(default_factory=Limits)
    on_failure: "Callable[[Job], None] | None" = None


@dataclass(frozen=True)
class Periodic:
    """A light function that the schedule calls; it starts jobs, it does no heavy work itself."""

    name: str
    every: int
    run: Callable[[], None]


KINDS: dict[str, Kind] = {}
PERIODIC: dict[str, Periodic] = {}


def job(
    name: str,
    *,
    queue: str = "default",
    max_attempts: int = 3,
    limits: Limits | None = None,
    on_failure: "Callable[[Job], None] | None" = None,
) -> "Callable[[Callable[[Context], None]], Callable[[Context], None]]":
    """Register a function as the work of a kind. `on_failure` runs in the transaction that ends the job badly."""
    if queue not in QUEUES:
        raise ValueError(f"{queue} is not a queue")

    def register(function: "Callable[[Context], None]") -> "Callable[[Context], None]":
        KINDS[name] = Kind(name, function, queue, max_attempts, limits or Limits(), on_failure)
        return function

    return register


def periodic(name: str, *, every: int) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Register a function that the schedule calls every so many seconds."""

    def register(function: Callable[[], None]) -> Callable[[], None]:
        PERIODIC[name] = Periodic(name, every, function)
        return function

    return register
