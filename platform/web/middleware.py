"""What surrounds every request: known hosts and methods only, problems as pages, nothing private in a shared cache."""

import random
import re
from collections.abc import Callable
from threading import BoundedSemaphore

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import patch_cache_control, patch_vary_headers

from problems.problem import Problem, TooMany
from web.errors import broken, show_problem, trouble_of

Next = Callable[[HttpRequest], HttpResponse]
TOKEN = re.compile(r"baton_[\w%-]{20,}")
SHORT = frozenset({"GET", "HEAD", "OPTIONS"})
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class HostMiddleware:
    """Refuses a host, a method or an address that is not ours before anything else looks at the request."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            request.get_host()
        except DisallowedHost:
            return _refuse(request, 400, "Unknown host.")
        if request.method not in METHODS:
            return _refuse(request, 405, "There is no such method here.")
        if "\x00" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            return _refuse(request, 400, "An address cannot hold a NUL character.")
        if TOKEN.search(request.META.get("QUERY_STRING", "")):
            return _refuse(request, 401, "A token in an address ends up in logs. Send it as Authorization: Bearer …")
        return self.get_response(request)


def _refuse(request: HttpRequest, status: int, text: str) -> HttpResponse:
    if request.path_info.startswith("/api/"):
        return JsonResponse({"code": "bad_request", "detail": text}, status=status)
    return HttpResponse(f"{text}\n", status=status, content_type="text/plain; charset=utf-8")


class LargeBodiesMiddleware:
    """Leaves threads for everybody else while many send something large: whoever comes late is told to come again.

    A body is read by the thread that answers, so as many slow senders as there are threads would stop the pages.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response
        self.places = BoundedSemaphore(settings.LARGE_BODIES_AT_ONCE)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in SHORT or _stated_length(request) < settings.LARGE_BODY_BYTES:
            return self.get_response(request)
        if not self.places.acquire(blocking=False):
            text = "Many files are arriving at this moment, so this one was not taken. Send it again in some seconds."
            again = random.randint(1, 5)  # noqa: S311  so that they do not all come again in the same second
            return show_problem(request, TooMany(text, retry_after=again, code="busy"))
        try:
            return self.get_response(request)
        finally:
            self.places.release()


def _stated_length(request: HttpRequest) -> int:
    """Bytes of the body; one that does not say may be as large as any."""
    said = request.META.get("CONTENT_LENGTH", "")
    if request.META.get("HTTP_EXPECT"):  # it comes only when the thread asks for it
        return settings.LARGE_BODY_BYTES
    if said.isdecimal():
        return int(said)
    return settings.LARGE_BODY_BYTES if request.META.get("HTTP_TRANSFER_ENCODING") else 0


class ProblemMiddleware:
    """Turns a Problem that left a page into a page that says it."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Called by Django for an exception of a view."""
        if trouble := trouble_of(error):
            return broken(request, trouble)
        return show_problem(request, error) if isinstance(error, Problem) else None


class PrivateCacheMiddleware:
    """Answers to signed-in people are theirs alone, and fragments are not pages."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not response.has_header("Cache-Control"):
            patch_cache_control(response, private=True, no_store=True)
        patch_vary_headers(response, ["Cookie", "Authorization", "HX-Request"])
        return response
