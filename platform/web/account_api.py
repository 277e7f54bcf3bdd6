"""The REST twins of set-up, sign-in and account: who I am, my tokens."""

from datetime import datetime
from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken, OpenSession, Theme, User
from accounts.queries import needs_setup, own_token, tokens_of
from accounts.scopes import SCOPES
from accounts.services import MAX_TOKEN_DAYS, ask_admins, check_sign_in, make_token, revoke_token, set_theme, set_up
from accounts.sessions import end_session, own_session, sessions_of
from problems.problem import Denied, Missing
from web.api import Endpoint
from web.forms import MAX_PASSWORD
from web.pages import PUBLIC, SIGNED_IN
from web.sessions import caller, guarded_links, prove_second_step


class SetUpBody(serializers.Serializer[Any]):
    secret = serializers.CharField(max_length=200)
    email = serializers.EmailField()
    name = serializers.CharField(max_length=120)
    password = serializers.CharField(max_length=MAX_PASSWORD, trim_whitespace=False)


class TokenBody(serializers.Serializer[Any]):
    email = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=MAX_PASSWORD, trim_whitespace=False)
    code = serializers.CharField(max_length=40, default="", allow_blank=True, help_text="Of the second step.")
    name = serializers.CharField(max_length=80, default="API")
    days = serializers.IntegerField(min_value=1, max_value=MAX_TOKEN_DAYS, default=90)
    read_only = serializers.BooleanField(default=False)  # type: ignore[assignment]  # a Field has this name too
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=list(SCOPES.items())), max_length=len(SCOPES), required=False
    )
    project_key = serializers.SlugField(max_length=60, default="", allow_blank=True)


class ThemeBody(serializers.Serializer[Any]):
    theme = serializers.ChoiceField(choices=Theme.choices)


class AdminAskBody(serializers.Serializer[Any]):
    address = serializers.CharField(max_length=300, required=False, default="/", help_text="The page that was refused.")


class PersonAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    email = serializers.EmailField()
    name = serializers.CharField()
    is_admin = serializers.BooleanField()
    theme = serializers.CharField()


class TokenAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    read_only = serializers.BooleanField()  # type: ignore[assignment]  # a Field has this name too
    scopes = serializers.ListField(child=serializers.CharField())
    project_key = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)


class SessionAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    way = serializers.CharField()
    address = serializers.CharField()
    browser = serializers.CharField()
    created_at = serializers.DateTimeField()


class NewTokenAnswer(TokenAnswer):
    token = serializers.CharField(help_text="The secret. This answer is the only place where it is shown.")


class SetUpAnswer(serializers.Serializer[Any]):
    user = PersonAnswer()
    token = serializers.CharField(help_text="A first API token. This answer is the only place where it is shown.")
    expires_at = serializers.DateTimeField()


def show_person(user: User) -> dict[str, Any]:
    """A person as they see themselves."""
    return {
        "id": str(user.pk),
        "email": user.email,
        "name": user.name,
        "is_admin": user.is_admin,
        "theme": user.theme,
    }


def show_token(token: ApiToken) -> dict[str, Any]:
    """A token without its secret."""
    return {
        "id": str(token.pk),
        "name": token.name,
        "read_only": token.read_only,
        "scopes": token.scopes,
        "project_key": token.project_key,
        "created_at": _moment(token.created_at),
        "expires_at": _moment(token.expires_at),
        "last_used_at": _moment(token.last_used_at),
    }


def show_session(session: OpenSession) -> dict[str, Any]:
    """A signed-in browser."""
    fields = ("way", "address", "browser")
    shown = {name: getattr(session, name) for name in fields}
    return {"id": str(session.pk), **shown, "created_at": _moment(session.created_at)}


def _moment(value: datetime | None) -> str | None:
    return value.isoformat() if value else None


def person_of(request: Request) -> User:
    """Who is calling; the declared action has made sure that it is somebody."""
    assert isinstance(request.user, User)
    return request.user


class SetUpCall(Endpoint):
    """The first administrator, made once through the one-time secret."""

    action = PUBLIC

    @extend_schema(request=SetUpBody, responses={201: SetUpAnswer})
    def post(self, request: Request) -> Response:
        """Make the first administrator and a first API token."""
        if not needs_setup():
            raise Missing("There is nothing here for you.")
        body = SetUpBody(data=request.data)
        body.is_valid(raise_exception=True)
        with guarded_links(request._request):
            user = set_up(**body.validated_data)
        token, secret = make_token(user, name="Set-up", by=user)
        answer = {"user": show_person(user), "token": secret, "expires_at": _moment(token.expires_at)}
        return Response(answer, status=201)


class Me(Endpoint):
    """Who I am."""

    action = SIGNED_IN

    @extend_schema(responses={200: PersonAnswer})
    def get(self, request: Request) -> Response:
        """The person behind this token or session."""
        return Response(show_person(person_of(request)))

    @extend_schema(request=ThemeBody, responses={200: PersonAnswer})
    def patch(self, request: Request) -> Response:
        """Change how pages look."""
        body = ThemeBody(data=request.data)
        body.is_valid(raise_exception=True)
        person = person_of(request)
        set_theme(person, body.validated_data["theme"], by=person)
        return Response(show_person(person))


class Sessions(Endpoint):
    """The browsers in which I am signed in."""

    action = SIGNED_IN

    @extend_schema(responses={200: SessionAnswer(many=True)})
    def get(self, request: Request) -> Response:
        """The newest first."""
        return self.page_of(sessions_of(person_of(request)), show_session)


class OneSession(Endpoint):
    """One of my sessions."""

    action = SIGNED_IN

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, pk: UUID) -> Response:
        """End it: that browser is signed out."""
        if isinstance(request.auth, ApiToken) and request.auth.project_key:
            raise Denied("A token of one project ends no session.")
        end_session(own_session(person_of(request), pk), by=person_of(request))
        return Response(status=204)


class Tokens(Endpoint):
    """My tokens; a new one for name and password."""

    action = {"GET": SIGNED_IN, "POST": PUBLIC}

    @extend_schema(responses={200: TokenAnswer(many=True)})
    def get(self, request: Request) -> Response:
        """The tokens that still work, without their secrets."""
        return self.page_of(tokens_of(person_of(request)), show_token)

    @extend_schema(request=TokenBody, responses={201: NewTokenAnswer})
    def post(self, request: Request) -> Response:
        """Make a token. Name and password are needed each time, also by people who are signed in."""
        body = TokenBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        code = given.pop("code")
        user = check_sign_in(given.pop("email"), given.pop("password"), address=caller(request._request))
        prove_second_step(user, code)
        token, secret = make_token(user, **given, by=user)
        return Response(show_token(token) | {"token": secret}, status=201)


class OneToken(Endpoint):
    """One of my tokens."""

    action = SIGNED_IN

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, pk: UUID) -> Response:
        """Revoke it."""
        token = own_token(person_of(request), pk)
        calling = request.auth
        if isinstance(calling, ApiToken) and calling.project_key and calling.pk != token.pk:
            raise Denied("A token of one project may revoke only itself.")
        revoke_token(token, by=person_of(request))
        return Response(status=204)


class AdminAsks(Endpoint):
    """Asking the administrators of this instance."""

    action = {"POST": SIGNED_IN}

    @extend_schema(request=AdminAskBody, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """A message to each of them; the answer names them."""
        body = AdminAskBody(data=request.data)
        body.is_valid(raise_exception=True)
        asked = ask_admins(body.validated_data["address"], by=person_of(request))
        return Response({"asked": [{"name": person.name} for person in asked]}, status=201)
