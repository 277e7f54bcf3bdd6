"""Appending to the audit chain, and proving that nobody rewrote it."""

import json
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils import timezone

from audit.actors import Actor
from audit.chain import GENESIS, entry_hash
from audit.models import Entry, Head


@transaction.atomic
def record(by: Actor, name: str, subject: Any, *, project_key: str = "", **data: Any) -> Entry:
    """Append one entry about `subject` (a model instance) in the caller's transaction."""
    head, _ = Head.objects.select_for_update().get_or_create(pk=1, defaults={"hash": GENESIS})
    entry = Entry(
        seq=head.seq + 1,
        at=timezone.now(),
        actor_id=by.actor_id,
        actor_name=by.actor_name,
        name=name,
        subject_type=subject._meta.label_lower,
        subject_id=str(subject.pk),
        project_key=project_key,
        data=json.loads(json.dumps(data, cls=DjangoJSONEncoder)),
        previous_hash=head.hash,
    )
    entry.hash = entry_hash(settings.AUDIT_KEY, head.hash, entry.content())
    entry.save(force_insert=True)
    head.seq, head.hash = entry.seq, entry.hash
    head.save()
    return entry


@dataclass(frozen=True)
class Proof:
    """What verification found: how many entries hold, and the first that does not."""

    checked: int
    first_bad: int | None = None
    reason: str = ""


def verify() -> Proof:
    """Walk the chain from its start; the head must agree with the last entry."""
    previous, checked = GENESIS, 0
    for entry in Entry.objects.order_by("seq").iterator(chunk_size=1000):
        if entry.seq != checked + 1:
            return Proof(checked, checked + 1, "an entry is missing")
        if entry.previous_hash != previous:
            return Proof(checked, entry.seq, "it does not follow the entry before it")
        if entry.hash != entry_hash(settings.AUDIT_KEY, previous, entry.content()):
            return Proof(checked, entry.seq, "its content was changed")
        previous, checked = entry.hash, entry.seq
    head = Head.objects.filter(pk=1).first()
    if (head.seq if head else 0) != checked or (head is not None and head.hash != previous):
        return Proof(checked, checked + 1, "the end of the chain was cut or rewritten")
    return Proof(checked)
