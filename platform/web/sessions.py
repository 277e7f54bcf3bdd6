"""Opening and closing sessions: where a request comes from, the second step between, and how fresh a session is."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.contrib.auth import login, logout, update_session_auth_hash
from django.http import HttpRequest
from django.urls import reverse

from accounts.limits import ONE_TIME_LINKS, count, forget_this
from accounts.models import User
from accounts.second_step import check_code, has_second_step, required_of
from accounts.sessions import begin_session, end_sessions, forget_session, move_session
from problems.problem import Denied, NotSignedIn
from web import looking

BACKEND = "django.contrib.auth.backends.ModelBackend"
PROVED, SECOND, HALF = "proved_at", "second_step", "half_signed_in"
FRESH_SECONDS = 15 * 60
HALF_SECONDS = 5 * 60


def caller(request: HttpRequest) -> str:
    """Where a request came from. `X-Forwarded-For` is believed only for the proxies that BATON_PROXIES counts:
    anybody can write the rest of it."""
    direct = str(request.META.get("REMOTE_ADDR", ""))
    if not settings.TRUSTED_PROXIES:
        return direct
    passed = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    return passed[-settings.TRUSTED_PROXIES][:60] if len(passed) >= settings.TRUSTED_PROXIES else direct


def let_in(request: HttpRequest, user: User, way: str, then: str) -> str:
    """The address to go on to: where the person wanted to be, or first the second step. Until that is done nobody is
    signed in, so no address can step around it."""
    if not has_second_step(user):
        open_session(request, user, way)
        return then
    request.session.cycle_key()
    request.session[HALF] = {"user": str(user.pk), "way": way, "then": then, "at": time.time()}
    return reverse("sign-in-code")


def half(request: HttpRequest) -> dict[str, Any] | None:
    """Who gave the right password a moment ago and has not done the second step."""
    mark: dict[str, Any] | None = request.session.get(HALF)
    return mark if mark and 0 <= time.time() - mark["at"] < HALF_SECONDS else None


def open_session(request: HttpRequest, user: User, way: str, *, second: bool = False) -> None:
    """Sign the browser in. Its session gets another key, so that one planted before is worth nothing."""
    request.session.pop(HALF, None)
    looking.stop(request)
    login(request, user, BACKEND)
    request.session[PROVED] = time.time()
    request.session[SECOND] = second
    if not request.session.session_key:  # after somebody else's session, which was thrown away whole
        request.session.cycle_key()
    key, browser = request.session.session_key or "", request.headers.get("User-Agent", "")
    begin_session(user, key=key, way=way, address=caller(request), browser=browser)


def close_session(request: HttpRequest) -> None:
    """Sign out; nothing of the session stays on the server."""
    forget_session(request.session.session_key or "")
    logout(request)


def keep_only_this(request: HttpRequest, user: User) -> None:
    """After another password: this browser goes on under another key, all others are out."""
    before = request.session.session_key or ""
    update_session_auth_hash(request, user)
    request.session[PROVED] = time.time()
    after = request.session.session_key or ""
    move_session(before, after)
    end_sessions(user, but=after)


def is_fresh(request: HttpRequest) -> bool:
    """Whether the person showed who they are within the last minutes."""
    at = request.session.get(PROVED)
    return isinstance(at, (int, float)) and 0 <= time.time() - at < FRESH_SECONDS


def made_fresh(request: HttpRequest) -> None:
    """They did it again."""
    request.session[PROVED] = time.time()


def lacks_second_step(request: HttpRequest) -> bool:
    """Whether this instance wants a second step that the signed-in person has not set up."""
    user = request.user
    if settings.SECOND_STEP == "optional" or request.session.get(SECOND) or not isinstance(user, User):
        return False
    return required_of(user) and not has_second_step(user)


def prove_second_step(user: User, code: str) -> None:
    """For programs that sign in with name and password."""
    if has_second_step(user):
        if not code:
            raise NotSignedIn("This account has a second step: send its code too.", code="second_step")
        check_code(user, code)
    elif required_of(user):
        raise Denied("This instance wants a second step. Set one up in the browser first.", code="second_step")


@contextmanager
def guarded_links(request: HttpRequest) -> Iterator[None]:
    """Count a try of a one-time link; when it was right it does not count."""
    tried = count(ONE_TIME_LINKS, caller(request))
    yield
    forget_this(tried)
