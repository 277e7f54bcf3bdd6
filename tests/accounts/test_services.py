"""Accounts: who gets in, what ends sessions, what is written down and what never is."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.limits import sweep_tries
from accounts.models import ApiToken, SignInTry, User
from accounts.queries import token_for
from audit.models import Entry
from audit.services import verify
from problems.problem import Conflict, Invalid, Missing, NotSignedIn, TooMany
from tests.conftest import PASSWORD, make_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return make_person("ada@example.org", "Ada")


def test_a_password_must_pass_the_validators() -> None:
    for weak in ("short", "password123456"[:10], "1234567890", "ada@example.org"):
        with pytest.raises(Invalid) as refusal:
            services.create_user(email="ada@example.org", name="Ada", password=weak)
        assert "password" in refusal.value.fields
    assert not User.objects.exists()


def test_one_address_is_one_account_in_any_spelling(ada: User) -> None:
    for again in ("ADA@example.org", " ada@example.org ", "ａda@example.org"):
        with pytest.raises(Invalid) as refusal:
            services.create_user(email=again, name="Eve", password=PASSWORD)
        assert "email" in refusal.value.fields


def test_names_are_printable(ada: User) -> None:
    for bad in ("", "  ", "a\u0000b", "a\u202eb", "x" * 121):
        with pytest.raises(Invalid):
            services.create_user(email="eve@example.org", name=bad, password=PASSWORD)


def test_sign_in_takes_any_spelling_of_the_address(ada: User) -> None:
    for email in ("ada@example.org", "ADA@Example.org", "  ada@example.org "):
        assert services.check_sign_in(email, PASSWORD, address="1.1.1.1") == ada


def test_the_refusal_does_not_say_what_was_wrong(ada: User) -> None:
    User.objects.filter(pk=make_person("gone@example.org").pk).update(is_active=False)
    texts = set()
    for email, password in (
        ("ada@example.org", "wrong"),
        ("nobody@example.org", PASSWORD),
        ("gone@example.org", PASSWORD),
    ):
        with pytest.raises(NotSignedIn) as refusal:
            services.check_sign_in(email, password, address="1.1.1.1")
        texts.add(refusal.value.text)
    assert texts == {"Name or password is wrong."}


def test_after_ten_failures_even_the_right_password_waits(ada: User) -> None:
    for spelling in ["ada@example.org", "ADA@example.org", " ada@example.org ", "ａda@example.org"] * 2 + [
        "ada@example.org"
    ] * 2:
        with pytest.raises(NotSignedIn):
            services.check_sign_in(spelling, "wrong", address="1.1.1.1")
    for password in ("wrong", PASSWORD):
        with pytest.raises(TooMany) as refusal:
            services.check_sign_in("ada@example.org", password, address="1.1.1.1")
        assert 1 <= refusal.value.facts["retry_after"] <= 600
    assert services.check_sign_in("ada@example.org", PASSWORD, address="2.2.2.2") == ada
    SignInTry.objects.update(at=timezone.now() - timedelta(minutes=11))
    assert services.check_sign_in("ada@example.org", PASSWORD, address="1.1.1.1") == ada


def test_a_success_clears_the_count(ada: User) -> None:
    for _ in range(3):
        for _ in range(9):
            with pytest.raises(NotSignedIn):
                services.check_sign_in("ada@example.org", "wrong", address="1.1.1.1")
        assert services.check_sign_in("ada@example.org", PASSWORD, address="1.1.1.1")


def test_old_tries_are_swept(ada: User) -> None:
    with pytest.raises(NotSignedIn):
        services.check_sign_in("ada@example.org", "wrong", address="1.1.1.1")
    assert sweep_tries() == 0
    SignInTry.objects.update(at=timezone.now() - timedelta(minutes=61))
    assert sweep_tries() == 2, "one for the name there, one for the address"


def test_another_password_ends_every_other_session(ada: User) -> None:
    other, client = Client(), Client()
    for each in (other, client):
        assert each.post("/sign-in/", {"email": ada.email, "password": PASSWORD}).status_code == 302
    data = {"password-old": PASSWORD, "password-new": "another long pass phrase 7"}
    assert client.post("/account/password/", data).status_code == 302
    assert client.get("/account/").status_code == 200
    assert other.get("/account/").status_code == 302


def test_a_wrong_old_password_changes_nothing_and_counts(ada: User) -> None:
    for _ in range(10):
        with pytest.raises(Invalid):
            services.change_password(ada, old="wrong", new="another long pass phrase 7", by=ada)
    with pytest.raises(TooMany):
        services.change_password(ada, old=PASSWORD, new="another long pass phrase 7", by=ada)
    ada.refresh_from_db()
    assert ada.check_password(PASSWORD)


def test_a_deactivated_person_is_out_at_once(ada: User) -> None:
    admin = make_person("admin@example.org", is_admin=True)
    client = Client()
    client.force_login(ada)
    _, secret = services.make_token(ada, name="notebook", by=ada)
    services.deactivate_user(ada, by=admin)
    assert client.get("/account/").status_code == 302
    assert client.get("/api/v1/me/", headers={"Authorization": f"Bearer {secret}"}).status_code == 401
    services.activate_user(ada, by=admin)
    assert token_for(secret) is None, "old tokens stay revoked"


def test_the_last_administrator_stays(ada: User) -> None:
    admin = make_person("admin@example.org", is_admin=True)
    with pytest.raises(Conflict):
        services.set_admin(admin, False, by=admin)
    with pytest.raises(Conflict):
        services.deactivate_user(admin, by=ada)
    services.set_admin(ada, True, by=admin)
    services.set_admin(admin, False, by=ada)
    admin.refresh_from_db()
    assert not admin.is_admin


def test_nobody_deactivates_themselves(ada: User) -> None:
    make_person("admin@example.org", is_admin=True)
    with pytest.raises(Conflict):
        services.deactivate_user(ada, by=ada)


@pytest.mark.parametrize("days", [0, -1, 366, 10**6])
def test_a_token_always_expires_within_a_year(ada: User, days: int) -> None:
    with pytest.raises(Invalid) as refusal:
        services.make_token(ada, name="notebook", days=days, by=ada)
    assert "days" in refusal.value.fields


def test_tokens_stop_when_revoked_or_expired(ada: User) -> None:
    first, secret = services.make_token(ada, name="notebook", by=ada)
    second, other = services.make_token(ada, name="notebook", by=ada)
    assert token_for(secret) == first
    services.revoke_token(first, by=ada)
    assert token_for(secret) is None
    ApiToken.objects.filter(pk=second.pk).update(expires_at=timezone.now())
    assert token_for(other) is None


def test_no_secret_is_anywhere_in_the_database(ada: User, client: Client) -> None:
    """A19. Not in a table, not in the audit, not in a kept answer."""
    from django.apps import apps

    link = services.make_setup_link() if not User.objects.exists() else ""
    assert link == ""
    _, secret = services.make_token(ada, name="notebook", by=ada)
    headers = {"Idempotency-Key": "abc"}
    made = client.post(
        "/api/v1/tokens/", {"email": ada.email, "password": PASSWORD}, "application/json", headers=headers
    ).json()
    services.change_password(ada, old=PASSWORD, new="another long pass phrase 7", by=ada)
    everything = repr([list(model._default_manager.values()) for model in apps.get_models()])
    for text in (secret, made["token"], PASSWORD, "another long pass phrase 7"):
        assert text not in everything


def test_every_act_is_in_the_audit_and_the_chain_holds(ada: User) -> None:
    admin = make_person("admin@example.org", is_admin=True)
    token, _ = services.make_token(ada, name="notebook", by=ada)
    services.revoke_token(token, by=ada)
    services.set_theme(ada, "dark", by=ada)
    services.set_admin(ada, True, by=admin)
    services.set_admin(ada, False, by=admin)
    services.deactivate_user(ada, by=admin)
    services.activate_user(ada, by=admin)
    assert list(Entry.objects.order_by("seq").values_list("name", flat=True)) == [
        "token.created", "token.revoked", "user.theme_set", "user.admin_set", "user.admin_set", "user.deactivated", "user.activated",
    ]  # fmt: skip
    assert verify().first_bad is None


def test_a_set_up_instance_gives_no_link(ada: User) -> None:
    with pytest.raises(Conflict):
        services.make_setup_link()
    with pytest.raises(Missing):
        services.set_up("setup_x", email="eve@example.org", name="Eve", password=PASSWORD)


def test_the_link_is_made_of_the_configured_address() -> None:
    assert services.make_setup_link().startswith(f"{settings.BASE_URL}/set-up/setup_")
