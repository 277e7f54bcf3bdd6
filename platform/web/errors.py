"""Error pages: what happened, that nothing was lost, what to do next."""

import errno
import logging
import secrets
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from problems.problem import Denied, Missing, NoRoom, Problem, Unavailable

log = logging.getLogger(__name__)
FULL = (errno.ENOSPC, errno.EDQUOT)
TITLES = {
    400: "That request cannot be understood",
    401: "Sign in first",
    403: "This needs a role that you do not hold",
    404: "Nothing is here for you",
    405: "That cannot be done here",
    409: "Not now",
    410: "This was used or has expired",
    413: "Too large",
    422: "Something in it is wrong",
    429: "Too many requests",
    503: "Not available right now",
    507: "No room is left",
}


def for_program(request: HttpRequest) -> bool:
    """Whether the caller wants JSON: everything under /api/ does."""
    return request.path_info.startswith("/api/")


def show_problem(request: HttpRequest, problem: Problem, title: str = "") -> HttpResponse:
    """JSON for programs; else a page, or for htmx a fragment, that says the problem."""
    if for_program(request):
        return JsonResponse(problem.as_dict(), status=problem.status, headers=problem.headers)
    context = {
        "title": title or TITLES.get(problem.status, "That did not work"),
        "text": problem.text,
        "problem": problem,
    }
    template = "parts/problem.html" if getattr(request, "htmx", False) else "problem.html"
    response = render(request, template, context, status=problem.status)
    for name, value in problem.headers.items():
        response[name] = value
    return response


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's 400."""
    return show_problem(request, Problem("The request was not understood. Nothing was changed."))


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's 403."""
    return show_problem(request, Denied("You may not do this. Nothing was changed."))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's 404, the same for what does not exist and for what is not yours."""
    if for_program(request):
        return show_problem(request, Missing("There is nothing here for you."))
    return show_problem(request, Missing("There is no such page, or it belongs to a project that you are not in."))


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's 500. The number is in the log beside the traceback, and on the page."""
    number = secrets.token_hex(4)
    log.error("Error %s at %s %s", number, request.method, request.path)
    problem = Problem(
        "Something went wrong on our side. What you sent may not have been saved; look before you try again.",
        code="error",
        number=number,
    )
    problem.status = 500
    return broken(request, problem)


def trouble_of(error: Exception) -> Problem | None:
    """What is no error of the program but of what it stands on: a database that is away or too busy, a full disk."""
    if isinstance(error, OperationalError | InterfaceError):
        log.error("The database does not answer: %s", type(error).__name__)
        text = "The database does not answer. Nothing was saved. Try again in some seconds."
        return Unavailable(text, code="database")
    if isinstance(error, OSError) and error.errno in FULL:
        log.error("The disk is full: %s", error.strerror)
        return NoRoom("The disk is full, so this was not kept. Ask the administrator for room, then send it again.")
    return None


def broken(request: HttpRequest, problem: Problem) -> HttpResponse:
    """A page that needs neither database nor session, because one of them may be what broke."""
    if for_program(request):
        return JsonResponse(problem.as_dict(), status=problem.status, headers=problem.headers)
    try:
        page = render_to_string("web/broken.html", {"problem": problem})
    except Exception:
        log.exception("The error page cannot be shown.")
        text = f"{problem.text}\n"
        return HttpResponse(text, status=problem.status, content_type="text/plain", headers=problem.headers)
    return HttpResponse(page, status=problem.status, headers=problem.headers)


def csrf_failure(request: HttpRequest, reason: str = "", **_: Any) -> HttpResponse:
    """A form without its token, or from another site."""
    text = "This form has expired or came from another site. Go back, reload the page and send it again."
    return show_problem(request, Denied(text, code="csrf"), "This form cannot be taken")
