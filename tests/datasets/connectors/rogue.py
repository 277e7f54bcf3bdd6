"""A MariaDB server that is none: it asks the one who signs in for a file, or for the password in clear."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

CAPABLE = 0x000FFFFF & ~0x800  # all but TLS
FINE = b"\x00\x00\x00\x02\x00\x00\x00"
GREETING = (
    b"\x0a5.5.5-10.11.0-MariaDB\x00"
    + struct.pack("<I", 7)
    + b"12345678\x00"
    + struct.pack("<H", CAPABLE & 0xFFFF)
    + b"\x2d\x02\x00"
    + struct.pack("<H", CAPABLE >> 16)
    + b"\x15"
    + b"\x00" * 10
    + b"123456789012\x00mysql_native_password\x00"
)


def _send(line: socket.socket, number: int, body: bytes) -> None:
    line.sendall(struct.pack("<I", len(body))[:3] + bytes([number]) + body)


def _taken(line: socket.socket) -> tuple[int, bytes]:
    head = line.recv(4, socket.MSG_WAITALL)
    if len(head) < 4:
        raise EOFError
    return head[3], line.recv(int.from_bytes(head[:3], "little"), socket.MSG_WAITALL)


def _talk(line: socket.socket, want: str, got: list[bytes]) -> None:
    _send(line, 0, GREETING)
    number, body = _taken(line)
    got.append(body)
    if want == "password":
        _send(line, number + 1, b"\xfemysql_clear_password\x00")
        got.append(_taken(line)[1])
        return
    _send(line, number + 1, FINE)
    while True:
        number, body = _taken(line)
        got.append(body)
        asks = body[1:].lstrip().upper().startswith((b"SELECT", b"SHOW"))
        _send(line, number + 1, b"\xfb/etc/passwd" if asks else FINE)


@contextlib.contextmanager
def rogue(want: str) -> Iterator[tuple[int, list[bytes]]]:
    """Its port, and all that it was sent."""
    got: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError, EOFError):
                while True:
                    line, _ = server.accept()
                    line.settimeout(5)
                    with line, contextlib.suppress(OSError, EOFError):
                        _talk(line, want, got)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1], got
