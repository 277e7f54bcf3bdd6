"""OIDC against a provider of its own: `oidc-provider-mock` in its own process, and one that lies."""

import base64
import json
import socket
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import requests
from django.conf import settings as live_settings
from django.test import Client
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from accounts.models import Identity, User
from config.sso import Provider, providers
from projects.permissions import Role
from projects.services.team import invite
from tests.conftest import PASSWORD, Cast, make_person

pytest.importorskip("oidc_provider_mock", reason="needs oidc-provider-mock, which requirements/dev.txt brings")
pytestmark = pytest.mark.django_db
PEOPLE = [
    {
        "sub": "ada",
        "email": "ada@corp.example",
        "email_verified": True,
        "name": "Ada Corp",
        "groups": ["staff", "chiefs"],
    },
    {"sub": "eve", "email": "admin@example.org", "email_verified": False, "name": "Eve"},
    {"sub": "bo", "email": "Viewer@Example.org", "email_verified": True, "name": "Bo", "groups": []},
    {"sub": "nameless", "name": "No address"},
]


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """The provider's address."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    claims = [word for person in PEOPLE for word in ("--user-claims", json.dumps(person))]
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port), *claims]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://localhost:{port}"
    try:
        for _ in range(300):
            try:
                requests.get(f"{address}/.well-known/openid-configuration", timeout=2).raise_for_status()
                break
            except requests.RequestException:
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture
def corp(issuer: str, settings: Any) -> Provider:
    provider = Provider("corp", issuer, "baton", "a secret", "Sign in with Corp")
    settings.SSO = {"corp": provider}
    return provider


def begin(client: Client, then: str = "/account/") -> str:
    """The address at the provider."""
    answer = client.get("/sign-in/with/corp/", {"next": then})
    assert answer.status_code == 302, answer.content
    return str(answer.headers["Location"])


def consent(address: str, sub: str) -> str:
    """The person agrees there; gives the path that they are sent back to."""
    answer = requests.post(address, data={"sub": sub}, allow_redirects=False, timeout=10)
    back = urllib.parse.urlsplit(answer.headers["Location"])
    assert f"{back.scheme}://{back.netloc}" == live_settings.BASE_URL
    return f"{back.path}?{back.query}"


def come_by(sub: str, client: Client | None = None) -> tuple[Client, Any]:
    client = client or Client()
    return client, client.get(consent(begin(client), sub))


def test_the_sign_in_page_offers_it(corp: Provider, client: Client) -> None:
    page = client.get("/sign-in/").content.decode()
    assert "Sign in with Corp" in page
    asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(begin(client)).query))
    assert {"state", "nonce", "code_challenge"} <= set(asked)
    assert asked["redirect_uri"] == f"{live_settings.BASE_URL}/sign-in/with/corp/back/"


def test_the_first_visit_makes_a_person_without_a_project_and_the_second_finds_them(corp: Provider) -> None:
    client, answer = come_by("ada")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/account/")
    ada = User.objects.get()
    assert (ada.email, ada.name, ada.is_admin, ada.has_usable_password()) == (
        "ada@corp.example",
        "Ada Corp",
        False,
        False,
    )
    assert client.get("/account/").status_code == 200
    assert client.get("/p/churn/").status_code == 404
    come_by("ada")
    assert User.objects.get() == ada
    assert Identity.objects.get().user == ada


def test_an_unconfirmed_address_never_reaches_an_account(corp: Provider, cast: Cast) -> None:
    """A24: the provider says that Eve has the administrator's address, and that nobody checked it."""
    client, answer = come_by("eve")
    assert answer.status_code == 403
    assert "has not confirmed your e-mail address" in answer.content.decode()
    assert client.get("/account/").status_code == 302
    assert not Identity.objects.exists()
    _, answer = come_by("nameless")
    assert answer.status_code == 403


def test_an_unconfirmed_address_does_not_lie_in_wait_for_its_owner(corp: Provider) -> None:
    come_by("eve")
    assert not User.objects.exists()


def test_a_confirmed_address_finds_its_account(corp: Provider, cast: Cast) -> None:
    client, answer = come_by("bo")
    assert answer.status_code == 302
    assert Identity.objects.get().user == cast[Role.VIEWER]
    assert client.get("/p/churn/").status_code == 200


def test_a_newcomer_is_let_in_where_the_address_was_invited(corp: Provider, cast: Cast) -> None:
    invite(cast.project, email="ada@corp.example", roles=["data_analyst"], by=cast[Role.OWNER])
    client, _ = come_by("ada")
    assert client.get("/p/churn/").status_code == 200


def test_a_group_may_make_administrators_and_unmake_them(issuer: str, settings: Any, cast: Cast) -> None:
    settings.SSO = {"corp": Provider("corp", issuer, "baton", "s", "Corp", "groups", "chiefs")}
    come_by("ada")
    assert User.objects.get(email="ada@corp.example").is_admin
    settings.SSO = {"corp": Provider("corp", issuer, "baton", "s", "Corp", "groups", "nobody")}
    come_by("ada")
    assert not User.objects.get(email="ada@corp.example").is_admin


def test_a_closed_account_stays_closed(corp: Provider, cast: Cast) -> None:
    User.objects.filter(pk=cast[Role.VIEWER].pk).update(is_active=False)
    _, answer = come_by("bo")
    assert answer.status_code == 401


def test_an_answer_works_once_and_only_in_the_browser_that_asked(corp: Provider) -> None:
    client = Client()
    back = consent(begin(client), "ada")
    assert Client().get(back).status_code == 401, "another browser has no such state"
    assert client.get(back).status_code == 302
    client.post("/sign-out/")
    assert client.get(back).status_code == 401
    assert client.get("/sign-in/with/corp/back/?error=access_denied").status_code == 401
    assert client.get("/sign-in/with/corp/back/").status_code == 401


def test_it_leads_only_to_our_own_paths(corp: Provider) -> None:
    client = Client()
    answer = client.get(consent(begin(client, "https://evil.example/"), "ada"))
    assert answer.headers["Location"] == "/"


def test_an_own_second_step_is_still_asked_for(corp: Provider, cast: Cast) -> None:
    from accounts import second_step
    from tests.accounts.test_second_step import code_of

    secret = second_step.new_totp_secret()
    second_step.add_totp(cast[Role.VIEWER], secret=secret, code=code_of(secret))
    client, answer = come_by("bo")
    assert answer.headers["Location"] == "/sign-in/code/"
    assert client.get("/account/").status_code == 302


def test_a_provider_that_is_away_or_unknown_says_so(settings: Any, client: Client) -> None:
    settings.SSO = {"corp": Provider("corp", "http://localhost:9", "baton", "s", "Corp")}
    assert client.get("/sign-in/with/corp/").status_code == 503
    assert client.get("/sign-in/with/nobody/").status_code == 404


def part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(claims: dict[str, Any]) -> str:
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}."


def by_our_secret(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key("a secret"))


@pytest.mark.parametrize(
    "lie", ["", "none", "hmac", "audience", "issuer", "nonce", "expired", "no nonce", "no token", "other key"]
)
def test_a_token_that_lies_is_refused(corp: Provider, lie: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A24: the token endpoint answers with a token that is wrong in one point."""
    from authlib.integrations.requests_client import OAuth2Session

    client = Client()
    address = begin(client)
    asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": corp.issuer, "aud": "baton", "sub": "ada", "email": "ada@corp.example", "email_verified": True,
        "iat": now, "exp": now + 300, "nonce": asked["nonce"],
    }  # fmt: skip
    claims |= {
        "audience": {"aud": "somebody-else"}, "issuer": {"iss": "https://evil.example"}, "nonce": {"nonce": "replayed"},
        "expired": {"exp": now - 900, "iat": now - 1800},
    }.get(lie, {})  # fmt: skip
    if lie == "no nonce":
        del claims["nonce"]
    key = RSAKey.generate_key(2048, {"kid": "own", "use": "sig", "alg": "RS256"})
    own = jwt.encode({"alg": "RS256", "kid": "own"}, claims, key)
    public = key.as_dict(private=False)
    sent = {"none": unsigned(claims), "hmac": by_our_secret(claims)}.get(lie, own)
    answer = {"access_token": "x", "token_type": "Bearer"} | ({} if lie == "no token" else {"id_token": sent})
    monkeypatch.setattr(OAuth2Session, "fetch_token", lambda self, *a, **k: answer)
    if lie != "other key":  # the signature is right, so that only the lie can be what is refused
        monkeypatch.setattr(
            "authlib.integrations.django_client.apps.DjangoOAuth2App.fetch_jwk_set",
            lambda self, force=False: {"keys": [public]},
        )
    back = f"/sign-in/with/corp/back/?code=x&state={asked['state']}"
    if not lie:  # the control: without a lie the same answer opens the door
        assert client.get(back).status_code == 302
        assert User.objects.exists()
        return
    assert client.get(back).status_code == 401
    assert not User.objects.exists()
    assert client.get("/account/").status_code == 302


def test_settings_name_what_is_lacking() -> None:
    whole = {
        "BATON_SSO": "corp",
        "BATON_SSO_CORP_ISSUER": "https://id.example/",
        "BATON_SSO_CORP_CLIENT_ID": "i",
        "BATON_SSO_CORP_CLIENT_SECRET": "s",
    }
    assert providers(whole)["corp"].issuer == "https://id.example"
    assert providers({}) == {}
    with pytest.raises(ValueError, match="BATON_SSO_CORP_CLIENT_ID"):
        providers(whole | {"BATON_SSO_CORP_CLIENT_ID": ""})
    with pytest.raises(ValueError, match="name"):
        providers(whole | {"BATON_SSO": "../x"})


def test_a_password_account_and_single_sign_on_are_one_person(corp: Provider) -> None:
    ada = make_person("ada@corp.example", "Ada")
    come_by("ada")
    assert User.objects.get() == ada
    assert Client().post("/sign-in/", {"email": ada.email, "password": PASSWORD}).status_code == 302
