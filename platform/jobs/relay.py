"""A thread in every worker that sweeps: expired leases go back, unheard rows are rung again, the worker is seen."""

import logging
import threading

from jobs import bell, runner, services
from jobs.connections import renew

log = logging.getLogger(__name__)
EVERY_SECONDS = 3.0


def start() -> threading.Thread:
    """Start the thread; it ends with the process."""
    thread = threading.Thread(target=_forever, name="relay", daemon=True)
    thread.start()
    return thread


def _forever() -> None:
    pause = threading.Event()
    while True:
        once()
        pause.wait(EVERY_SECONDS)


def once() -> None:
    """One sweep. A database that is away now will be there at the next."""
    try:
        renew()
        if bell.waiting("default") is not None:  # a worker that hears no bell is no help to those who wait
            services.seen(runner.worker())
        services.sweep()
    except Exception:
        log.exception("The sweep failed; it comes again in %s s.", EVERY_SECONDS)
    finally:
        renew()
