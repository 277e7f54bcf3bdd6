"""A49, A50, A52: one request to the address that was checked, and no more than that."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from outbound.addresses import Refused
from outbound.http import Answer, Unreached, send

Serve = Callable[[Callable[[socket.socket], None]], int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A server that does with each connection what the test says; gives its port."""
    open_ones = []

    def start(act: Callable[[socket.socket], None]) -> int:
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
                        act(wire)
                    except OSError:
                        pass

        threading.Thread(target=run, daemon=True).start()
        return int(server.getsockname()[1])

    yield start
    for server in open_ones:
        server.close()


def ask(port: int, seconds: float = 2.0, host: str = "127.0.0.1") -> Answer:
    return send(f"http://{host}:{port}/hook", b"{}", headers={}, seconds=seconds, allow={"127.0.0.1", "hooks.test"})


def test_an_answer_comes_back_with_its_status_and_beginning(serve: Serve) -> None:
    seen = []

    def act(wire: socket.socket) -> None:
        seen.append(wire.recv(65536))
        wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine and more")

    port = serve(act)
    answer = ask(port)
    assert (answer.status, answer.text) == (200, "fine")
    assert seen[0].startswith(b"POST /hook HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"Connection: close" in seen[0]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(serve: Serve, status: int) -> None:
    inside = []
    hidden = serve(lambda wire: inside.append(wire.recv(10)))
    port = serve(
        lambda wire: (
            wire.recv(65536)
            and wire.sendall(f"HTTP/1.1 {status} Go\r\nLocation: http://127.0.0.1:{hidden}/\r\n\r\n".encode())
        )
    )
    assert ask(port).status == status
    assert inside == []


def test_the_name_is_resolved_once_and_the_checked_address_is_dialled(serve: Serve) -> None:
    """A50: a name that answers differently the second time is never asked a second time."""
    port = serve(lambda wire: wire.recv(65536) and wire.sendall(b"HTTP/1.1 204 No\r\n\r\n"))
    asked = []

    def rebinding(host: str, number: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    url = f"http://hooks.test:{port}/"
    assert send(url, b"", headers={}, allow={"hooks.test"}, by=rebinding).status == 204
    assert asked == ["hooks.test"]


def test_a_name_that_turns_out_to_be_inside_is_refused_before_any_packet(serve: Serve) -> None:
    seen = []
    port = serve(lambda wire: seen.append(wire.recv(10)))
    with pytest.raises(Refused):
        send(f"http://looks-good.example.org:{port}/", b"", headers={}, by=lambda host, number: ["127.0.0.1"])
    assert seen == []


def test_a_proxy_of_the_environment_is_not_asked(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    proxy = serve(lambda wire: seen.append(wire.recv(10)))
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy}")
    port = serve(lambda wire: wire.recv(65536) and wire.sendall(b"HTTP/1.1 204 No\r\n\r\n"))
    assert ask(port).status == 204
    assert seen == []


def _drip(wire: socket.socket) -> None:
    wire.recv(65536)
    for _ in range(200):
        wire.sendall(b"H")
        time.sleep(0.05)


def _endless(wire: socket.socket) -> None:
    wire.recv(65536)
    wire.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        wire.sendall(b"x: " + b"y" * 8000 + b"\r\n")


@pytest.mark.parametrize(
    "act",
    [
        lambda wire: time.sleep(3),
        _drip,
        _endless,
        lambda wire: wire.recv(65536) and wire.sendall(b"SSH-2.0-OpenSSH\r\n\r\n"),
        lambda wire: wire.recv(65536) and wire.sendall(b"HTTP/1.1 nonsense\r\n\r\n"),
        lambda wire: None,
    ],
)
def test_a_hostile_peer_ends_at_the_limits_with_a_reason(serve: Serve, act: Callable[[socket.socket], None]) -> None:
    """A52."""
    with pytest.raises(Unreached):
        ask(serve(act), seconds=0.5)


def test_an_endless_body_is_not_read(serve: Serve) -> None:
    def act(wire: socket.socket) -> None:
        wire.recv(65536)
        wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        while True:
            wire.sendall(b"z" * 65536)

    assert len(ask(serve(act)).text) == 500


def test_a_line_break_in_a_header_is_never_sent(serve: Serve) -> None:
    """A47."""
    seen = []
    port = serve(lambda wire: seen.append(wire.recv(10)))
    with pytest.raises(Unreached):
        send(f"http://127.0.0.1:{port}/", b"", headers={"X-Name": "a\r\nX-Evil: b"}, allow={"127.0.0.1"})
    assert seen in ([], [b""])


def test_a_closed_port_and_one_that_speaks_something_else_sound_the_same(serve: Serve) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        closed = server.getsockname()[1]
    with pytest.raises(Unreached) as first:
        ask(closed)
    with pytest.raises(Unreached) as second:
        ask(serve(lambda wire: None))
    assert str(first.value) == str(second.value)


def test_tls_is_spoken_and_a_certificate_of_nobody_is_refused(serve: Serve) -> None:
    port = serve(lambda wire: wire.recv(65536) and wire.sendall(b"not tls"))
    with pytest.raises(Unreached):
        send(f"https://127.0.0.1:{port}/", b"", headers={}, seconds=1, allow={"127.0.0.1"})
