"""The second step: giving it at sign-in, and setting it up on one's own page."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core import signing
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from accounts.models import User
from accounts.queries import person_for
from accounts.second_step import (
    add_passkey,
    add_totp,
    begin_passkey,
    begin_passkey_check,
    check_code,
    check_passkey,
    new_recovery_codes,
    new_totp_secret,
    remove_way,
    required_of,
    totp_picture,
    ways_of,
)
from problems.problem import NotSignedIn, Problem
from web.forms import CodeForm
from web.pages import PUBLIC, SIGNED_IN, FormPage, Page, put_on_form, with_headers
from web.proof import ask_again, parsed, plain
from web.sessions import SECOND, half, open_session

SALT, SECRET_SECONDS = "baton.totp", 3600


class HalfWay(Page):
    """For those who gave the right password; everybody else begins at the beginning."""

    action = PUBLIC
    person: User
    mark: dict[str, Any]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        mark = half(request)
        if mark is None:
            return redirect("sign-in")
        self.mark, self.person = mark, person_for(UUID(mark["user"]))
        return super().dispatch(request, *args, **kwargs)


class SignInCode(HalfWay, FormPage):
    """A code of the app, a recovery code or a passkey."""

    template = "web/sign_in_code.html"

    def make_form(self, data: Any = None, files: Any = None) -> CodeForm:
        return CodeForm(data)

    def act(self, form: CodeForm) -> str:
        if form.cleaned_data["passkey"]:
            check_passkey(self.person, parsed(form.cleaned_data["passkey"]))
        else:
            check_code(self.person, form.cleaned_data["code"])
        if not self.person.is_active:
            raise NotSignedIn("This account is closed.")
        open_session(self.request, self.person, f"{self.mark['way']} and second step", second=True)
        return str(self.mark["then"])

    def context(self, form: Any) -> dict[str, Any]:
        return {"ways": ways_of(self.person)}


class SignInPasskey(HalfWay):
    """What the browser needs to show a passkey."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        """The challenge."""
        return JsonResponse(plain(begin_passkey_check(self.person)))


class SecondStep(Page):
    """What is set up, and setting up more."""

    action = SIGNED_IN
    without_second_step = True
    template = "web/second_step.html"

    @property
    def person(self) -> User:
        """Who is signed in."""
        assert isinstance(self.request.user, User)
        return self.request.user

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show it."""
        return self.page()

    def page(self, status: int = 200, **context: Any) -> HttpResponse:
        """The page with a fresh secret for an app, signed into the form and kept nowhere until it is proved."""
        ways = ways_of(self.person)
        if not ways.totp and "secret" not in context:
            context["secret"] = new_totp_secret()
        if secret := context.get("secret"):
            context["picture"] = totp_picture(self.person, secret)
            context["signed"] = signing.dumps([str(self.person.pk), secret], salt=SALT)
        context.setdefault("form", CodeForm())
        return self.show(status=status, ways=ways, required=required_of(self.person), **context)

    def done(self, codes: list[str], text: str) -> HttpResponse:
        """Back to the page; with recovery codes they are on this answer and nowhere else."""
        self.request.session[SECOND] = ways_of(self.person).any
        if codes:
            return self.page(status=201, codes=codes)
        messages.success(self.request, text)
        return redirect("second-step")


class SecondStepAct(SecondStep):
    """A change to it: asked again who it is when the session is not fresh."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Do it."""
        if asked := ask_again(request):
            return asked
        try:
            return self.act(**kwargs)
        except Problem as problem:
            if problem.status in (403, 404):
                raise
            return self.refused(problem)

    def act(self, **kwargs: Any) -> HttpResponse:
        """What this one does."""
        raise NotImplementedError

    def refused(self, problem: Problem, **context: Any) -> HttpResponse:
        """The page again with what is wrong."""
        form = CodeForm({"code": self.request.POST.get("code", "")})
        form.is_valid()
        put_on_form(form, problem)
        return with_headers(self.page(problem.status, form=form, **context), problem)


class AddApp(SecondStepAct):
    """Codes of an app."""

    def act(self, **kwargs: Any) -> HttpResponse:
        secret = self._secret()
        try:
            codes = add_totp(self.person, secret=secret, code=self.request.POST.get("code", ""))
        except Problem as problem:
            return self.refused(problem, **({"secret": secret} if problem.status == 422 else {}))
        return self.done(codes, "Codes of your app are asked for from now on.")

    def _secret(self) -> str:
        try:
            owner, secret = signing.loads(self.request.POST.get("secret", ""), salt=SALT, max_age=SECRET_SECONDS)
        except (signing.BadSignature, ValueError):
            raise Problem("This form has expired. Scan the new picture.") from None
        if owner != str(self.person.pk):
            raise Problem("This form belongs to somebody else.")
        return str(secret)


class PasskeyOptions(SecondStepAct):
    """What the browser needs to make a passkey."""

    def act(self, **kwargs: Any) -> HttpResponse:
        return JsonResponse(plain(begin_passkey(self.person)))


class AddPasskey(SecondStepAct):
    """A passkey."""

    def act(self, **kwargs: Any) -> HttpResponse:
        answer = parsed(self.request.POST.get("passkey", ""))
        codes = add_passkey(self.person, name=self.request.POST.get("name", ""), answer=answer)
        return self.done(codes, "The passkey is taken.")


class RemoveWay(SecondStepAct):
    """Take a way off."""

    def act(self, **kwargs: Any) -> HttpResponse:
        remove_way(self.person, kwargs["pk"])
        return self.done([], "It is removed.")


class NewCodes(SecondStepAct):
    """Other recovery codes."""

    def act(self, **kwargs: Any) -> HttpResponse:
        return self.done(new_recovery_codes(self.person), "")
