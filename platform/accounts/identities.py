"""Who somebody is here, by what a single sign-on provider says about them."""

import logging
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts.arrivals import welcome
from accounts.models import Identity, User, plain_address
from accounts.services import create_from_provider, set_admin
from audit.actors import Machine
from audit.services import record
from problems.problem import Conflict, Denied, Invalid, NotSignedIn

log = logging.getLogger(__name__)


@transaction.atomic
def person_behind(
    claims: Mapping[str, Any],
    *,
    issuer: str,
    provider: str,
    trusts_email: bool = False,
    admin: bool | None = None,
) -> User:
    """The person whom the provider's checked claims mean; on the first visit they are linked or made.

    Only an address that the provider has confirmed counts: it finds an account or makes one. An unconfirmed one
    does neither, because whoever typed it there could otherwise take over, or wait for, the account of its owner.
    `admin` is what a mapped group says; None leaves it alone.
    """
    subject = str(claims.get("sub") or "")
    if not 1 <= len(subject) <= 255:
        raise NotSignedIn("The provider did not say who you are.", code="no_subject")
    known = Identity.objects.select_related("user").filter(issuer=issuer, subject=subject).first()
    user = known.user if known else _first_visit(claims, subject, issuer, provider, trusts_email)
    if not user.is_active:
        raise NotSignedIn("This account is closed. Ask an administrator.", code="closed")
    if admin is not None and user.is_admin != admin:
        _map_admin(user, admin, provider)
    return user


def _first_visit(claims: Mapping[str, Any], subject: str, issuer: str, provider: str, trusts_email: bool) -> User:
    email = plain_address(str(claims.get("email") or ""))
    if not email or not (claims.get("email_verified") is True or trusts_email):
        raise Denied(
            f"{provider} has not confirmed your e-mail address, so it cannot stand for an account here. "
            "Confirm it there, or sign in with your password.",
            code="unconfirmed_address",
        )
    user = User.objects.filter(email=email).first()
    new = user is None
    if user is None:
        try:
            user = create_from_provider(email=email, name=str(claims.get("name") or "")[:120], provider=provider)
        except Invalid as problem:
            raise Denied(f"{provider} sent an address or a name that cannot be used here.") from problem
    Identity.objects.create(user=user, issuer=issuer, subject=subject)
    record(user, "user.identity_linked", user, issuer=issuer)
    if new:
        welcome(user)
    return user


def _map_admin(user: User, admin: bool, provider: str) -> None:
    try:
        set_admin(user, admin, by=Machine(f"single sign-on by {provider}"))
        user.is_admin = admin
    except Conflict:
        log.warning("The last administrator stays one, although the provider's groups say otherwise.")
