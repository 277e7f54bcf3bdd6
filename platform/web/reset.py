"""A forgotten password: asking for a link by e-mail, and choosing another password by it."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

from accounts.resets import ask_for_reset, person_by_reset
from accounts.services import reset_password
from problems.problem import Missing
from web.forms import ForgottenForm, NewPasswordForm
from web.pages import PUBLIC, FormPage
from web.sessions import caller, guarded_links


class Forgotten(FormPage):
    """Ask for the link; the answer is the same for every address."""

    action = PUBLIC
    template = "web/forgotten.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.MAIL_READY:
            raise Missing("This instance sends no mail. Ask an administrator to invite you again.")
        return super().dispatch(request, *args, **kwargs)

    def make_form(self, data: Any = None, files: Any = None) -> ForgottenForm:
        return ForgottenForm(data)

    def act(self, form: ForgottenForm) -> str:
        ask_for_reset(form.cleaned_data["email"], address=caller(self.request))
        messages.success(self.request, "If there is an account for this address, a link is on its way to it.")
        return reverse("sign-in")


class Reset(FormPage):
    """Choose another password."""

    action = PUBLIC
    template = "web/reset.html"

    def make_form(self, data: Any = None, files: Any = None) -> NewPasswordForm:
        return NewPasswordForm(data)

    def act(self, form: NewPasswordForm) -> str:
        with guarded_links(self.request):
            user = person_by_reset(self.kwargs["place"], self.kwargs["token"])
        reset_password(user, new=form.cleaned_data["new"])
        messages.success(self.request, "Your password is changed. Sign in with it.")
        return reverse("sign-in")

    def context(self, form: Any) -> dict[str, Any]:
        person_by_reset(self.kwargs["place"], self.kwargs["token"])
        return {}
