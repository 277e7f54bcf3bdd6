"""Getting in and out: the one-time set-up, sign-in and sign-out."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.queries import needs_setup, open_setup_link
from accounts.services import check_sign_in, set_up
from problems.problem import Missing
from web.forms import SetUpForm, SignInForm
from web.pages import PUBLIC, FormPage, Page
from web.sessions import caller, close_session, let_in, open_session


def safe_next(request: HttpRequest, address: str) -> str:
    """The address to go to after sign-in: a path of this host, else home."""
    own = url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure())
    return address if own and address.startswith("/") else reverse("home")


class SetUp(FormPage):
    """The first administrator, made once through a one-time link."""

    action = PUBLIC
    template = "web/set_up.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if open_setup_link(kwargs["secret"]) is None:
            raise Missing("There is no such page, or it belongs to a project that you are not in.")
        return super().dispatch(request, *args, **kwargs)

    def make_form(self, data: Any = None, files: Any = None) -> SetUpForm:
        return SetUpForm(data)

    def act(self, form: SetUpForm) -> str:
        user = set_up(self.kwargs["secret"], **form.cleaned_data)
        open_session(self.request, user, "set-up")
        return reverse("home")


class SignIn(FormPage):
    """Name and password; afterwards back to where one wanted to go."""

    action = PUBLIC
    template = "web/sign_in.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The form, or straight on for people who are signed in already."""
        if request.user.is_authenticated:
            return redirect(safe_next(request, request.GET.get("next", "")))
        return super().get(request, *args, **kwargs)

    def make_form(self, data: Any = None, files: Any = None) -> SignInForm:
        return SignInForm(data, initial={"next": self.request.GET.get("next", "")[:2000]})

    def act(self, form: SignInForm) -> str:
        given = form.cleaned_data
        user = check_sign_in(given["email"], given["password"], address=caller(self.request))
        return let_in(self.request, user, "password", safe_next(self.request, given["next"]))

    def context(self, form: Any) -> dict[str, Any]:
        return {"needs_setup": needs_setup(), "sso": settings.SSO.values(), "mail_is_on": settings.MAIL_READY}


class SignOut(Page):
    """Ends the session on the server too."""

    action = PUBLIC
    while_looking = True

    def post(self, request: HttpRequest) -> HttpResponse:
        """Only by a form with its token: a link could sign people out from elsewhere."""
        close_session(request)
        return redirect("sign-in")
