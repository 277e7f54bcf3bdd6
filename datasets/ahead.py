"""PURE: two stages of work at the same time: one thread makes the next things while the caller uses the last one."""

import os
from collections.abc import Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any, TypeVar

PATIENCE = 0.2
T = TypeVar("T")


def threads() -> int:
    """How many threads this process may use."""
    return max(1, int(os.environ.get("OMP_NUM_THREADS", "1") or 1))


def ahead(things: Iterator[T], depth: int = 1) -> Iterator[T]:
    """The same things in the same order, at most `depth` of them made before they are asked for.

    What the maker raises is raised here, after what it made before. When the caller stops asking, the maker stops.
    """
    if threads() < 2:
        yield from things
        return
    made: Queue[tuple[str, Any]] = Queue(maxsize=depth)
    stopped = Event()
    maker = Thread(target=_make, args=(things, made, stopped), name="ahead", daemon=True)
    maker.start()
    try:
        while True:
            what, thing = made.get()
            if what == "end":
                return
            if what == "error":
                raise thing
            yield thing
    finally:
        stopped.set()
        _empty(made)
        maker.join()


def _make(things: Iterator[Any], made: "Queue[tuple[str, Any]]", stopped: Event) -> None:
    last: tuple[str, Any] = ("end", None)
    try:
        for thing in things:
            if not _put(made, ("thing", thing), stopped):
                return
    except BaseException as error:
        last = ("error", error)
    _put(made, last, stopped)


def _put(made: "Queue[tuple[str, Any]]", entry: tuple[str, Any], stopped: Event) -> bool:
    while not stopped.is_set():
        try:
            made.put(entry, timeout=PATIENCE)
        except Full:
            continue
        return True
    return False


def _empty(made: "Queue[tuple[str, Any]]") -> None:
    try:
        while True:
            made.get_nowait()
    except Empty:
        return
