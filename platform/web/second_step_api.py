"""The second step over REST: what is set up, and setting up an app, with the password given anew."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken, User
from accounts.second_step import add_totp, new_totp_secret, required_of, totp_address, ways_of
from accounts.services import check_password
from problems.problem import Denied
from web.account_api import person_of
from web.api import Endpoint
from web.forms import MAX_PASSWORD
from web.pages import SIGNED_IN
from web.sessions import caller

BASE32 = r"^[A-Z2-7]{32}$"


class WaysAnswer(serializers.Serializer[Any]):
    app = serializers.BooleanField()
    passkeys = serializers.IntegerField()
    recovery_codes_left = serializers.IntegerField()
    required = serializers.BooleanField(help_text="Whether this instance wants a second step of me.")  # type: ignore[assignment]


class AppSecretAnswer(serializers.Serializer[Any]):
    secret = serializers.CharField(help_text="For the app. Send it back with a code; until then nothing is changed.")
    address = serializers.CharField(help_text="The same as an address (otpauth://) that apps take as a picture.")


class AppBody(serializers.Serializer[Any]):
    password = serializers.CharField(max_length=MAX_PASSWORD, trim_whitespace=False)
    secret = serializers.RegexField(BASE32, help_text="As it was given out.")
    code = serializers.CharField(max_length=40)


class RecoveryCodesAnswer(serializers.Serializer[Any]):
    recovery_codes = serializers.ListField(child=serializers.CharField(), help_text="They are shown once.")


def whole_person(request: Request) -> User:
    """Who is calling; a token that is bound to one project changes nothing of the account."""
    if isinstance(request.auth, ApiToken) and request.auth.project_key:
        raise Denied("A token of one project changes no second step.")
    return person_of(request)


class SecondStepEndpoint(Endpoint):
    """My second step."""

    action = SIGNED_IN

    @extend_schema(responses={200: WaysAnswer})
    def get(self, request: Request) -> Response:
        """What is set up."""
        person = person_of(request)
        ways = ways_of(person)
        shown = {"app": ways.totp is not None, "passkeys": len(ways.passkeys), "recovery_codes_left": ways.codes_left}
        return Response(shown | {"required": required_of(person)})


class AppSecret(Endpoint):
    """A secret for an app."""

    action = SIGNED_IN

    @extend_schema(request=None, responses={200: AppSecretAnswer})
    def post(self, request: Request) -> Response:
        """A fresh one each time; it is kept nowhere."""
        secret = new_totp_secret()
        return Response({"secret": secret, "address": totp_address(whole_person(request), secret)})


class App(Endpoint):
    """The app that codes come from."""

    action = SIGNED_IN

    @extend_schema(request=AppBody, responses={201: RecoveryCodesAnswer})
    def post(self, request: Request) -> Response:
        """Ask for codes of this app from now on. The answer has recovery codes if there were none."""
        person = whole_person(request)
        body = AppBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        check_password(person, given.pop("password"), address=caller(request._request))
        return Response({"recovery_codes": add_totp(person, **given)}, status=201)
