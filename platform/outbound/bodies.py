"""PURE: a whole body from an outside host: each hop checked; caps on bytes, time and slowness; no secret sent on."""

import http.client
import io
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from urllib.parse import urljoin

from outbound.addresses import Refused, Resolve, Target, parse, reachable
from outbound.http import Unreached, connect, head_of
from problems.problem import Problem, TooLarge

MOST_HOPS = 5
MAX_HEADERS = 64 * 1024
PIECE = 64 * 1024
PATIENCE = 30.0
SLOWEST = 1024
REDIRECTS = {301, 302, 303, 307, 308}
MOST_IN_MEMORY = 64 * 1024 * 1024
Tell = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Asked:
    """One question to the outside. `secret_headers` go to the first origin alone, whatever it redirects to.

    `patience` is how long the other side may stay below a kilobyte a second; after `enough` bytes no more is read.
    """

    url: str
    method: str = "GET"
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    secret_headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 60.0
    most_bytes: int = MOST_IN_MEMORY
    allow: frozenset[str] = frozenset()
    by: Resolve | None = None
    patience: float = PATIENCE
    enough: int | None = None


@dataclass(frozen=True)
class Body:
    """What came back: where from in the end, status, headers by lower-case name, and the size of the body."""

    url: str
    status: int
    headers: Mapping[str, str]
    size: int
    content: bytes = b""


def fetch(asked: Asked, *, tell: Tell | None = None) -> Body:
    """The answer with its body in memory."""
    kept = io.BytesIO()
    body = _follow(asked, kept, tell)
    return Body(body.url, body.status, body.headers, body.size, kept.getvalue())


def download(asked: Asked, place: Path, *, tell: Tell | None = None) -> Body:
    """The answer with its body in a file."""
    with place.open("wb") as file:
        return _follow(asked, file, tell)


def _follow(asked: Asked, place: io.BufferedIOBase, tell: Tell | None) -> Body:
    """Go after redirects as far as they may be followed: each is checked like the first address, all in one time."""
    until = time.monotonic() + asked.seconds
    url, method, body = asked.url, asked.method, asked.body
    first = parse(url, allow=asked.allow)
    for _ in range(MOST_HOPS + 1):
        target = parse(url, allow=asked.allow)
        headers = dict(asked.headers)
        if target.origin == first.origin:
            headers |= asked.secret_headers
        with_body = method not in ("GET", "HEAD")
        found = _one(asked, target, method, body if with_body else b"", headers, until, place, tell)
        if found.status not in REDIRECTS or "location" not in found.headers:
            return Body(url, found.status, found.headers, found.size)
        url = _next(url, target, found.headers["location"], asked)
        if found.status == 303 or (found.status in (301, 302) and method == "POST"):
            method = "GET"
    raise Unreached(f"It sent us on more than {MOST_HOPS} times.")


def _next(url: str, before: Target, location: str, asked: Asked) -> str:
    after = urljoin(url, location)
    target = parse(after.partition("#")[0], allow=asked.allow)
    if before.secure and not target.secure:
        raise Refused("It sent us on from https to http, where anybody could read along. It was not followed.")
    return after.partition("#")[0]


class _Patient(io.RawIOBase):
    """The socket as a file: every read ends before the deadline, and a drip is given up before it."""

    def __init__(self, wire: socket.socket, until: float, patience: float) -> None:
        self._wire, self._until, self._patience = wire, until, patience
        self.taken, self.most = 0, MAX_HEADERS
        self._window, self._in_window = time.monotonic(), 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        now = time.monotonic()
        if now - self._window > self._patience:
            if self._in_window < SLOWEST * self._patience:
                raise TimeoutError
            self._window, self._in_window = now, 0
        left = min(self._until - now, self._window + self._patience - now + 0.05)
        if left <= 0:
            raise TimeoutError
        self._wire.settimeout(left)
        got = self._wire.recv_into(buffer)
        self.taken += got
        self._in_window += got
        if self.taken > self.most:
            raise http.client.HTTPException("more than was to come")
        return got


class _Wire:
    """What `http.client.HTTPResponse` takes for a socket."""

    def __init__(self, file: "io.BufferedReader[_Patient]") -> None:
        self._file = file

    def makefile(self, mode: str) -> "io.BufferedReader[_Patient]":
        return self._file


def _one(
    asked: Asked,
    target: Target,
    method: str,
    body: bytes,
    headers: Mapping[str, str],
    until: float,
    place: io.BufferedIOBase,
    tell: Tell | None,
) -> Body:
    """One request to the very address that was checked."""
    addresses = reachable(target.host, target.port, allow=asked.allow, by=asked.by)
    wire = None
    try:
        wire = connect(target, addresses, min(until, time.monotonic() + asked.patience))
        wire.settimeout(max(0.1, until - time.monotonic()))
        wire.sendall(head_of(target, method, headers, len(body)) + body)
        return _answer(asked, target, method, _Patient(wire, until, asked.patience), place, tell)
    except Problem:
        raise
    except TimeoutError:
        raise Unreached("It gave no whole answer in time, or far too slowly.") from None
    except ssl.SSLCertVerificationError:
        raise Unreached("Its certificate is not valid for this name.") from None
    except zlib.error:
        raise Unreached("Its body is damaged: it is not packed as it says.") from None
    except (OSError, http.client.HTTPException, ValueError):
        raise Unreached("It could not be reached, or did not answer as a web server does.") from None
    finally:
        if wire is not None:
            wire.close()


def _answer(
    asked: Asked, target: Target, method: str, patient: _Patient, place: io.BufferedIOBase, tell: Tell | None
) -> Body:
    file = io.BufferedReader(patient, 8192)
    answer = http.client.HTTPResponse(cast(socket.socket, _Wire(file)), method=method)
    answer.begin()
    patient.most = asked.most_bytes + 4 * MAX_HEADERS + asked.most_bytes // 8
    headers = {name.lower(): value for name, value in answer.getheaders()}
    if answer.status in REDIRECTS and "location" in headers:
        return Body("", answer.status, headers, 0)
    told = answer.length
    if told is not None and told > asked.most_bytes and asked.enough is None:
        raise _too_large(asked.most_bytes)
    size = 0
    for piece in _unpacked(_pieces(answer), headers.get("content-encoding", "")):
        size += len(piece)
        if asked.enough is not None and size >= asked.enough:
            place.write(piece)
            return Body("", answer.status, headers, size)
        if size > asked.most_bytes:
            raise _too_large(asked.most_bytes)
        place.write(piece)
        if tell is not None:
            tell(size, told if "content-encoding" not in headers else None)
    came = (told or 0) - (answer.length or 0)
    if told is not None and came != told:
        raise Unreached(f"It promised {told} bytes and sent {came}.")
    return Body("", answer.status, headers, size)


def _pieces(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    try:
        while piece := answer.read1(PIECE) if answer.chunked else answer.read(PIECE):
            yield piece
    except http.client.IncompleteRead:
        raise Unreached("It broke off before the end.") from None


def _unpacked(pieces: Iterator[bytes], coding: str) -> Iterator[bytes]:
    """The body without the packing of its transfer, in bounded pieces, however far it swells."""
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        yield from pieces
        return
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise Unreached(f"It sent its body packed as “{coding[:20]}”, which was not asked for.")
    opened = zlib.decompressobj(zlib.MAX_WBITS | 32)
    for piece in pieces:
        while piece and not opened.eof:
            yield opened.decompress(piece, PIECE)
            piece = opened.unconsumed_tail
    if not opened.eof:
        raise Unreached("It broke off before the end.")


def _too_large(most: int) -> TooLarge:
    shown = f"{most // 1024**2} MB" if most >= 1024**2 else f"{most} bytes"
    return TooLarge(f"It sends more than the {shown} that may be fetched. Nothing was kept.", code="too_many_bytes")
