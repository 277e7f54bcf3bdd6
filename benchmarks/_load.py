"""A load generator: many connections, one request each under way; answers are counted and timed in one thread."""

import selectors
import socket
import statistics
import sys
import time
from pathlib import Path


def run(port: int, request: bytes, connections: int, seconds: float) -> tuple[int, int, float, float, float]:
    """Requests answered with 200, others, requests a second, median and 99th percentile in milliseconds."""
    chooser = selectors.DefaultSelector()
    open_: dict[socket.socket, list[float | bytearray]] = {}
    for _ in range(connections):
        one = socket.create_connection(("127.0.0.1", port))
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        chooser.register(one, selectors.EVENT_READ)
        open_[one] = [time.perf_counter(), bytearray()]
        one.sendall(request)
    began, taken, wrong = time.perf_counter(), [], 0
    end = began + seconds
    while time.perf_counter() < end:
        for key, _ in chooser.select(1):
            one: socket.socket = key.fileobj  # type: ignore[assignment,no-redef]
            started, content = open_[one]
            assert isinstance(content, bytearray)
            assert isinstance(started, float)
            piece = one.recv(1 << 18)
            if not piece:
                raise SystemExit("The server closed a connection.")
            content += piece
            if not _whole(content):
                continue
            now = time.perf_counter()
            if content.startswith(b"HTTP/1.1 200"):
                taken.append(now - started)
            else:
                wrong += 1
            content.clear()
            open_[one][0] = time.perf_counter()
            one.sendall(request)
    spent = time.perf_counter() - began
    for one in open_:
        one.close()
    taken.sort()
    p99 = taken[int(len(taken) * 0.99)] if taken else float("nan")
    middle = statistics.median(taken) if taken else float("nan")
    return len(taken), wrong, len(taken) / spent, middle * 1000, p99 * 1000


def _whole(content: bytearray) -> bool:
    head = content.find(b"\r\n\r\n")
    if head < 0:
        return False
    lower = bytes(content[:head]).lower()
    place = lower.find(b"content-length:")
    if place < 0:
        return content.endswith(b"0\r\n\r\n")
    return len(content) >= head + 4 + int(lower[place + 15 :].split(b"\r\n", 1)[0])


if __name__ == "__main__":
    port_, file_, connections_, seconds_ = sys.argv[1:]
    print(*run(int(port_), Path(file_).read_bytes(), int(connections_), float(seconds_)))
