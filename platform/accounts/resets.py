"""A new password by e-mail, for those who have forgotten theirs."""

import logging
from concurrent.futures import Future, ThreadPoolExecutor

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import EmailMessage
from django.utils.encoding import force_bytes, force_str
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from accounts.limits import RESET, RESETS_FROM_ADDRESS, count
from accounts.models import User, plain_address
from problems.problem import Gone

log = logging.getLogger(__name__)
# Beside the request: how long a mail takes must not tell whether there is an account.
_post = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mail")


def ask_for_reset(email: str, *, address: str) -> Future[None]:
    """Send a link to an account's address. For an unknown address the same is done but the sending."""
    name = plain_address(email)
    count(RESETS_FROM_ADDRESS, address)
    count(RESET, address, name)
    user = User.objects.filter(email=name, is_active=True).first()
    known = user is not None and user.has_usable_password()
    subject = user if user is not None and known else User(email=name, name="")
    place = urlsafe_base64_encode(force_bytes(subject.pk))
    link = f"{settings.BASE_URL}/sign-in/reset/{place}/{default_token_generator.make_token(subject)}/"
    text = (
        f"Somebody, probably you, asked for a new password for your account at {settings.BASE_URL}.\n\n"
        f"Choose one here within {settings.PASSWORD_RESET_TIMEOUT // 60} minutes:\n{link}\n\n"
        "If it was not you, do nothing: your password stays as it is.\n"
    )
    return _post.submit(_send, EmailMessage("A new password", text, to=[subject.email]) if known else None)


def _send(message: EmailMessage | None) -> None:
    if message is None:
        return
    try:
        message.send()
    except Exception:
        log.exception("A mail for a new password could not be sent.")


def person_by_reset(place: str, token: str) -> User:
    """Who may choose a new password by this link, once and for an hour."""
    try:
        user = User.objects.filter(pk=force_str(urlsafe_base64_decode(place)), is_active=True).first()
    except (ValueError, UnicodeDecodeError):
        user = None
    except Exception as error:  # a malformed id is Django's ValidationError
        log.info("A link for a new password does not name anybody: %s", type(error).__name__)
        user = None
    if user is None or not default_token_generator.check_token(user, token):
        raise Gone("This link was used or has expired. Ask for a new one.")
    return user
