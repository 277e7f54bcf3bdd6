"""A socket for rooms above: aliases that follow something by themselves, and what became of a registered version."""

from collections.abc import Callable, Iterable

from datasets.using import Use
from experiments.models.registry import Model, ModelVersion

Follows = Callable[[Model], ModelVersion | None]
Became = Callable[[ModelVersion], Iterable[Use]]
_pointers: dict[str, Follows] = {}
_became: list[Became] = []


def pointer(name: str) -> Callable[[Follows], Follows]:
    """Register what an alias of this name follows."""

    def register(follows: Follows) -> Follows:
        _pointers[name] = follows
        return follows

    return register


def names() -> frozenset[str]:
    """The names that nobody sets by hand."""
    return frozenset(_pointers)


def followed(model: Model) -> dict[str, ModelVersion]:
    """What each of them points at now, where it points at anything."""
    found = {name: follows(model) for name, follows in _pointers.items()}
    return {name: version for name, version in found.items() if version is not None}


def became(source: Became) -> Became:
    """Register what a room makes of registered versions."""
    _became.append(source)
    return source


def what_became_of(version: ModelVersion) -> list[Use]:
    """Everything above that stands on it, room by room."""
    return [use for source in _became for use in source(version)]
