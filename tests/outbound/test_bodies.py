"""A49, A52: whole bodies from hostile peers: caps on bytes, time and slowness; each hop checked, no secret sent on."""

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from outbound.addresses import Refused
from outbound.bodies import Asked, download, fetch
from outbound.http import Unreached
from problems.problem import TooLarge

Serve = Callable[[Callable[[socket.socket, bytes], None]], int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A server that does with each request what the test says; gives its port."""
    open_ones = []

    def start(act: Callable[[socket.socket, bytes], None]) -> int:
        server = socket.create_server(("127.0.0.1", 0))
        open_ones.append(server)

        def run() -> None:
            while True:
                try:
                    wire, _ = server.accept()
                except OSError:
                    return
                with closing(wire):
                    try:
                        act(wire, wire.recv(65536))
                    except OSError:
                        pass

        threading.Thread(target=run, daemon=True).start()
        return int(server.getsockname()[1])

    yield start
    for server in open_ones:
        server.close()


def ask(port: int, **more: Any) -> Asked:
    settings: dict[str, Any] = {"seconds": 3.0, "allow": frozenset({"127.0.0.1", "a.test"}), **more}
    return Asked(f"http://127.0.0.1:{port}/x", **settings)


def ok(wire: socket.socket, body: bytes, *headers: str) -> None:
    lines = [f"Content-Length: {len(body)}", *headers]
    wire.sendall(("HTTP/1.1 200 OK\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode() + body)


def chunked(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + f"{len(body):x}\r\n".encode() + body + b"\r\n"


def test_bodies_come_whole_plain_in_chunks_and_unpacked(serve: Serve, tmp_path: Path) -> None:
    body = b"id,name\n1,Ann\n" * 20_000
    plain, packed = serve(lambda wire, _: ok(wire, body)), gzip.compress(body)
    told: list[tuple[int, int | None]] = []
    found = download(ask(plain), tmp_path / "file", tell=lambda done, total: told.append((done, total)))
    assert (tmp_path / "file").read_bytes() == body
    assert (found.status, found.size, told[-1]) == (200, len(body), (len(body), len(body)))
    in_chunks = serve(lambda wire, _: wire.sendall(chunked(body) + b"0\r\n\r\n"))
    assert fetch(ask(in_chunks)).content == body
    unpacked = serve(lambda wire, _: ok(wire, packed, "Content-Encoding: gzip"))
    assert fetch(ask(unpacked)).content == body
    assert fetch(ask(plain, most_bytes=10, enough=5)).size >= 5, "only the beginning was wanted"


def endless(wire: socket.socket, _: bytes) -> None:
    wire.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        wire.sendall(b"x" * 65536)


def drip(wire: socket.socket, _: bytes) -> None:
    wire.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        wire.sendall(b"x")
        time.sleep(0.02)


def headers_without_end(wire: socket.socket, _: bytes) -> None:
    wire.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(100_000):
        wire.sendall(b"X-%d: " % number + b"y" * 1000 + b"\r\n")


BOMB = gzip.compress(b"\0" * 50_000_000)
HOSTILE: dict[str, tuple[Callable[[socket.socket, bytes], None], type[Exception]]] = {
    "an endless body": (endless, TooLarge),
    "ten gigabytes promised": (
        lambda wire, _: wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n"),
        TooLarge,
    ),
    "a bomb": (
        lambda wire, _: ok(wire, BOMB, "Content-Encoding: gzip"),
        TooLarge,
    ),
    "a slow drip": (drip, Unreached),
    "fewer bytes than promised": (
        lambda wire, _: wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfew"),
        Unreached,
    ),
    "a chunk that breaks off": (lambda wire, _: wire.sendall(chunked(b"half")[:-4]), Unreached),
    "a damaged packing": (lambda wire, _: ok(wire, b"no gzip", "Content-Encoding: gzip"), Unreached),
    "a packing cut off": (
        lambda wire, _: ok(wire, gzip.compress(b"abc" * 1000)[:-9], "Content-Encoding: gzip"),
        Unreached,
    ),
    "headers without end": (headers_without_end, Unreached),
    "no HTTP": (lambda wire, _: wire.sendall(b"220 mail.example.org ESMTP\r\n"), Unreached),
    "silence": (lambda wire, _: time.sleep(0.6), Unreached),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_peer_is_given_up(serve: Serve, name: str) -> None:
    act, expected = HOSTILE[name]
    start = time.monotonic()
    with pytest.raises(expected):
        fetch(ask(serve(act), seconds=2.0, patience=0.3, most_bytes=1_000_000))
    assert time.monotonic() - start < 2.5


def test_redirects_are_followed_within_bounds_and_secrets_stay(serve: Serve) -> None:
    seen: list[bytes] = []

    def last(wire: socket.socket, request: bytes) -> None:
        seen.append(request)
        ok(wire, b"here")

    end = serve(last)
    way = serve(
        lambda wire, _: wire.sendall(f"HTTP/1.1 302 Go\r\nLocation: http://127.0.0.1:{end}/y#z\r\n\r\n".encode())
    )
    found = fetch(ask(way, headers={"X-Open": "1"}, secret_headers={"Authorization": "Bearer hidden"}))
    assert (found.content, found.url) == (b"here", f"http://127.0.0.1:{end}/y")
    assert b"hidden" not in seen[0], "another port is another origin"
    assert b"X-Open: 1" in seen[0]
    loop = serve(lambda wire, _: wire.sendall(b"HTTP/1.1 307 Go\r\nLocation: /x\r\n\r\n"))
    with pytest.raises(Unreached, match="more than 5 times"):
        fetch(ask(loop))


@pytest.mark.parametrize(
    "place", ["http://10.0.0.1/", "http://169.254.169.254/latest", "http://[::1]:1/", "file:///etc/passwd", "http://0/"]
)
def test_each_hop_is_checked_like_the_first(serve: Serve, place: str) -> None:
    port = serve(lambda wire, _: wire.sendall(f"HTTP/1.1 301 Go\r\nLocation: {place}\r\n\r\n".encode()))
    with pytest.raises(Refused):
        fetch(ask(port))


def test_names_of_mixed_and_changing_addresses_are_refused(serve: Serve) -> None:
    """A50: what is dialled is what was checked, at every hop."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    port = serve(lambda wire, _: wire.sendall(b"HTTP/1.1 302 Go\r\nLocation: http://b.test/\r\n\r\n"))
    with pytest.raises(Refused):
        fetch(Asked(f"http://a.test:{port}/", allow=frozenset({"a.test"}), by=lambda host, at: next(answers)))
    with pytest.raises(Refused):
        fetch(Asked("http://b.test/", by=lambda host, at: ["93.184.216.34", "192.168.0.1"]))
