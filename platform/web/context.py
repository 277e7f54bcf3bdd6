"""What the frame around every page needs."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from accounts.models import User
from jobs.queries import open_by, workers_alive
from notices.queries import unread_count
from web.looking import looking

# place, title, icon, name of the address; a room that is not installed has no place
PLACES = (
    ("home", "Home", "house", "home"),
    ("projects", "Projects", "layout-grid", "projects"),
    ("data", "Data", "database", "all-data"),
    ("models", "Models", "box", "all-models"),
    ("alerts", "Alerts", "bell", "all-alerts"),
)


@dataclass(frozen=True)
class Place:
    """One of the five places of the global bar."""

    word: str
    title: str
    icon: str
    url: str


def places() -> list[Place]:
    """The places of the global bar that this installation has."""
    found = []
    for word, title, icon, name in PLACES:
        try:
            found.append(Place(word, title, icon, reverse(name)))
        except NoReverseMatch:
            continue
    return found


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context of the base template and its parts, asked once for a request; for strangers the database is not asked."""
    known: dict[str, Any] | None = getattr(request, "baton_frame", None)
    if known is None:
        known = {"product_version": settings.VERSION} | _of_person(request)
        request.baton_frame = known  # type: ignore[attr-defined]
    return known


def _of_person(request: HttpRequest) -> dict[str, Any]:
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return {}
    return {
        "places": places(),
        "unread_notices": unread_count(user.pk),
        "open_jobs": open_by(user.actor_id).count(),
        "workers_alive": workers_alive(),
        "looking": looking(request),
    }
