"""PURE: how members ask a web server: signing in, pace, and patience with servers that are busy or failing."""

import base64
import email.utils
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from datasets.connectors.base import REACH, SIGN_IN, Outside, Params, Step
from datasets.connectors.fields import SIGN_IN as GROUP
from datasets.connectors.fields import Field
from jobs.report import Report
from outbound.addresses import parse
from outbound.bodies import Asked, Body, Tell, download, fetch
from outbound.http import Unreached
from problems.problem import Invalid, Problem, Unavailable

AGENT = "Baton (collects data for its owner)"
TRIES = 5
FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0
BUSY = {429, 500, 502, 503, 504}
TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
TAKEN = {"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "user-agent", "te", "upgrade"}
AUTHS = {
    "none": "Nothing; it is open",
    "basic": "User name and password",
    "bearer": "A token (Bearer)",
    "header": "A key in a header of its own",
    "query": "A key in the address",
}
SIGNING = (
    Field("auth", "choice", "Sign in with", group=GROUP, default="none", locates=True, choices=AUTHS),
    Field("user", "text", "User name", group=GROUP, locates=True, only=("auth", ("basic",))),
    Field(
        "key_name",
        "text",
        "Name of the header or parameter",
        "It carries the key, for instance X-Api-Key.",
        group=GROUP,
        locates=True,
        only=("auth", ("header", "query")),
    ),
    Field(
        "secret",
        "secret",
        "Password, token or key",
        "It is sealed and never shown again. It goes to this address alone, whatever that redirects to.",
        group=GROUP,
        only=("auth", ("basic", "bearer", "header", "query")),
    ),
)
PER_SECOND = Field(
    "per_second", "number", "Requests a second", "At most so many.", group="How to ask", default=5.0, low=0.05, high=100
)


def check_signing(p: Params) -> None:
    """Refuse a header name that is none, or that is not ours to set."""
    name = p.get("key_name")
    if name and (not TOKEN.fullmatch(name) or (p["auth"] == "header" and name.lower() in TAKEN)):
        text = f"“{name[:60]}” cannot carry a key."
        raise Invalid(text, fields={"key_name": text})


def watch_address(name: str, url: str, allow: frozenset[str]) -> None:
    """Refuse an address that may not be dialled, beside its field."""
    try:
        parse(url, allow=allow)
    except Problem as problem:
        raise Invalid(problem.text, code=problem.code, fields={name: problem.text}) from None


class Asker:
    """Asks one origin, not faster than told, and again when it says that it is busy."""

    def __init__(self, p: Params, outside: Outside, report: Report | None = None, *, tries: int = TRIES) -> None:
        self.p, self.outside, self.report, self.tries = p, outside, report, tries
        self.pause = 1.0 / float(p.get("per_second") or 5.0)
        self.until = time.monotonic() + outside.seconds
        self.bytes, self.requests, self.waited = 0, 0, 0
        self.sleep: Callable[[float], None] = time.sleep
        self._next = 0.0

    def ask(
        self,
        url: str,
        *,
        method: str = "GET",
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        place: Path | None = None,
        tell: Tell | None = None,
        enough: int | None = None,
        signed: bool = True,
    ) -> Body:
        """One answer that is neither busy nor broken; tries again with growing pauses, or as long as it is told to."""
        kept = {"User-Agent": AGENT} | dict(headers or {})
        for attempt in range(1, self.tries + 1):
            self._keep_pace()
            asked = self._asked(url, method, body, kept, enough, signed)
            try:
                answer = download(asked, place, tell=tell) if place else fetch(asked, tell=tell)
            except Unreached as error:
                if attempt == self.tries:
                    raise Unavailable(str(error), code="unreached") from None
                self._wait(attempt, "", str(error))
                continue
            self.requests += 1
            if answer.status not in BUSY or attempt == self.tries:
                self.bytes += answer.size
                return answer
            self._wait(attempt, answer.headers.get("retry-after", ""), f"It answered {answer.status}.")
        raise AssertionError("the last try always returns or raises")

    def _asked(
        self, url: str, method: str, body: bytes, headers: Mapping[str, str], enough: int | None, signed: bool
    ) -> Asked:
        left = self.until - time.monotonic()
        if left <= 0:
            raise Unavailable(
                f"It took longer than {self.outside.seconds:g} seconds. Nothing was kept.", code="too_slow"
            )
        if signed:
            url = with_key(self.p, url)
        return Asked(
            url,
            method=method,
            body=body,
            headers=headers,
            secret_headers=secret_headers(self.p) if signed else {},
            seconds=left,
            most_bytes=max(1, self.outside.most_bytes - self.bytes),
            allow=self.outside.allow,
            by=self.outside.by,
            enough=enough,
        )

    def _keep_pace(self) -> None:
        wait = self._next - time.monotonic()
        if wait > 0:
            self.sleep(wait)
        self._next = time.monotonic() + self.pause

    def _wait(self, attempt: int, told: str, why: str) -> None:
        wait = _told(told)
        seconds = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (attempt - 1) if wait is None else wait)
        self.waited += 1
        if self.report is not None:
            self.report.log(f"{why} Waiting {seconds:g} s before try {attempt + 1} of {self.tries}.")
        self.sleep(seconds)


def _told(text: str) -> float | None:
    """The seconds of a Retry-After header: a number, or a moment."""
    if text.isascii() and text.strip().isdigit():
        return float(text.strip()[:6])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def secret_headers(p: Params) -> dict[str, str]:
    """What proves who asks, in the form that the server wants."""
    secret = p.get("secret") or ""
    if p.get("auth") == "basic":
        pair = base64.b64encode(f"{p['user']}:{secret}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    if p.get("auth") == "bearer":
        return {"Authorization": f"Bearer {secret}"}
    return {p["key_name"]: secret} if p.get("auth") == "header" else {}


def with_key(p: Params, url: str) -> str:
    """The address with the key in it, where the server wants it there."""
    if p.get("auth") != "query" or f"{quote(p['key_name'])}=" in url.partition("?")[2]:
        return url
    return with_query(url, {p["key_name"]: p.get("secret") or ""})


def with_query(url: str, values: Mapping[str, Any]) -> str:
    """The address with these parameters; one of the same name gives way."""
    base, _, query = url.partition("?")
    names = {quote(name, safe="") for name in values}
    kept = [part for part in query.split("&") if part and part.partition("=")[0] not in names]
    return f"{base}?{'&'.join([*kept, urlencode(values)])}" if values else url


def refused(status: int) -> Problem | None:
    """What an answer that is no success means, in words."""
    if 200 <= status < 300:
        return None
    if status in (401, 403):
        return Problem(f"It does not let us in (answer {status}). Look at how we sign in.", code="not_let_in")
    if status in (404, 410):
        return Problem(f"There is nothing at this address (answer {status}).", code="nothing_there")
    if status in BUSY:
        return Unavailable(f"It is busy or broken (answer {status}), also after several tries.", code="busy")
    return Problem(f"It answered {status} instead of data.", code="odd_answer")


def reach_and_sign_in(p: Params, answer: Body, seconds: float) -> list[Step]:
    """The first two steps of the test of whatever is asked over HTTP."""
    host = answer.url.split("/")[2]
    steps = [Step(REACH, True, f"{host} answered in {seconds:.1f} s.")]
    if answer.status in (401, 403):
        return [*steps, Step(SIGN_IN, False, str(refused(answer.status)))]
    words = "It lets us in." if p.get("auth", "none") != "none" else "It asks for no sign-in."
    return [*steps, Step(SIGN_IN, True, words)]
