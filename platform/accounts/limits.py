"""How often something may be tried. The count is kept in the database: it holds across processes and machines."""

import hashlib
import logging
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from accounts.models import SignInTry
from problems.problem import TooMany

log = logging.getLogger(__name__)
TOO_MANY = "Too many failed tries. Wait some minutes, then try again."
TOO_OFTEN = "You asked several times already. Wait for an answer."
LONGEST = timedelta(hours=1)


@dataclass(frozen=True)
class Limit:
    """So many tries in so long a time, of one kind."""

    kind: str
    tries: int
    window: timedelta = timedelta(minutes=10)


# By account and address: a stranger elsewhere cannot lock anybody out. By address: nobody tries many accounts.
SIGN_IN = Limit("sign-in", 10)
FROM_ADDRESS = Limit("sign-in from", 100)
PASSWORD = Limit("password", 10)
CODE = Limit("code", 10)
RESET = Limit("reset", 3)
RESETS_FROM_ADDRESS = Limit("resets from", 30, LONGEST)
ONE_TIME_LINKS = Limit("links from", 30)
ASKING = Limit("asking administrators", 5, LONGEST)
BAD_TOKENS = Limit("tokens from", 100)
INVITING = Limit("inviting", 100, LONGEST)


@dataclass(frozen=True)
class Counted:
    """A try that was noted; it is forgotten when it turns out to be a success."""

    key: str
    row: int


def count(limit: Limit, *parts: str) -> Counted:
    """Note one try, and refuse it when there were too many. It is noted first, so that tries side by side count."""
    text = "\n".join([limit.kind, *parts])
    key = hashlib.sha256(text.encode(errors="replace")).hexdigest()
    mine = SignInTry.objects.create(key=key)
    recent = SignInTry.objects.filter(key=key, at__gt=timezone.now() - limit.window)
    if recent.count() > limit.tries:
        mine.delete()
        oldest = recent.order_by("-at").values_list("at", flat=True)[: limit.tries]
        wait = max(1, round((min(oldest, default=mine.at) + limit.window - timezone.now()).total_seconds()))
        log.warning("Too many tries (%s).", limit.kind)
        raise TooMany(TOO_OFTEN if limit is ASKING else TOO_MANY, retry_after=wait)
    return Counted(key, mine.pk)


def forget(counted: Counted) -> None:
    """A success clears the count."""
    SignInTry.objects.filter(key=counted.key).delete()


def forget_this(counted: Counted) -> None:
    """A success does not count, and clears nothing else."""
    SignInTry.objects.filter(pk=counted.row).delete()


def sweep_tries() -> int:
    """Remove tries that no longer count; returns how many."""
    return SignInTry.objects.filter(at__lt=timezone.now() - LONGEST).delete()[0]
