"""PURE: the one guarded way to send an HTTP request to an outside host: checked address, no redirects, hard limits."""

import http.client
import re
import socket
import ssl
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from outbound.addresses import Resolve, Target, parse, reachable

KEPT = 500
MAX_HEADERS = 64 * 1024
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,12})[ \t]*(?:\r\n|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """What came back. `text` is its first bytes; a redirect is an answer like every other, never followed."""

    status: int
    text: str
    seconds: float


class Unreached(Exception):
    """No whole answer came. The text says why without telling a closed port from a silent one."""


class _Wire:
    """A socket whose reads and writes all end before one deadline, however slowly the other side drips."""

    def __init__(self, wire: socket.socket, until: float) -> None:
        self._wire, self._until = wire, until

    def _arm(self) -> socket.socket:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._wire.settimeout(left)
        return self._wire

    def sendall(self, data: bytes) -> None:
        self._arm().sendall(data)

    def read(self, size: int) -> bytes:
        return self._arm().recv(size)

    def close(self) -> None:
        self._wire.close()


def send(
    url: str,
    body: bytes,
    *,
    headers: Mapping[str, str],
    seconds: float = 5.0,
    allow: Collection[str] = (),
    by: Resolve | None = None,
    method: str = "POST",
) -> Answer:
    """Send one request to the very address that was checked. Proxies of the environment play no part."""
    target = parse(url, allow=allow)
    addresses = reachable(target.host, target.port, allow=allow, by=by)
    start = time.monotonic()
    wire = None
    try:
        wire = _Wire(connect(target, addresses, start + seconds), start + seconds)
        wire.sendall(head_of(target, method, headers, len(body)) + body)
        status, text = _read(wire)
    except TimeoutError:
        raise Unreached(f"It gave no whole answer within {seconds:g} seconds.") from None
    except ssl.SSLCertVerificationError:
        raise Unreached("Its certificate is not valid for this name.") from None
    except (OSError, http.client.HTTPException, ValueError):
        raise Unreached("It could not be reached, or did not answer as a web server does.") from None
    finally:
        if wire is not None:
            wire.close()
    return Answer(status, text, time.monotonic() - start)


def connect(target: Target, addresses: list[str], until: float) -> socket.socket:
    """Try each checked address in turn; TLS is checked against the name."""
    last: OSError = OSError()
    for address in addresses[:4]:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        try:
            plain = socket.create_connection((address, target.port), timeout=left)
        except TimeoutError:
            raise
        except OSError as error:
            last = error
            continue
        plain.settimeout(max(0.1, until - time.monotonic()))
        if not target.secure:
            return plain
        try:
            return ssl.create_default_context().wrap_socket(plain, server_hostname=target.host)
        except BaseException:
            plain.close()
            raise
    raise last


def head_of(target: Target, method: str, headers: Mapping[str, str], length: int) -> bytes:
    """The request's first lines; a header with a line break in it is an error."""
    host = target.origin.partition("://")[2]
    lines = {"Host": host, "Connection": "close", "Accept-Encoding": "identity", "Content-Length": str(length)}
    text = f"{method} {target.path} HTTP/1.1\r\n"
    for name, value in (lines | dict(headers)).items():
        if any(not character.isprintable() for character in name + value):
            raise ValueError("a header holds a line break")
        text += f"{name}: {value}\r\n"
    return (text + "\r\n").encode("latin-1", "replace")


def _read(wire: _Wire) -> tuple[int, str]:
    """The status, and the beginning of the body to show; the rest is never read, however much it is."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = wire.read(8192)
        if not piece or len(data) > MAX_HEADERS:
            raise http.client.BadStatusLine("no header")
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    words = head.split(b"\r\n", 1)[0].split(b" ", 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit() or len(words[1]) != 3:
        raise http.client.BadStatusLine("no status")
    told = LENGTH.search(head)
    wanted = min(KEPT, int(told[1])) if told else KEPT
    try:
        while len(body) < wanted and (piece := wire.read(8192)):
            body += piece
    except OSError:
        pass  # the status is here; what it says beside that is for reading only
    return int(words[1]), body[:wanted].decode("utf-8", "replace").replace("\x00", "")
