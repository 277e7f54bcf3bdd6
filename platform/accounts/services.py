"""Every write to people and their tokens: set-up, sign-in, accounts, passwords, tokens, administrators."""

from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.limits import ASKING, FROM_ADDRESS, PASSWORD, SIGN_IN, count, forget, forget_this
from accounts.models import ApiToken, SetupLink, Theme, User, plain_address
from accounts.one_time import digest, new_secret
from accounts.queries import admins, needs_setup, open_setup_link, tokens_of
from accounts.scopes import READ, SCOPES, every_scope, in_order
from accounts.sessions import end_sessions
from audit.actors import Actor, Machine
from audit.services import record
from notices.services import tell
from problems.problem import Conflict, Invalid, Missing, NotSignedIn

WRONG = "Name or password is wrong."
MAX_TOKEN_DAYS = 365
MAX_TOKENS = 50


@transaction.atomic
def make_setup_link() -> str:
    """The address under which a new instance gets its administrator. An older link that nobody used stops working."""
    if not needs_setup():
        raise Conflict("This instance is already set up.", code="already_set_up")
    SetupLink.objects.filter(used_at=None).delete()
    secret = new_secret("setup")
    SetupLink.objects.create(digest=digest(secret))
    return f"{settings.BASE_URL}/set-up/{secret}/"


@transaction.atomic
def set_up(secret: str, *, email: str, name: str, password: str) -> User:
    """Make the first administrator with a one-time link, once."""
    link = open_setup_link(secret)
    if link is None or not SetupLink.objects.filter(pk=link.pk, used_at=None).update(used_at=timezone.now()):
        raise Missing("There is nothing here.")
    user = create_user(email=email, name=name, password=password, is_admin=True)
    record(user, "instance.set_up", user)
    return user


def create_user(*, email: str, name: str, password: str, is_admin: bool = False, by: Actor | None = None) -> User:
    """A new account. Without `by`, the person makes it for themselves."""
    user = User(email=_checked_address(email), name=_checked_name(name), is_admin=is_admin)
    _set_password(user, password, field="password")  # slow by design: before the transaction, not under its lock
    try:
        with transaction.atomic():
            user.save(force_insert=True)
            record(by or user, "user.created", user, email=user.email, is_admin=is_admin)
    except IntegrityError:
        text = "Somebody already has an account with this address."
        raise Invalid(text, fields={"email": text}) from None
    return user


def _checked_address(email: str) -> str:
    address = plain_address(email)
    try:
        validate_email(address)
    except ValidationError:
        raise Invalid("This is not an e-mail address.", fields={"email": "This is not an e-mail address."}) from None
    return address


def _checked_name(name: str) -> str:
    plain = " ".join(name.split())
    if not 1 <= len(plain) <= 120 or not plain.isprintable():
        text = "A name has 1 to 120 printable characters."
        raise Invalid(text, fields={"name": text})
    return plain


def _set_password(user: User, password: str, *, field: str) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        text = " ".join(error.messages)
        raise Invalid(text, fields={field: text}) from None
    user.set_password(password)


def change_password(user: User, *, old: str, new: str, by: Actor) -> None:
    """Set another password. Every session that was made with the old one ends."""
    tries = count(PASSWORD, str(user.pk))
    if not user.check_password(old):
        raise Invalid("That is not your password.", fields={"old": "That is not your password."})
    with transaction.atomic():
        _set_password(user, new, field="new")
        user.save(update_fields=["password"])
        forget(tries)
        record(by, "user.password_changed", user)


def reset_password(user: User, *, new: str) -> None:
    """Another password for whoever came by the link that was sent to their address. Every session ends."""
    with transaction.atomic():
        _set_password(user, new, field="new")
        user.save(update_fields=["password"])
        end_sessions(user)
        record(user, "user.password_reset", user)


def create_from_provider(*, email: str, name: str, provider: str) -> User:
    """An account for somebody whom a single sign-on provider vouches for. It has no password."""
    user = User(email=_checked_address(email), name=_checked_name(name or email))
    user.set_unusable_password()
    user.save(force_insert=True)
    record(Machine(f"single sign-on by {provider}"), "user.created", user, email=user.email, is_admin=False)
    return user


@transaction.atomic
def set_theme(user: User, theme: str, *, by: Actor) -> None:
    """How pages look for this person."""
    if theme not in Theme.values:
        raise Invalid("There is no such theme.", fields={"theme": f"One of {', '.join(Theme.values)}."})
    user.theme = theme
    user.save(update_fields=["theme"])
    record(by, "user.theme_set", user, theme=theme)


@transaction.atomic
def make_token(
    user: User,
    *,
    name: str,
    days: int = 90,
    read_only: bool = False,
    scopes: Iterable[str] | None = None,
    project_key: str = "",
    by: Actor,
) -> tuple[ApiToken, str]:
    """A token for programs, and its secret: the only time that anybody sees it."""
    plain = " ".join(name.split())
    if not 1 <= len(plain) <= 80 or not plain.isprintable():
        raise Invalid("A token needs a name.", fields={"name": "1 to 80 printable characters."})
    if not 1 <= days <= MAX_TOKEN_DAYS:
        text = f"A token lives 1 to {MAX_TOKEN_DAYS} days."
        raise Invalid(text, fields={"days": text})
    if tokens_of(user).count() >= MAX_TOKENS:
        raise Conflict(f"You have {MAX_TOKENS} tokens. Revoke one first.", code="too_many_tokens")
    chosen = {READ} if read_only else set(every_scope() if scopes is None else scopes)
    if unknown := sorted(chosen - set(SCOPES)):
        raise Invalid("There is no such scope.", fields={"scopes": f"There is no scope {unknown[0]}."})
    held = in_order(chosen)
    secret = new_secret("baton")
    token = ApiToken.objects.create(
        user=user,
        name=plain,
        prefix=secret[:10],
        digest=digest(secret),
        scopes=held,
        project_key=project_key,
        expires_at=timezone.now() + timedelta(days=days),
    )
    record(by, "token.created", token, project_key=project_key, token_name=plain, days=days, scopes=held)
    return token, secret


@transaction.atomic
def revoke_token(token: ApiToken, *, by: Actor) -> None:
    """From now on this token opens nothing."""
    if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
        record(by, "token.revoked", token, project_key=token.project_key, token_name=token.name)


@transaction.atomic
def deactivate_user(user: User, *, by: Actor) -> None:
    """Close an account: its sessions and tokens stop working at once, what it did stays."""
    if by.actor_id == user.actor_id:
        raise Conflict("You cannot deactivate yourself. Ask another administrator.", code="yourself")
    _keep_one_admin(user)
    if User.objects.filter(pk=user.pk, is_active=True).update(is_active=False):
        ApiToken.objects.filter(user=user, revoked_at=None).update(revoked_at=timezone.now())
        end_sessions(user)
        record(by, "user.deactivated", user)


@transaction.atomic
def activate_user(user: User, *, by: Actor) -> None:
    """Open a closed account again. Its old tokens stay revoked."""
    if User.objects.filter(pk=user.pk, is_active=False).update(is_active=True):
        record(by, "user.activated", user)


@transaction.atomic
def set_admin(user: User, is_admin: bool, *, by: Actor) -> None:
    """Make somebody an administrator of the instance, or no longer one."""
    if not is_admin:
        _keep_one_admin(user)
    if User.objects.filter(pk=user.pk).exclude(is_admin=is_admin).update(is_admin=is_admin):
        record(by, "user.admin_set", user, is_admin=is_admin)


def _keep_one_admin(user: User) -> None:
    admins = User.objects.select_for_update().filter(is_admin=True, is_active=True)
    if {admin.pk for admin in admins} == {user.pk}:
        raise Conflict("An instance needs an administrator, and this is the last one.", code="last_admin")


def check_sign_in(email: str, password: str, *, address: str) -> User:
    """The person behind a name and a password. The answer never says which of the two was wrong."""
    here = count(FROM_ADDRESS, address)
    tries = count(SIGN_IN, address, plain_address(email))
    user = authenticate(username=email, password=password)
    if not isinstance(user, User):
        raise NotSignedIn(WRONG, code="wrong_credentials")
    forget(tries)
    forget_this(here)
    return user


def check_password(user: User, password: str, *, address: str) -> None:
    """That it is really this person who sits there."""
    tries = count(SIGN_IN, address, user.email)
    if not user.check_password(password):
        raise NotSignedIn("That is not your password.", code="wrong_credentials")
    forget(tries)


def ask_admins(address: str, *, by: User) -> list[User]:
    """A message to every administrator that somebody was refused there; returns whom it went to."""
    if by.is_admin:
        raise Conflict("You are an administrator. Try again.", code="held_already")
    count(ASKING, str(by.pk))
    own = address.startswith("/") and not address.startswith("//") and address.isprintable() and "\\" not in address
    place = address[:200] if own else "/"
    people = list(admins())
    with transaction.atomic():
        text = f"{by.name} ({by.email}) was refused {place}, which is for administrators, and asks for your help."
        tell([person.pk for person in people], text, url=place, kind="team")
        record(by, "admins.asked", by, address=place)
    return people
