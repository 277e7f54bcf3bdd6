"""The doorbell: a message that carries a job's id and nothing else. Losing it costs latency only."""

import logging
import queue as queues
import threading
import time
from typing import Any

log = logging.getLogger(__name__)
QUIET_SECONDS = 5.0
MOST_WAITING = 10_000
_quiet_until = 0.0
_rings: "queues.Queue[tuple[str, str]]" = queues.Queue(MOST_WAITING)
_ringer: threading.Thread | None = None
_guard = threading.Lock()


def ring(job_id: str, queue: str) -> None:
    """Have the bell rung soon. Whoever starts a job never waits for the broker: it may be away, or frozen."""
    global _ringer
    with _guard:
        if _ringer is None or not _ringer.is_alive():
            _ringer = threading.Thread(target=_ring_forever, name="ringer", daemon=True)
            _ringer.start()
    try:
        _rings.put_nowait((job_id, queue))
    except queues.Full:
        log.warning("Too many rings wait for the broker; job %s waits for the relay.", job_id)


def _ring_forever() -> None:
    while True:
        job_id, queue = _rings.get()
        ring_now(job_id, queue)


def ring_now(job_id: str, queue: str) -> bool:
    """Publish the id. A broker that does not answer is left alone for some seconds; the relay rings later."""
    from jobs.tasks import run

    global _quiet_until
    if time.monotonic() < _quiet_until:
        return False
    try:
        run.apply_async((job_id,), queue=queue, retry=False)
    except Exception as error:  # each broker has errors of its own; none of them matters to the job
        _quiet_until = time.monotonic() + QUIET_SECONDS
        log.warning("The broker does not answer (%s); job %s waits for the relay.", type(error).__name__, job_id)
        return False
    return True


def waiting(queue: str) -> int | None:
    """How many rings of a queue nobody has heard yet; None when the broker does not answer."""
    from jobs.tasks import run

    try:
        with run.app.connection_for_write() as connection:
            return _length(connection.channel(), queue)
    except Exception as error:
        log.warning("The broker does not answer (%s).", type(error).__name__)
        return None


def _length(channel: Any, queue: str) -> int:
    try:
        return int(channel.queue_declare(queue=queue, passive=True).message_count)
    except channel.connection.channel_errors:
        return 0  # nobody rang there yet
