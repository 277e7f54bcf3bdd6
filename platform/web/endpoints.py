"""The map of all addresses, read from the resolver: which methods each has, and which action each method needs."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

VERBS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Route:
    """One address. `actions` maps each method that the view has to its declared action, None where there is none."""

    pattern: str
    name: str
    view: str
    actions: dict[str, str | None]

    @property
    def is_api(self) -> bool:
        """Whether programs call it."""
        return self.pattern.startswith("api/") or bool(self.pattern.partition("/mlflow/")[2])

    def as_dict(self) -> dict[str, Any]:
        """For `manage.py list_endpoints --json`."""
        return asdict(self)


def routes() -> list[Route]:
    """Every route of pages and API, in the resolver's order."""
    return list(_walk(get_resolver().url_patterns, ""))


def _walk(patterns: list[Any], prefix: str) -> Iterator[Route]:
    for entry in patterns:
        place = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _walk(entry.url_patterns, place)
        elif isinstance(entry, URLPattern):
            yield _route(entry, place)


def _route(entry: URLPattern, place: str) -> Route:
    view = getattr(entry.callback, "view_class", None) or getattr(entry.callback, "cls", None)
    if view is None:  # a function cannot declare anything
        return Route(place, entry.name or "", _path_of(entry.callback), {"GET": None})
    given = getattr(entry.callback, "view_initkwargs", None) or getattr(entry.callback, "initkwargs", {})
    action = given.get("action", getattr(view, "action", None))
    methods = [verb for verb in VERBS if verb in view.http_method_names and hasattr(view, verb)]
    return Route(place, entry.name or "", _path_of(view), {verb.upper(): _of(action, verb) for verb in methods})


def _of(action: Any, verb: str) -> str | None:
    found = action.get(verb.upper()) if isinstance(action, Mapping) else action
    return str(found) if found else None


def _path_of(view: Any) -> str:
    return f"{view.__module__}.{view.__qualname__}"
