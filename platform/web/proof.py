"""Asking again who sits there, before something that binds: one check, which every signing page runs through."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from accounts.models import User
from accounts.second_step import begin_passkey_check, check_code, check_passkey, ways_of
from accounts.services import check_password
from problems.problem import Invalid, Problem
from web.pages import SIGNED_IN, Page, with_headers
from web.sessions import caller, is_fresh, made_fresh

OWN = ("proof-password", "proof-code", "proof-passkey", "proof-given")


def ask_again(request: HttpRequest) -> HttpResponse | None:
    """None where the session is fresh or the proof in the form is right; else the page that asks for it.

    That page sends the same form to the same address with the proof beside it, so nothing that was typed is lost.
    """
    if is_fresh(request):
        return None
    assert isinstance(request.user, User)
    problem = None
    if "proof-given" in request.POST:
        try:
            _prove(request, request.user)
        except Problem as refused:
            problem = refused
        else:
            made_fresh(request)
            return None
    kept = [(name, value) for name, values in request.POST.lists() for value in values if name not in OWN]
    context = {
        "kept": [(name, value) for name, value in kept if name != "csrfmiddlewaretoken"],
        "ways": ways_of(request.user),
        "has_password": request.user.has_usable_password(),
        "problem": problem,
        "address": request.get_full_path(),
    }
    response = render(request, "web/proof.html", context, status=problem.status if problem else 401)
    return with_headers(response, problem) if problem else response


def _prove(request: HttpRequest, user: User) -> None:
    passkey, code = request.POST.get("proof-passkey", ""), request.POST.get("proof-code", "")
    if passkey:
        check_passkey(user, parsed(passkey))
    elif code:
        check_code(user, code)
    else:
        check_password(user, request.POST.get("proof-password", "")[:1000], address=caller(request))


def parsed(text: str) -> Any:
    """What a browser says about a passkey."""
    try:
        return json.loads(text[:20_000])
    except ValueError:
        raise Invalid("The passkey's answer cannot be read.") from None


class ProofOptions(Page):
    """What the browser needs to show a passkey again."""

    action = SIGNED_IN
    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        """The challenge; it is kept in the session."""
        assert isinstance(request.user, User)
        return JsonResponse(plain(begin_passkey_check(request.user)))


def plain(options: Any) -> Any:
    """The library's options as JSON."""
    return json.loads(json.dumps(options, default=dict))
