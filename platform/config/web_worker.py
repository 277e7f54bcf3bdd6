"""PURE: gunicorn's worker with threads that slow senders cannot hold: a request gets one when enough of it is here.

Heads, and bodies that are not large, arrive in the loop of the worker, which waits for all connections at once; only
whole ones are given to a thread. Large bodies are read by their thread, and `web.middleware` counts those. What is left
of a request that was answered early is thrown away in the loop too.
"""

import re
import socket
import time
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from config.processes import LARGE_BODY

ARRIVAL_SECONDS = 20  # for a head and a body that is not large
STALL_SECONDS = 60  # without a byte in either direction, while a thread works on it
LINGER_SECONDS = 5  # for a sender to see the answer to what it is still sending
MOST_LINGERING = 16 * 1024 * 1024  # bytes of that
DRAIN_SECONDS = 0.05
MOST_HEAD = 128 * 1024  # what is longer, the parser refuses
PIECE = 64 * 1024
END = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*\r\n", re.IGNORECASE)
LATE = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Connection(TConn):  # type: ignore[misc]
    """A connection with what has arrived of its next request."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.arrived = bytearray()
        self.data_ready = True  # no thread waits for the first byte
        self.thrown_away = 0

    def init(self) -> None:
        """In the thread, before each request: the parser begins with what is here."""
        super().init()
        self.sock.settimeout(STALL_SECONDS)
        if self.arrived:
            self.parser.unreader.unread(bytes(self.arrived))
            self.arrived.clear()


def is_whole(arrived: bytes | bytearray) -> bool:
    """Whether a thread can read the request without waiting long for its sender."""
    end = arrived.find(END)
    if end < 0:
        return len(arrived) > MOST_HEAD
    head = bytes(arrived[: end + 2])
    stated = LENGTH.search(head)
    if stated is None or b"\r\nexpect:" in head.lower():
        return True
    length = int(stated[1])
    return length >= LARGE_BODY or len(arrived) >= end + len(END) + length


class Worker(ThreadWorker):  # type: ignore[misc]
    """Waits for requests, and for the ends of connections, without a thread."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.lingering: deque[Connection] = deque()

    def accept(self, listener: socket.socket) -> None:
        """Take a connection, and wait for its first request."""
        with suppress(BlockingIOError, ConnectionAbortedError):
            sock, address = listener.accept()
            self.nr_conns += 1
            self._wait_for(Connection(self.cfg, sock, address, listener.getsockname()))

    def on_client_socket_readable(self, conn: Connection, client: socket.socket) -> None:
        """The next request on a connection that was kept begins."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._wait_for(conn)

    def finish_request(self, conn: Connection, work: "Future[Any]") -> None:
        """In the loop, when the thread is done: wait for the next request, part of which may be here, or close."""
        if work.cancelled() or work.exception() or not work.result():
            self._linger(conn)
            return
        conn.arrived += conn.parser.unreader.take_buffered()
        if not conn.arrived:
            super().finish_request(conn, work)
        elif is_whole(conn.arrived):
            self.enqueue_req(conn)
        else:
            self._wait_for(conn)

    def _keepalive_after(self, conn: Connection, keepalive: bool) -> bool:
        """In the thread: a body that nobody read is not waited for."""
        return bool(keepalive and conn.parser.finish_body(deadline=time.monotonic() + DRAIN_SECONDS))

    def _linger(self, conn: Connection) -> None:
        """Say that nothing more comes, and throw away what the other side still sends, so that it sees the answer."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, EVENT_READ, partial(self._throw_away, conn))
        except (OSError, ValueError):
            self._let_go(conn)
            return
        conn.timeout = time.monotonic() + LINGER_SECONDS
        self.lingering.append(conn)

    def _throw_away(self, conn: Connection, client: socket.socket) -> None:
        try:
            count = len(client.recv(PIECE))
        except BlockingIOError:
            return
        except OSError:
            count = 0
        conn.thrown_away += count
        if not count or conn.thrown_away > MOST_LINGERING:
            self.poller.unregister(client)
            self.lingering.remove(conn)
            self._let_go(conn)

    def _wait_for(self, conn: Connection) -> None:
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + ARRIVAL_SECONDS
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self._more, conn))

    def _more(self, conn: Connection, client: socket.socket) -> None:
        try:
            piece = client.recv(PIECE)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        conn.arrived += piece
        if piece and not is_whole(conn.arrived):
            return
        self.poller.unregister(client)
        self.pending_conns.remove(conn)
        if piece:
            self.enqueue_req(conn)
        else:
            self._let_go(conn)

    def murder_pending(self) -> None:
        """Let go of those whose time is over: who sent only a part of a request is told."""
        for waiting in (self.pending_conns, self.lingering):
            while waiting and waiting[0].timeout <= time.monotonic():
                conn = waiting.popleft()
                with suppress(OSError, KeyError, ValueError):
                    self.poller.unregister(conn.sock)
                if conn.arrived:
                    with suppress(OSError):
                        conn.sock.send(LATE)
                self._let_go(conn)

    def _let_go(self, conn: Connection) -> None:
        self.nr_conns -= 1
        conn.close()
