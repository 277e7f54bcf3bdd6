"""A55: hundreds of senders who never come to an end take nobody's page away."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from config.web_worker import is_whole
from tests.faults.conftest import Patient

pytestmark = pytest.mark.once  # they never come as far as the database
HEAD = b"POST /sign-in/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
BEGINNINGS = {
    "nothing": b"",
    "half a head": HEAD[:40],
    "a body that does not come": HEAD + b"Content-Length: 900\r\n\r\na",
    "chunks without end": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "a second request that stays half": b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\nGET /hea",
}
SENDERS = 100  # of each kind


@pytest.fixture
def crowd(patient: Patient) -> Iterator[dict[str, list[socket.socket]]]:
    with ExitStack() as stack:
        found: dict[str, list[socket.socket]] = {name: [] for name in BEGINNINGS}
        for _ in range(SENDERS):
            for name, beginning in BEGINNINGS.items():
                sender = socket.create_connection(("127.0.0.1", patient.live.port), timeout=20)
                found[name].append(stack.enter_context(sender))
                sender.sendall(beginning)
        yield found


def test_a55_five_hundred_slow_connections_leave_the_pages_to_everybody_else(
    patient: Patient, crowd: dict[str, list[socket.socket]]
) -> None:
    visitor = patient.live.http()
    visitor.timeout = 10
    slow = socket.create_connection(("127.0.0.1", patient.live.port), timeout=20)
    slow.sendall(BEGINNINGS["a body that does not come"])
    for _ in range(5):
        assert visitor.get("/sign-in/").status == 200
        for sender in crowd["chunks without end"][:20]:
            with suppress(ConnectionError):  # some were given up meanwhile
                sender.sendall(b"5\r\nhello\r\n")
    with slow:
        slow.sendall(b"=" + b"b" * 898)
        assert slow.recv(100).startswith(b"HTTP/1.1 403"), "what came whole is answered, if late"


@pytest.mark.parametrize(
    ("arrived", "whole"),
    [
        (b"", False),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", False),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab", False),
        (b"POST / HTTP/1.1\r\nCONTENT-LENGTH:3 \r\n\r\nabc", True),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nContent-Length: -3\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", True),
        (b"x" * 200_000, True),
    ],
)
def test_a_thread_is_given_only_what_it_can_read_at_once_or_what_is_large(arrived: bytes, whole: bool) -> None:
    assert is_whole(arrived) is whole
