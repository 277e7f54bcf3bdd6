"""A socket: what rooms above make of a data version: runs, models, deployments, for its lineage."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from datasets.models.versions import Version


@dataclass(frozen=True)
class Use:
    """One thing that stands on a version."""

    kind: str
    name: str
    words: str
    url: str


Source = Callable[[Version], Iterable[Use]]
_sources: list[tuple[int, Source]] = []


def uses(order: int) -> Callable[[Source], Source]:
    """Register what a room makes of versions; a low order is shown first."""

    def register(source: Source) -> Source:
        _sources.append((order, source))
        return source

    return register


def uses_of(version: Version) -> list[Use]:
    """Everything above that stands on it, room by room."""
    return [use for _, source in sorted(_sources, key=lambda pair: pair[0]) for use in source(version)]
