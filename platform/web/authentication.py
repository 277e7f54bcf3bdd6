"""Who is calling an endpoint, and whether the endpoint declared what that needs."""

from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.authentication import SessionAuthentication as DjangoSessionAuthentication
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts.limits import BAD_TOKENS, count
from accounts.models import ApiToken, User
from accounts.queries import token_for
from accounts.scopes import MANAGE, WRITE
from web.looking import refuse_writes
from web.pages import ADMIN, PUBLIC, SIGNED_IN, declared, only_admins
from web.sessions import caller, lacks_second_step


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer baton_…`. A token in the query string is never looked at."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        header = request.headers.get("Authorization", "")
        scheme, _, secret = header.partition(" ")
        if scheme.lower() != "bearer":
            return None
        token = token_for(secret.strip())
        if token is None:
            count(BAD_TOKENS, caller(request._request))
            raise exceptions.AuthenticationFailed("This token is unknown, expired or revoked.")
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class SessionAuthentication(DjangoSessionAuthentication):
    """A signed-in browser, with its CSRF token; answers 401 to strangers."""

    def enforce_csrf(self, request: Request) -> None:
        """Look for the token before the body is parsed: a request from another site is not worth reading."""
        super().enforce_csrf(request._request)  # type: ignore[arg-type]

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class DeclaredAction(BasePermission):
    """Refuses every endpoint that does not declare its action; read-only tokens may not write."""

    def has_permission(self, request: Request, view: object) -> bool:
        action = declared(getattr(view, "action", None), request.method or "GET")
        if action == PUBLIC:
            return True
        if not request.user.is_authenticated:
            return False
        if isinstance(request.auth, ApiToken):
            _check_token(request.auth, action, request.method or "GET")
        else:
            refuse_writes(request._request)
            if lacks_second_step(request._request):
                raise exceptions.PermissionDenied("Set up your second step on your account page first.")
        if action == ADMIN and not getattr(request.user, "is_admin", False):
            raise only_admins()
        return True


def _check_token(token: ApiToken, action: str, method: str) -> None:
    """What holds for every endpoint; those of a project look at the action's own scope as well."""
    if method in SAFE_METHODS:
        return
    if token.read_only:
        raise exceptions.PermissionDenied("This token may only read.")
    needed = {SIGNED_IN: WRITE, ADMIN: MANAGE}.get(action)
    if needed and needed not in token.scopes:
        raise exceptions.PermissionDenied(f"This token lacks the scope “{needed}”.")
