"""Who did it: the small face that every actor shows to the audit and to services."""

from dataclasses import dataclass
from typing import Protocol


class Actor(Protocol):
    """A person, or the platform itself, as the keyword `by=` of every service."""

    @property
    def actor_id(self) -> str: ...

    @property
    def actor_name(self) -> str: ...


@dataclass(frozen=True)
class Machine:
    """The platform acting by itself: a job, a schedule, a policy."""

    actor_name: str

    @property
    def actor_id(self) -> str:
        return f"machine:{self.actor_name}"
