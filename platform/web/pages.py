"""The bases of every page: a declared action, one frame, forms that say what is wrong."""

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views import View

from accounts.queries import admins
from problems.problem import Denied, Missing, Problem
from web.looking import refuse_writes
from web.sessions import lacks_second_step

PUBLIC, SIGNED_IN, ADMIN = "public", "signed_in", "admin"


def declared(action: "str | Mapping[str, str] | None", method: str) -> str:
    """The action of one method; a view that declares none refuses everything."""
    if isinstance(action, Mapping):
        first = next(iter(action.values()), None)
        action = action.get("GET", first) if method in ("HEAD", "OPTIONS") else action.get(method)
    if not action:
        raise Missing("There is nothing here.")
    return action


class AdminsOnly(Denied):
    """A no with a way to ask the administrators: `asking` is what the button of the page sends."""

    asking: dict[str, str]


def only_admins(address: str = "") -> AdminsOnly:
    """A no that says who could, and where to ask them."""
    names = [person.name for person in admins()[:5]]
    text = f"Only an administrator of this instance may see this. Ask {' or '.join(names)}."
    people = [{"name": name} for name in names]
    refused = AdminsOnly(text, action=ADMIN, roles=["administrator"], people=people, ask=reverse("api-admin-asks"))
    refused.asking = {"url": reverse("ask-administrators"), "action": ADMIN, "address": address[:300]}
    return refused


class Page(View):
    """A page. `action` is public, signed_in, admin, or an action of a project's table."""

    action: ClassVar[str | Mapping[str, str] | None] = None
    while_looking: ClassVar[bool] = False  # whether it may be sent while one looks as another role
    without_second_step: ClassVar[bool] = False  # whether it is open to those who still have to set theirs up
    template: str = ""
    request: HttpRequest

    def declared(self, method: str) -> str:
        """The action that this method needs."""
        return declared(self.action, method)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        action = self.declared(request.method or "GET")
        if action != PUBLIC and not request.user.is_authenticated:
            return self.ask_to_sign_in(request)
        if action != PUBLIC and not self.without_second_step and lacks_second_step(request):
            return self.ask_for_second_step(request)
        if action == ADMIN and not getattr(request.user, "is_admin", False):
            raise only_admins(request.get_full_path())
        if not self.while_looking:
            refuse_writes(request)
        if any("\x00" in value for values in request.POST.lists() for value in values[1]):
            raise Problem("A field holds a NUL character. Nothing was changed.")
        return super().dispatch(request, *args, **kwargs)

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Say it without a line in the log for each passer-by."""
        return HttpResponseNotAllowed([verb.upper() for verb in self.http_method_names if hasattr(self, verb)])

    def ask_to_sign_in(self, request: HttpRequest) -> HttpResponseBase:
        """Send a stranger to the sign-in page and back; a fragment's request moves the whole page."""
        back = request.get_full_path() if request.method in ("GET", "HEAD") else "/"
        address = f"{reverse('sign-in')}?{urlencode({'next': back})}"
        if getattr(request, "htmx", False):
            return HttpResponse(status=401, headers={"HX-Redirect": address})
        return HttpResponseRedirect(address)

    def ask_for_second_step(self, request: HttpRequest) -> HttpResponseBase:
        """This instance wants one, and the person has none yet."""
        if getattr(request, "htmx", False):
            return HttpResponse(status=401, headers={"HX-Redirect": reverse("second-step")})
        return HttpResponseRedirect(reverse("second-step"))

    def frame(self) -> dict[str, Any]:
        """Context that every page of this base shares."""
        return {}

    def show(self, template: str = "", status: int = 200, **context: Any) -> HttpResponse:
        """Render the page's template, or another, in its frame."""
        return render(self.request, template or self.template, self.frame() | context, status=status)


class FormPage(Page):
    """A page around one form: shows it, checks it, calls `act`, and puts a refusal beside its field."""

    def make_form(self, data: Any = None, files: Any = None) -> BaseForm:
        """The form, bound when there is data."""
        raise Missing("There is no form here.")

    def act(self, form: Any) -> str:
        """Carry out the form through a service; returns the address to go to."""
        raise Missing("There is no form here.")

    def context(self, form: BaseForm) -> dict[str, Any]:
        """What else the template shows."""
        return {}

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the empty form."""
        form = self.make_form()
        return self.show(form=form, **self.context(form))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Carry it out, or show it again with what is wrong; nothing that was typed is lost."""
        form = self.make_form(request.POST, request.FILES)
        if form.is_valid():
            try:
                return redirect(self.act(form))
            except Problem as problem:
                if problem.status in (403, 404):
                    raise
                put_on_form(form, problem)
                response = self.show(form=form, status=problem.status, **self.context(form))
                return with_headers(response, problem)
        return self.show(form=form, status=422, **self.context(form))


def with_headers(response: HttpResponse, problem: Problem) -> HttpResponse:
    """The answer with what the problem says in headers, such as how long to wait."""
    for name, value in problem.headers.items():
        response[name] = value
    return response


def put_on_form(form: BaseForm, problem: Problem) -> None:
    """A service's refusal as errors of the form: beside the field it names, else on top."""
    named = {field: text for field, text in problem.fields.items() if field in form.fields}
    for field, text in named.items():
        form.add_error(field, text)
    if not named:
        form.add_error(None, problem.text)
