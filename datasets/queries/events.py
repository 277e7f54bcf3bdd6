"""Reads about pushed events: where they lie, keys of senders, and windows that are full."""

import json
from pathlib import Path
from shlex import quote
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from accounts.one_time import digest
from datasets import event_journal
from datasets.models.events import EventKey
from datasets.models.sources import Source
from problems.problem import Conflict, Missing

EVENTS = "events"
KEY_PREFIX = "events"


def journals() -> Path:
    """Where the events of all sources lie."""
    return Path(settings.DATA_DIR) / "events"


def journal_of(source: Source) -> Path:
    """Where the events of a source lie."""
    return journals() / str(source.pk)


def check_takes_events(source: Source) -> None:
    """Other kinds of sources are asked, not sent to."""
    if source.connector != EVENTS:
        raise Conflict(f"{source.name} takes no events; it is a source of another kind.", code="takes_no_events")


def keys_of(source: Source) -> QuerySet[EventKey]:
    """The keys of a source, newest first."""
    return EventKey.objects.filter(source=source).select_related("created_by")


def key_for(source: Source, key: UUID) -> EventKey:
    """One key of the source."""
    found = keys_of(source).filter(pk=key).first()
    if found is None:
        raise Missing("There is no such key of this source.")
    return found


def working_keys(source: Source) -> QuerySet[EventKey]:
    """Those of its keys that open it."""
    return keys_of(source).filter(revoked_at=None, expires_at__gt=timezone.now())


def sending(source: Source, address: str, secret: str = "") -> str:
    """A command that sends one event to the source at this address; its fields are those that the source asks for."""
    params = source.params
    event: dict[str, Any] = {name: number for number, name in enumerate(params["key"], 1)} or {"value": 20.5}
    if params["time"]:
        event[params["time"]] = timezone.now().isoformat(timespec="seconds")
    lines = [
        f"curl -X POST {quote(address)}",
        f'-H "Authorization: Bearer {secret or "$KEY"}"',
        '-H "Content-Type: application/json"',
        f"-d {quote(json.dumps([event], ensure_ascii=False))}",
    ]
    return " \\\n  ".join(lines)


def key_of_secret(secret: str) -> EventKey | None:
    """The key that works and has this secret."""
    found = EventKey.objects.filter(digest=digest(secret)).select_related("created_by", "source__project").first()
    return found if found and not found.source.deleted_at and found.works and found.created_by.is_active else None


def full_windows() -> list[Source]:
    """Sources whose open window has reached its size."""
    found = Source.objects.filter(connector=EVENTS, project__deleted_at=None, project__archived_at=None)
    return [
        one
        for one in found.filter(state=Source.State.APPROVED).select_related("project", "dataset")
        if event_journal.open_bytes(journal_of(one)) >= one.params["window_mb"] * 1024 * 1024
    ]
