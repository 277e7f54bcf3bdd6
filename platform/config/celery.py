"""The Celery app: one task that runs jobs, and the clock of the schedule."""

import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from celery import Celery
from celery.beat import PersistentScheduler
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("baton")
app.config_from_object("config.settings:CELERY")  # by name: read when first needed
app.autodiscover_tasks(["jobs"])


@setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """Django's LOGGING already says how; Celery must not replace it."""


@app.on_after_finalize.connect
def add_ticks(sender: Celery, **_: Any) -> None:
    """Every function that a room registered as periodic gets its place in the schedule."""
    from jobs.registry import PERIODIC
    from jobs.tasks import tick

    for name, periodic in PERIODIC.items():
        sender.add_periodic_task(periodic.every, tick.s(name), name=name)


class Ticks(PersistentScheduler):
    """Beat's clock, calling the functions here and not through the broker.

    So neither a broker that is away nor workers full of long jobs can hold a tick back.
    """

    producer = None  # type: ignore[assignment]  # the base would connect to the broker for one

    def __init__(self, *args: Any, **options: Any) -> None:
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="tick")
        self._last: dict[str, Future[None]] = {}
        super().__init__(*args, **options)

    def apply_async(self, entry: Any, producer: Any = None, advance: bool = True, **_: Any) -> None:
        """Call the function in a thread, unless its last call still runs."""
        from jobs.tasks import tick

        last = self._last.get(entry.name)
        if last is None or last.done():
            self._last[entry.name] = self._threads.submit(tick, *entry.args)
