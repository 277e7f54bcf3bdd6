"""Which browsers are signed in, and ending them on the server."""

from uuid import UUID

from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import OpenSession, User
from audit.services import record
from problems.problem import Missing


def sessions_of(user: User) -> QuerySet[OpenSession]:
    """The living sessions of a person, newest first."""
    alive = Session.objects.filter(expire_date__gt=timezone.now()).values("session_key")
    return OpenSession.objects.filter(user=user, key__in=alive)


def own_session(user: User, pk: UUID) -> OpenSession:
    """One session of this person, and of nobody else."""
    session = OpenSession.objects.filter(user=user, pk=pk).first()
    if session is None:
        raise Missing("You have no such session.")
    return session


@transaction.atomic
def begin_session(user: User, *, key: str, way: str, address: str, browser: str) -> None:
    """Write down that a browser signed in."""
    OpenSession.objects.create(user=user, key=key, way=way, address=address[:60], browser=browser[:200])
    record(user, "user.signed_in", user, way=way)


def move_session(old: str, new: str) -> None:
    """The same browser under its next key."""
    OpenSession.objects.filter(key=old).update(key=new)


def forget_session(key: str) -> None:
    """It signed out by itself."""
    OpenSession.objects.filter(key=key).delete()


@transaction.atomic
def end_session(session: OpenSession, *, by: User) -> None:
    """From now on that browser is signed out."""
    Session.objects.filter(session_key=session.key).delete()
    session.delete()
    record(by, "user.session_ended", by)


def end_sessions(user: User, *, but: str = "") -> None:
    """End all sessions of a person, or all but one."""
    keys = list(OpenSession.objects.filter(user=user).exclude(key=but).values_list("key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    OpenSession.objects.filter(key__in=keys).delete()


def sweep_sessions() -> None:
    """Expired sessions go, and what was written about them."""
    Session.objects.filter(expire_date__lt=timezone.now()).delete()
    OpenSession.objects.exclude(key__in=Session.objects.values("session_key")).delete()
