"""Telling people, and what they choose about it."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from notices import directory
from notices.kinds import KINDS, Mail
from notices.models import Notice, Preference
from notices.queries import choices_of
from problems.problem import Invalid, Missing


def tell(recipients: Iterable[UUID], text: str, *, url: str, project_key: str = "", kind: str = "other") -> None:
    """Put one message into each inbox, in the caller's transaction; whoever wants it by e-mail gets it there too."""
    people = set(recipients)
    by_mail = choices_of(people, kind) if settings.MAIL_READY and people else {}
    rows = [
        Notice(
            recipient_id=person,
            kind=kind,
            text=text[:300],
            url=url,
            project_key=project_key,
            mail=by_mail.get(person, Mail.OFF),
        )
        for person in people
    ]
    Notice.objects.bulk_create(rows)


def mark_read(recipient: UUID, notice_id: UUID) -> Notice:
    """This message has been seen."""
    notice = Notice.objects.filter(recipient_id=recipient, pk=notice_id).first()
    if notice is None:
        raise Missing("You have no such message.")
    Notice.objects.filter(pk=notice.pk, read_at=None).update(read_at=timezone.now())
    notice.refresh_from_db()
    return notice


def mark_all_read(recipient: UUID) -> int:
    """Everything in this inbox has been seen."""
    return Notice.objects.filter(recipient_id=recipient, read_at=None).update(read_at=timezone.now())


def stop_mail(recipient: UUID, project_key: str) -> None:
    """Whoever left a project gets no more e-mail about it: neither what waits, nor what is being tried again."""
    waiting = Notice.objects.filter(recipient_id=recipient, project_key=project_key)
    waiting.filter(Q(letter=None) | Q(letter__sent_at=None)).update(mail=Mail.OFF, letter=None)


@transaction.atomic
def choose_mail(recipient: UUID, choices: Mapping[str, str]) -> None:
    """How a person wants each kind of message by e-mail; an empty choice goes back to the default of the roles.

    It holds at once, for what is already waiting to be sent too.
    """
    for kind, mail in choices.items():
        if kind not in KINDS or mail not in ("", *Mail):
            text = f"{kind} is one of now, daily, off, or empty for the default."
            raise Invalid(text, fields={kind: text})
    Preference.objects.filter(recipient_id=recipient, kind__in=list(choices)).delete()
    rows = [Preference(recipient_id=recipient, kind=kind, mail=mail) for kind, mail in choices.items() if mail]
    Preference.objects.bulk_create(rows)
    defaults = directory.defaults([recipient]).get(recipient, {})
    for kind, mail in choices.items():
        chosen = mail or defaults.get(kind, KINDS[kind][1])
        waiting = Notice.objects.filter(recipient_id=recipient, kind=kind, letter=None, read_at=None)
        waiting.exclude(mail=Mail.OFF).update(mail=chosen)
