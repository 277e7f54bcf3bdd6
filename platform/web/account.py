"""A person's own page: appearance, password, API tokens."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.models import User
from accounts.queries import own_token, tokens_of
from accounts.second_step import has_second_step
from accounts.services import ask_admins, change_password, make_token, revoke_token, set_theme
from accounts.sessions import end_session, own_session, sessions_of
from problems.problem import Problem
from web.forms import PasswordForm, ThemeForm, TokenForm
from web.pages import SIGNED_IN, Page, put_on_form, with_headers
from web.sessions import keep_only_this

SHOWN = 20


class Account(Page):
    """Everything about the account on one page; its forms post to the pages below."""

    action = SIGNED_IN
    template = "web/account.html"
    form_name = ""

    @property
    def person(self) -> User:
        """Who is signed in."""
        assert isinstance(self.request.user, User)
        return self.request.user

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show it."""
        return self.show_account()

    def show_account(self, status: int = 200, **context: Any) -> HttpResponse:
        """The page with its three forms; a form in `context` takes the place of the empty one."""
        forms = {
            "theme_form": ThemeForm(initial={"theme": self.person.theme}, prefix="look"),
            "password_form": PasswordForm(prefix="password"),
            "token_form": TokenForm(prefix="token"),
        }
        return self.show(
            status=status,
            tokens=tokens_of(self.person),
            sessions=sessions_of(self.person)[:SHOWN],
            this_session=self.request.session.session_key,
            has_second_step=has_second_step(self.person),
            **forms | context,
        )


class AccountForm(Account):
    """One of the forms of the account page."""

    http_method_names = ["post", "options"]
    form_class: type[Form]
    prefix: str

    def post(self, request: HttpRequest) -> HttpResponse:
        """Carry it out, or show the page again with what is wrong."""
        form = self.form_class(request.POST, prefix=self.prefix)
        if form.is_valid():
            try:
                return self.carry_out(form.cleaned_data)
            except Problem as problem:
                put_on_form(form, problem)
                return with_headers(self.show_account(problem.status, **{self.form_name: form}), problem)
        return self.show_account(422, **{self.form_name: form})

    def carry_out(self, given: dict[str, Any]) -> HttpResponse:
        """What this form does."""
        raise NotImplementedError

    def back(self, text: str) -> HttpResponse:
        """To the account page, with a word on what happened."""
        messages.success(self.request, text)
        return redirect("account")


class ChangeTheme(AccountForm):
    """How pages look."""

    form_class, prefix, form_name = ThemeForm, "look", "theme_form"

    def carry_out(self, given: dict[str, Any]) -> HttpResponse:
        set_theme(self.person, given["theme"], by=self.person)
        return self.back("Saved.")


class ChangePassword(AccountForm):
    """Another password; this session goes on, all others end."""

    form_class, prefix, form_name = PasswordForm, "password", "password_form"

    def carry_out(self, given: dict[str, Any]) -> HttpResponse:
        change_password(self.person, old=given["old"], new=given["new"], by=self.person)
        keep_only_this(self.request, self.person)
        return self.back("Your password is changed. All other sessions have ended.")


class CreateToken(AccountForm):
    """A new token. Its secret is on the answer to this request and nowhere else."""

    form_class, prefix, form_name = TokenForm, "token", "token_form"

    def carry_out(self, given: dict[str, Any]) -> HttpResponse:
        token, secret = make_token(self.person, **given, by=self.person)
        return self.show_account(status=201, new_token=token, new_secret=secret)


class RevokeToken(Account):
    """End one of one's own tokens."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Revoke it."""
        token = own_token(self.person, pk)
        revoke_token(token, by=self.person)
        messages.success(request, f"Token “{token.name}” is revoked.")
        return redirect("account")


class EndSession(Account):
    """End one of one's own sessions."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Sign that browser out."""
        end_session(own_session(self.person, pk), by=self.person)
        messages.success(request, "That browser is signed out.")
        return redirect("account")


class AskAdministrators(Page):
    """The button of a refusal that only administrators could lift."""

    action = SIGNED_IN
    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        """Ask, and say whom."""
        assert isinstance(request.user, User)
        asked = ask_admins(request.POST.get("address", ""), by=request.user)
        messages.success(request, f"Asked: {', '.join(person.name for person in asked[:5])}.")
        return redirect("home")
