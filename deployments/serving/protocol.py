"""uvicorn's HTTP protocol with patience limits: no endless headers, no request that names another host in its line."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_SECONDS = 15.0
HEADER_BYTES = 64 * 1024
MESSAGE_SECONDS = 90.0  # a refused body is read to its end and dropped, so that its sender can read the refusal


class PatientProtocol(HttpToolsProtocol):
    """Ends connections whose request head does not come in time or in size."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._wait(HEADER_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._came()
        super().connection_lost(exc)

    def _wait(self, seconds: float) -> None:
        self._came()
        self._timer = self.loop.call_later(seconds, self._give_up)

    def _came(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.close()

    def on_message_begin(self) -> None:
        """A request line begins."""
        self._head_bytes = 0
        self._wait(HEADER_SECONDS)
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A piece of the request line's target."""
        self._grow(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._grow(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The whole head is here."""
        self._wait(MESSAGE_SECONDS)
        if not self.url.startswith(b"/"):
            raise ValueError("only the path may stand in the request line")
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The whole body is here."""
        self._came()
        super().on_message_complete()

    def _grow(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEADER_BYTES:
            raise ValueError("the request head is too large")
