"""Single sign-on by OpenID Connect: over to the provider, and back with what it says."""

import logging
from typing import Any

from authlib.integrations.base_client import OAuthError
from authlib.integrations.django_client import OAuth
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from joserfc.errors import JoseError
from requests import RequestException

from accounts.identities import person_behind
from problems.problem import Missing, NotSignedIn, Unavailable
from web.pages import PUBLIC, Page
from web.sessions import let_in
from web.sign_in import safe_next

log = logging.getLogger(__name__)
# Signatures by a key that only the provider has. `none` and those by our own secret are never taken.
SIGNATURES = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
SECONDS = 10
NEXT = "sso_next"


class Provider(Page):
    """A page about one provider of the settings."""

    action = PUBLIC
    http_method_names = ["get", "options"]

    def provider(self, name: str) -> Any:
        """Its settings."""
        if name not in settings.SSO:
            raise Missing("There is no such way to sign in.")
        return settings.SSO[name]

    def client(self, provider: Any) -> Any:
        """The library's client. State, nonce and PKCE go along with every sign-in and are checked on the way back."""
        client = OAuth().register(
            provider.name,
            client_id=provider.client_id,
            client_secret=provider.client_secret,
            server_metadata_url=f"{provider.issuer}/.well-known/openid-configuration",
            client_kwargs={
                "scope": "openid email profile",
                "code_challenge_method": "S256",
                "default_timeout": SECONDS,
            },
        )
        try:
            metadata = client.load_server_metadata()
        except (RequestException, ValueError) as error:
            log.warning("The provider %s does not answer: %s", provider.name, type(error).__name__)
            raise Unavailable(f"{provider.name} does not answer now. Try again, or sign in with a password.") from None
        said = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
        metadata["id_token_signing_alg_values_supported"] = [name for name in said if name in SIGNATURES]
        return client


class SsoBegin(Provider):
    """Over to the provider."""

    def get(self, request: HttpRequest, provider: str) -> HttpResponse:
        """Note where the person wanted to go, and send the browser there."""
        client = self.client(self.provider(provider))
        request.session[NEXT] = safe_next(request, request.GET.get("next", ""))
        answer: HttpResponse = client.authorize_redirect(request, back_address(provider))
        return answer


def back_address(provider: str) -> str:
    """Where the provider sends people back to; it is registered there."""
    return f"{settings.BASE_URL}{reverse('sso-back', args=[provider])}"


class SsoBack(Provider):
    """Back from the provider."""

    def get(self, request: HttpRequest, provider: str) -> HttpResponse:
        """Check everything that it says, and let the person in."""
        chosen = self.provider(provider)
        claims = self._claims(request, chosen)
        admin = None
        if chosen.admin_claim:
            groups = claims.get(chosen.admin_claim) or []
            admin = chosen.admin_value in ([groups] if isinstance(groups, str) else groups)
        user = person_behind(
            claims, issuer=chosen.issuer, provider=provider, trusts_email=chosen.trusts_email, admin=admin
        )
        then = request.session.pop(NEXT, "") or reverse("home")
        return redirect(let_in(request, user, f"single sign-on by {provider}", then))

    def _claims(self, request: HttpRequest, chosen: Any) -> dict[str, Any]:
        try:
            client = self.client(chosen)
            options = {"iss": {"essential": True, "value": chosen.issuer}, "aud": {"essential": True}}
            token = client.authorize_access_token(request, claims_options=options)
            claims = token["userinfo"]
            audience = claims["aud"]
            if chosen.client_id not in ([audience] if isinstance(audience, str) else audience):
                raise ValueError("another audience")
            return dict(claims)
        except (OAuthError, JoseError, RequestException, ValueError, KeyError, TypeError) as error:
            log.warning("Single sign-on by %s failed: %s", chosen.name, type(error).__name__)
            text = f"{chosen.name} did not vouch for you, or this sign-in was used already. Begin again."
            raise NotSignedIn(text, code="sso_failed") from None
