"""Every write to pushed events: take some, make and revoke keys of senders, close full windows, sweep."""

import shutil
import time
from collections.abc import Sequence
from datetime import timedelta
from threading import Lock
from typing import Any

from django.conf import settings
from django.db import transaction
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from accounts.models import User
from accounts.one_time import digest, new_secret
from audit.services import record
from datasets import event_journal
from datasets.models.events import EventKey
from datasets.models.sources import Source
from datasets.queries import events as queries
from datasets.services import pulls
from datasets.services.versions import LOADER
from problems.problem import Conflict, Invalid, TooLarge, TooMany

MOST_EVENTS = 10_000
MOST_KEYS = 100
MOST_DAYS = 366
PER_SECOND, AT_ONCE = 100.0, 200.0
STRAY_SECONDS = 3600
USE_NOTED = timedelta(minutes=1)


class _Pace:
    """How fast one source is sent to: so many requests at once, then so many a second."""

    def __init__(self) -> None:
        self._left: dict[str, tuple[float, float]] = {}
        self._lock = Lock()

    def take(self, name: str) -> None:
        with self._lock:
            now = time.monotonic()
            left, at = self._left.get(name, (AT_ONCE, now))
            left = min(AT_ONCE, left + (now - at) * PER_SECOND)
            self._left[name] = (left - 1 if left >= 1 else left, now)
        if left < 1:
            text = f"This source takes {PER_SECOND:.0f} requests a second. Send more events in each."
            raise TooMany(text, retry_after=1)


PACE = _Pace()


def take(source: Source, events: Any) -> int:
    """Keep events, all or none, on disk when this returns; returns how many. Windows are audited, not events."""
    queries.check_takes_events(source)
    pulls.check_feeds(source)
    PACE.take(str(source.pk))
    found = _checked(source, [events] if isinstance(events, dict) else events)
    folder = queries.journal_of(source)
    if event_journal.all_bytes(folder) >= settings.UPLOAD_MAX_BYTES:
        most = filesizeformat(settings.UPLOAD_MAX_BYTES)
        raise TooLarge(f"{source.name} holds {most} of events, as many as a source can.", code="journal_full")
    event_journal.append(folder, found)
    return len(found)


def _checked(source: Source, events: Any) -> Sequence[dict[str, Any]]:
    if not isinstance(events, list) or not events:
        raise Invalid("Send one event as an object, or a list of them.", fields={"body": "An object or a list."})
    if len(events) > MOST_EVENTS:
        raise TooLarge(f"At most {MOST_EVENTS:,} events go into one request; these are {len(events):,}.")
    for place, event in enumerate(events):
        if why := _why_not(event, source.params["key"], source.params["time"]):
            where = f"Event {place + 1}"
            raise Invalid(f"{where}: {why} Nothing was taken.", fields={f"[{place}]": why})
    return events


def _why_not(event: Any, key: Sequence[str], moment: str | None) -> str:
    if not isinstance(event, dict) or not event:
        return "it is not an object with fields."
    for name in key:
        if event.get(name) is None or isinstance(event[name], (dict, list)):
            return f"its key “{name}” is missing."
    if moment and event_journal.moment(event.get(moment)) is None:
        return f"“{moment}” holds no time; write it as 2026-11-20T10:11:12Z or in seconds since 1970."
    return ""


@transaction.atomic
def make_key(source: Source, *, name: str, days: int, by: User) -> tuple[EventKey, str]:
    """A key for one sender, and its secret, which is shown this once."""
    queries.check_takes_events(source)
    called = " ".join(name.split())
    if not called or len(called) > 80 or not called.isprintable():
        raise Invalid("A key has a name of at most 80 characters.", fields={"name": "At most 80 characters."})
    if not 1 <= days <= MOST_DAYS:
        raise Invalid(f"A key runs 1 to {MOST_DAYS} days.", fields={"days": f"1 to {MOST_DAYS}."})
    Source.everything.select_for_update().get(pk=source.pk)
    if queries.working_keys(source).count() >= MOST_KEYS:
        raise Conflict(f"A source has at most {MOST_KEYS} keys that work.", code="too_many_keys")
    secret = new_secret(queries.KEY_PREFIX)
    key = EventKey.objects.create(
        source=source,
        name=called,
        prefix=secret[:14],
        digest=digest(secret),
        created_by=by,
        expires_at=timezone.now() + timedelta(days=days),
    )
    record(by, "source.key_made", key, project_key=source.project.key, source=source.name, key=called, days=days)
    return key, secret


def note_use(key: EventKey) -> None:
    """Remember that a key was shown; once a minute is enough to tell which sender fell silent."""
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at > USE_NOTED:
        EventKey.objects.filter(pk=key.pk).update(last_used_at=now)


@transaction.atomic
def revoke_key(key: EventKey, *, by: User) -> EventKey:
    """From now on it opens nothing."""
    locked = EventKey.objects.select_for_update(of=("self",)).select_related("source__project").get(pk=key.pk)
    if locked.revoked_at is None:
        locked.revoked_at = timezone.now()
        locked.save(update_fields=["revoked_at"])
        source = locked.source
        record(by, "source.key_revoked", locked, project_key=source.project.key, source=source.name, key=locked.name)
    return locked


def close_full_windows() -> int:
    """Start a load for each source whose window is full; returns how many were started."""
    started = 0
    for source in queries.full_windows():
        try:
            pulls.start_pull(source, by=LOADER, by_schedule=True)
        except Conflict:
            continue  # it is being loaded, or its licence ran out: the next tick looks again
        started += 1
    return started


def sweep_journals() -> int:
    """Remove the events of sources that are gone; returns how many."""
    lying = list(queries.journals().iterdir()) if queries.journals().is_dir() else []
    known = {str(pk) for pk in Source.everything.filter(connector=queries.EVENTS).values_list("pk", flat=True)}
    gone = [one for one in lying if one.name not in known and one.stat().st_mtime < time.time() - STRAY_SECONDS]
    for one in gone:
        shutil.rmtree(one, ignore_errors=True)
    return len(gone)
