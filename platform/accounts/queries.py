"""Reads about people and tokens."""

from datetime import timedelta
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from accounts.elsewhere import ELSEWHERE
from accounts.models import ApiToken, SetupLink, User
from accounts.one_time import digest
from problems.problem import Missing

TOUCH_SECONDS = 60


def token_for(secret: str) -> ApiToken | None:
    """The living token behind a secret: known, not expired, not revoked, of an active person."""
    if not secret.isascii() or len(secret) > 200:
        return None
    now = timezone.now()
    token = (
        ApiToken.objects.select_related("user")
        .filter(digest=digest(secret), expires_at__gt=now, revoked_at=None, user__is_active=True)
        .first()
    )
    if token and (token.last_used_at is None or now - token.last_used_at > timedelta(seconds=TOUCH_SECONDS)):
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


def needs_setup() -> bool:
    """Whether this instance has no person yet."""
    return not User.objects.exists()


def open_setup_link(secret: str) -> SetupLink | None:
    """The set-up link behind a secret, while nobody used it."""
    return SetupLink.objects.filter(digest=digest(secret), used_at=None).first() if needs_setup() else None


def tokens_of(user: User) -> QuerySet[ApiToken]:
    """A person's tokens that still work, newest first."""
    return ApiToken.objects.filter(user=user, revoked_at=None, expires_at__gt=timezone.now())


def own_token(user: User, pk: UUID) -> ApiToken:
    """One token of this person, and of nobody else."""
    token = ApiToken.objects.filter(user=user, pk=pk).first()
    if token is None:
        raise Missing("You have no such token.")
    return token


def all_people() -> QuerySet[User]:
    """Everybody with an account, by name; not those whose names only stand in imported history."""
    return User.objects.exclude(email__endswith=ELSEWHERE).order_by("name", "email")


def person_for(pk: UUID) -> User:
    """One person, for administrators."""
    person = User.objects.filter(pk=pk).first()
    if person is None:
        raise Missing("There is no such person.")
    return person


def admins() -> QuerySet[User]:
    """The administrators who can sign in, by name."""
    return all_people().filter(is_admin=True, is_active=True)
