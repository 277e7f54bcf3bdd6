"""PURE: a request that is sent again under the same name is answered once: one line in the log, the same answer.

What was answered is remembered by this server only, for ten minutes and within a bound of bytes.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar, cast

from problems.problem import Conflict, Problem

SECONDS = 600.0
MOST_BYTES = 32 * 1024 * 1024
OVERHEAD = 500  # about what an entry weighs beside its answer
LONGEST = 200


class Answer(Protocol):
    """What is remembered; only what went well."""

    @property
    def status(self) -> int: ...

    @property
    def body(self) -> bytes: ...


Given = TypeVar("Given", bound=Answer)


@dataclass
class Entry:
    """One request that was asked, its answer perhaps still on the way."""

    content: bytes
    at: float
    task: "asyncio.Task[Answer]"
    size: int = OVERHEAD


class Repeats:
    """The requests of the last minutes that carried a name."""

    def __init__(self, seconds: float = SECONDS, most_bytes: int = MOST_BYTES) -> None:
        self._seconds, self._most = seconds, most_bytes
        self._entries: OrderedDict[tuple[str, str], Entry] = OrderedDict()
        self._bytes = 0

    async def once(self, who: str, name: str, content: bytes, make: Callable[[], Awaitable[Given]]) -> Given:
        """The answer, made by `make` unless `who` asked the same under this name already."""
        if len(name) > LONGEST or not name.isascii() or not name.isprintable():
            raise Problem(f"An Idempotency-Key is up to {LONGEST} plain characters.", code="bad_key")
        self._forget_old()
        mark = hashlib.sha256(content).digest()
        entry = self._entries.get((who, name))
        if entry is None:
            entry = self._begin((who, name), mark, make)
        elif entry.content != mark:
            raise Conflict("This Idempotency-Key was used for another request.", code="other_request")
        return cast(Given, await asyncio.shield(entry.task))

    def _begin(self, key: tuple[str, str], mark: bytes, make: Callable[[], Awaitable[Given]]) -> Entry:
        async def made() -> Answer:
            return await make()

        entry = Entry(mark, time.monotonic(), asyncio.get_running_loop().create_task(made()))
        self._entries[key] = entry
        self._bytes += entry.size
        entry.task.add_done_callback(lambda task: self._done(key, entry))
        return entry

    def _done(self, key: tuple[str, str], entry: Entry) -> None:
        """Keep a good answer; after anything else the same name may be tried again."""
        if self._entries.get(key) is not entry:
            return
        failed = entry.task.cancelled() or entry.task.exception() is not None
        if failed or entry.task.result().status != 200:
            self._drop(key)
            return
        more = len(entry.task.result().body)
        entry.size += more
        self._bytes += more
        self._forget_old()

    def _drop(self, key: tuple[str, str]) -> None:
        self._bytes -= self._entries.pop(key).size

    def _forget_old(self) -> None:
        limit = time.monotonic() - self._seconds
        while self._entries:
            key, entry = next(iter(self._entries.items()))
            if entry.at > limit and self._bytes <= self._most:
                return
            self._drop(key)
