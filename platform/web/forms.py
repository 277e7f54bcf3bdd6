"""The forms of the web room: set-up, sign-in, and a person's own account."""

from django import forms

from accounts.models import Theme
from accounts.scopes import READ, SCOPES, WRITE
from accounts.services import MAX_TOKEN_DAYS

MAX_PASSWORD = 1000


def _text(**attributes: str) -> forms.TextInput:
    return forms.TextInput(attrs={"class": "input"} | attributes)


def _email(**attributes: str) -> forms.EmailInput:
    return forms.EmailInput(attrs={"class": "input", "autocomplete": "username", "inputmode": "email"} | attributes)


def _password(autocomplete: str) -> forms.PasswordInput:
    return forms.PasswordInput(attrs={"class": "input", "autocomplete": autocomplete})


def _new_password(label: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=MAX_PASSWORD,
        strip=False,
        widget=_password("new-password"),
        help_text="At least 10 characters, and not one of the well-known ones. A sentence is easy to remember.",
    )


class SetUpForm(forms.Form):
    """The first administrator."""

    name = forms.CharField(label="Your name", max_length=120, widget=_text(autocomplete="name"))
    email = forms.EmailField(label="E-mail address", widget=_email(), help_text="You sign in with it.")
    password = _new_password("Password")


class SignInForm(forms.Form):
    """Name and password."""

    email = forms.CharField(label="E-mail address", max_length=254, widget=_email())
    password = forms.CharField(
        label="Password", max_length=MAX_PASSWORD, strip=False, widget=_password("current-password")
    )
    next = forms.CharField(required=False, widget=forms.HiddenInput)


class CodeForm(forms.Form):
    """A code of the second step, or what a passkey says."""

    code = forms.CharField(
        label="Code",
        max_length=40,
        required=False,
        widget=_text(autocomplete="one-time-code", inputmode="numeric", autofocus="autofocus"),
        help_text="Six digits of your app, or one of your recovery codes.",
    )
    passkey = forms.CharField(required=False, widget=forms.HiddenInput)


class ForgottenForm(forms.Form):
    """Whose password is forgotten."""

    email = forms.CharField(label="E-mail address", max_length=254, widget=_email())


class NewPasswordForm(forms.Form):
    """Another password."""

    new = _new_password("New password")


class ThemeForm(forms.Form):
    """How pages look."""

    theme = forms.ChoiceField(label="Theme", choices=Theme.choices, widget=forms.Select(attrs={"class": "input"}))


class PasswordForm(forms.Form):
    """The old password and a new one."""

    old = forms.CharField(
        label="Password now", max_length=MAX_PASSWORD, strip=False, widget=_password("current-password")
    )
    new = _new_password("New password")


class TokenForm(forms.Form):
    """What a new API token may do, and for how long."""

    name = forms.CharField(
        label="What it is for", max_length=80, widget=_text(), help_text="For example: notebook, nightly load."
    )
    days = forms.IntegerField(
        label="Days until it expires",
        min_value=1,
        max_value=MAX_TOKEN_DAYS,
        initial=90,
        widget=forms.NumberInput(attrs={"class": "input"}),
    )
    project_key = forms.SlugField(
        label="Only for one project",
        max_length=60,
        required=False,
        widget=_text(placeholder="churn"),
        help_text="The project's word in the address, as in /p/churn/. Empty: all your projects.",
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do",
        choices=[(scope, words) for scope, words in SCOPES.items() if scope != READ],
        required=False,
        initial=[WRITE],
        widget=forms.CheckboxSelectMultiple,
        help_text="It can always read, never more than you can yourself, and it never signs.",
    )
