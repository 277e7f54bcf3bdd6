"""The HTTP side of the prediction server: what a request carries, what a reply looks like."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from django.http.request import split_domain_port, validate_host

from deployments.serving.parsing import MAX_BODY, PACKED
from problems.problem import Problem, TooLarge

BODY_SECONDS = 30.0
LOCAL = ("127.0.0.1", "::1")
RETRY_AFTER = {429: b"1", 503: b"5"}
ALWAYS = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
]


class Slow(Problem):
    """The body did not arrive in time."""

    status = 408
    code = "too_slow"


class Request:
    """One request, its body still on the way."""

    def __init__(self, scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self._scope, self._receive = scope, receive

    def headers(self, name: bytes) -> list[str]:
        """Every value of one header."""
        return [value.decode("latin-1") for found, value in self._scope["headers"] if found == name]

    def header(self, name: bytes) -> str:
        """The header's only value; a repeated one counts as none."""
        found = self.headers(name)
        return found[0] if len(found) == 1 else ""

    @property
    def is_local(self) -> bool:
        """Whether the caller is on this machine, and no proxy speaks for somebody else."""
        client = self._scope.get("client")
        forwarded = self.headers(b"x-forwarded-for") or self.headers(b"forwarded") or self.headers(b"x-real-ip")
        return client is not None and client[0] in LOCAL and not forwarded

    async def body(self) -> bytes:
        """All of it, within its limits of size and time."""
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await self._read()
        except TimeoutError:
            raise Slow(f"The body did not arrive within {BODY_SECONDS:.0f} s.") from None

    async def _read(self) -> bytes:
        too_large = TooLarge(f"The body is larger than {MAX_BODY} bytes. Send fewer rows at a time, or as a batch.")
        length = self.header(b"content-length")
        if length.isdigit() and int(length[:20]) > MAX_BODY:
            raise too_large
        parts, size = [], 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Problem("The connection ended before the body was complete.")
            part = message.get("body", b"")
            size += len(part)
            if size > MAX_BODY:
                raise too_large
            parts.append(part)
            if not message.get("more_body"):
                return b"".join(parts)


@dataclass(frozen=True)
class Reply:
    """An answer, and what the counts want to know of it."""

    status: int
    body: bytes
    deployment: str = ""
    counted: bool = False
    rows: int = 0
    unknown: int = 0
    content_type: bytes = b"application/json"
    extra: tuple[tuple[bytes, bytes], ...] = ()
    outcome: str = "answered"


def problem(refusal: Problem, *, deployment: str = "", counted: bool = False) -> Reply:
    """A refusal as a reply: the same shape everywhere, and how long to wait where waiting helps."""
    extra: list[tuple[bytes, bytes]] = []
    if "retry_after" in refusal.facts:
        extra.append((b"retry-after", str(refusal.facts["retry_after"]).encode()))
    elif retry := RETRY_AFTER.get(refusal.status):
        extra.append((b"retry-after", retry))
    if refusal.status == 401:
        extra.append((b"www-authenticate", b"Bearer"))
    if refusal.status == 405:
        extra.append((b"allow", str(refusal.facts.get("allow", "")).encode()))
    if refusal.status == 415:
        extra.append((b"accept-encoding", ", ".join(PACKED).encode()))
    if refusal.status == 408:
        extra.append((b"connection", b"close"))
    return Reply(refusal.status, orjson.dumps(refusal.as_dict()), deployment, counted, extra=tuple(extra))


def of(reply: Reply) -> Iterator[dict[str, Any]]:
    """A reply as ASGI messages."""
    length = str(len(reply.body)).encode()
    headers = [(b"content-type", reply.content_type), (b"content-length", length), *ALWAYS, *reply.extra]
    yield {"type": "http.response.start", "status": reply.status, "headers": headers}
    yield {"type": "http.response.body", "body": reply.body}


def check_host(request: Request, allowed: list[str]) -> None:
    """Refuse a host that is not ours; the same rule as for the pages."""
    if not _ours(request.header(b"host"), tuple(allowed)):
        raise Problem("Unknown host.", code="unknown_host")


@lru_cache(maxsize=256)
def _ours(host: str, allowed: tuple[str, ...]) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed)


def check_content(request: Request, *, any_type: bool = False) -> None:
    """Only JSON; what has bytes behind its JSON may call itself anything."""
    kind = request.header(b"content-type").partition(";")[0].strip().lower()
    json = kind in ("", "application/json", "text/json") or kind.endswith("+json")
    if not json and not any_type:
        raise Problem("Send the rows as JSON, with `Content-Type: application/json`.", code="wrong_content_type")
