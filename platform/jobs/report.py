"""PURE: how an engine tells its progress from inside the child process."""

import json
import time
from typing import Any, Protocol


class Report(Protocol):
    """What engines see of the outside: they say where they are, and may write a line to the job's log."""

    def progress(self, done: int, total: int | None, text: str) -> None: ...

    def log(self, text: str) -> None: ...


class Silent:
    """A report that nobody reads, for tests and for engines called in process."""

    def progress(self, done: int, total: int | None, text: str) -> None:
        """Say nothing."""

    def log(self, text: str) -> None:
        """Say nothing."""


class PipeReport:
    """Writes one JSON line for each message; progress at most five times a second."""

    def __init__(self, descriptor: int) -> None:
        self._pipe = open(descriptor, "w", buffering=1)  # noqa: SIM115  it lives as long as the process
        self._last, self._last_text = 0.0, ""

    def progress(self, done: int, total: int | None, text: str) -> None:
        """Tell where the work is: `done` of `total` (None while unknown) and what is happening."""
        now = time.monotonic()
        if text == self._last_text and done != total and now - self._last < 0.2:
            return
        self._last, self._last_text = now, text
        self._write({"done": done, "total": total, "text": text})

    def log(self, text: str) -> None:
        """Write one line to the job's log."""
        self._write({"log": text})

    def _write(self, message: dict[str, Any]) -> None:
        self._pipe.write(json.dumps(message) + "\n")
