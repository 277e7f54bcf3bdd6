"""The second step of signing in: codes of an app, passkeys and recovery codes, kept by django-allauth's tables."""

from base64 import b64encode
from dataclasses import dataclass
from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter, get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.webauthn.internal import auth as webauthn
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.limits import CODE, count, forget
from accounts.models import User
from audit.services import record
from problems.problem import Conflict, Invalid, Missing, NotSignedIn
from storage import sealed

WRONG_CODE = "That code is not right, or it was used already."
MAX_PASSKEYS = 10
KINDS = Authenticator.Type


class Adapter(DefaultMFAAdapter):  # type: ignore[misc]  # the library carries no types
    """Allauth's own hook: secrets are sealed, and names are ours."""

    def encrypt(self, text: str) -> str:
        return sealed.seal(text).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return sealed.unseal(encrypted_text.encode())

    def get_totp_issuer(self) -> str:
        return "Baton"

    def _get_site_name(self) -> str:
        return "Baton"


@dataclass(frozen=True)
class Ways:
    """What a person has set up."""

    totp: Authenticator | None
    passkeys: list[Authenticator]
    codes_left: int

    @property
    def any(self) -> bool:
        """Recovery codes alone are no second step."""
        return bool(self.totp or self.passkeys)


def ways_of(user: User) -> Ways:
    """The second steps of a person, in one query."""
    rows = list(Authenticator.objects.filter(user_id=user.pk).order_by("created_at"))
    codes = next((row for row in rows if row.type == KINDS.RECOVERY_CODES), None)
    return Ways(
        next((row for row in rows if row.type == KINDS.TOTP), None),
        [row for row in rows if row.type == KINDS.WEBAUTHN],
        len(RecoveryCodes(codes).get_unused_codes()) if codes else 0,
    )


def has_second_step(user: User) -> bool:
    """Whether signing in takes a second step."""
    return bool(Authenticator.objects.filter(user_id=user.pk, type__in=(KINDS.TOTP, KINDS.WEBAUTHN)).exists())


def required_of(user: User) -> bool:
    """Whether this instance wants a second step of this person."""
    return settings.SECOND_STEP == "everyone" or (settings.SECOND_STEP == "admins" and user.is_admin)


def new_totp_secret() -> str:
    """A secret for an app; it counts once a code proves that the app has it."""
    return str(totp.generate_totp_secret())


def totp_address(user: User, secret: str) -> str:
    """The secret as an address that apps understand."""
    return str(get_adapter().build_totp_url(user, secret))


def totp_picture(user: User, secret: str) -> str:
    """The secret as a picture for the app's camera, as a data address."""
    svg = get_adapter().build_totp_svg(totp_address(user, secret))
    return "data:image/svg+xml;base64," + b64encode(svg.encode()).decode()


def add_totp(user: User, *, secret: str, code: str) -> list[str]:
    """Begin to ask for codes of an app; returns recovery codes when there were none."""
    tries = count(CODE, str(user.pk))
    if Authenticator.objects.filter(user_id=user.pk, type=KINDS.TOTP).exists():
        raise Conflict("You have an app already. Remove it first.", code="has_totp")
    step = _counter(secret, code)
    if step is None:
        text = "That code does not fit. Look at the app again; its clock must be right."
        raise Invalid(text, fields={"code": text})
    with transaction.atomic():
        row = totp.TOTP.activate(user, secret).instance
        row.data["last_step"] = step  # the code that proved it is spent
        row.save(update_fields=["data"])
        forget(tries)
        record(user, "user.second_step_added", user, kind="app")
        return _first_codes(user)


def _counter(secret: str, code: str) -> int | None:
    """The time step whose code this is, if it is one of now."""
    plain = "".join(code.split())
    for step in totp.yield_hotp_counters_from_time():
        if plain == totp.format_hotp_value(totp.hotp_value(secret, step)):
            return int(step)
    return None


def _first_codes(user: User) -> list[str]:
    if Authenticator.objects.filter(user_id=user.pk, type=KINDS.RECOVERY_CODES).exists():
        return []
    found: list[str] = RecoveryCodes.activate(user).generate_codes()
    return found


def begin_passkey(user: User) -> dict[str, Any]:
    """What the browser needs to make a passkey."""
    return dict(webauthn.begin_registration(user, passwordless=False))


@transaction.atomic
def add_passkey(user: User, *, name: str, answer: Any) -> list[str]:
    """Take a passkey; returns recovery codes when there were none."""
    plain = " ".join(name.split())[:60] or "Passkey"
    if Authenticator.objects.filter(user_id=user.pk, type=KINDS.WEBAUTHN).count() >= MAX_PASSKEYS:
        raise Conflict(f"You have {MAX_PASSKEYS} passkeys. Remove one first.", code="too_many")
    try:
        webauthn.parse_registration_response(answer)
        webauthn.complete_registration(answer)
    except (ValidationError, ValueError, TypeError, KeyError, AttributeError):
        raise Invalid("The passkey could not be taken. Try again.") from None
    webauthn.WebAuthn.add(user, plain, answer)
    record(user, "user.second_step_added", user, kind="passkey")
    return _first_codes(user)


@transaction.atomic
def remove_way(user: User, pk: int) -> None:
    """Take a way of the second step off; with the last one the recovery codes go too."""
    row = Authenticator.objects.filter(user_id=user.pk, pk=pk, type__in=(KINDS.TOTP, KINDS.WEBAUTHN)).first()
    if row is None:
        raise Missing("You have no such second step.")
    row.delete()
    if not has_second_step(user):
        Authenticator.objects.filter(user_id=user.pk).delete()
    record(user, "user.second_step_removed", user, kind=row.type)


@transaction.atomic
def new_recovery_codes(user: User) -> list[str]:
    """Ten fresh codes; the old ones stop working."""
    if not has_second_step(user):
        raise Conflict("Set up an app or a passkey first.", code="no_second_step")
    Authenticator.objects.filter(user_id=user.pk, type=KINDS.RECOVERY_CODES).delete()
    record(user, "user.recovery_codes_made", user)
    codes: list[str] = RecoveryCodes.activate(user).generate_codes()
    return codes


def check_code(user: User, code: str) -> None:
    """A code of the app or a recovery code, each of which works once."""
    tries = count(CODE, str(user.pk))
    if not _use(user, "".join(code.split())):
        raise NotSignedIn(WRONG_CODE, code="wrong_code")
    forget(tries)


@transaction.atomic
def _use(user: User, code: str) -> bool:
    """Spend the code under a lock: two processes that get the same one at once do not both take it."""
    for row in Authenticator.objects.select_for_update().filter(user_id=user.pk).exclude(type=KINDS.WEBAUTHN):
        if row.type == KINDS.RECOVERY_CODES:
            if RecoveryCodes(row).validate_code(code):
                record(user, "user.recovery_code_used", user)
                return True
            continue
        step = _counter(sealed.unseal(row.data["secret"].encode()), code)
        if step is not None and step > row.data.get("last_step", 0):
            row.data["last_step"], row.last_used_at = step, timezone.now()
            row.save(update_fields=["data", "last_used_at"])
            return True
    return False


def begin_passkey_check(user: User) -> dict[str, Any]:
    """What the browser needs to show that it has one of the passkeys."""
    return dict(webauthn.begin_authentication(user))


def check_passkey(user: User, answer: Any) -> None:
    """That the browser has one of the person's passkeys."""
    tries = count(CODE, str(user.pk))
    try:
        webauthn.parse_authentication_response(answer)
        row = webauthn.complete_authentication(user, answer)
    except (ValidationError, ValueError, TypeError, KeyError, AttributeError):
        raise NotSignedIn("That passkey was not accepted. Try again.", code="wrong_passkey") from None
    row.record_usage()
    forget(tries)
