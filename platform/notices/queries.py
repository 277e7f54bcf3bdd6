"""Reads about what people were told."""

from collections.abc import Collection, Iterable
from uuid import UUID

from django.db.models import QuerySet

from notices import directory
from notices.kinds import KINDS, QUOTING, Mail
from notices.models import Notice, Preference


def notices_of(recipient: UUID, *, unread: bool = False, kind: str = "") -> QuerySet[Notice]:
    """A person's messages, newest first."""
    notices = Notice.objects.filter(recipient_id=recipient)
    if unread:
        notices = notices.filter(read_at=None)
    return notices.filter(kind=kind) if kind in KINDS else notices


def as_read(recipient: UUID, notices: Iterable[Notice]) -> list[Notice]:
    """The messages as this person may see them today: a column may be sensitive now that was not. Never save them."""
    found = list(notices)
    quoting = [one for one in found if one.kind in QUOTING and one.project_key]
    said = directory.spoken(recipient, {one.project_key for one in quoting}) if quoting else {}
    for one in quoting:
        one.text = said[one.project_key](one.text) if one.project_key in said else one.text
    return found


def unread_count(recipient: UUID) -> int:
    """How many of them were not read yet."""
    return Notice.objects.filter(recipient_id=recipient, read_at=None).count()


def choices_of(people: Collection[UUID], kind: str) -> dict[UUID, Mail]:
    """How each of these people wants this kind by e-mail: the own choice, else the default of the roles."""
    own = dict(Preference.objects.filter(recipient_id__in=people, kind=kind).values_list("recipient_id", "mail"))
    left = [person for person in people if person not in own]
    defaults = directory.defaults(left) if left else {}
    usual = KINDS.get(kind, KINDS["other"])[1]
    return {
        person: Mail(own[person]) if person in own else defaults.get(person, {}).get(kind, usual) for person in people
    }


def settings_of(person: UUID) -> list[dict[str, str]]:
    """Every kind in words, with the own choice and the default of the roles."""
    own = dict(Preference.objects.filter(recipient_id=person).values_list("kind", "mail"))
    defaults = directory.defaults([person]).get(person, {})
    return [
        {"kind": kind, "words": words, "choice": own.get(kind, ""), "default": defaults.get(kind, usual)}
        for kind, (words, usual) in KINDS.items()
    ]
