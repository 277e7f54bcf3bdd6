"""Delivering events to webhooks: at least once, in order, with patience; nothing is locked while one is dialled."""

import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from audit.models import Entry
from notices.services import tell
from outbound.addresses import Refused
from outbound.http import Unreached, send
from projects.activity import told
from projects.hooking import (
    BREAKS_AFTER,
    PAUSE,
    body_of,
    fits,
    means_trouble,
    sign,
    succeeded,
    wait_after,
    without_private,
)
from projects.models.projects import Project
from projects.models.webhooks import Breaker, Delivery, Webhook
from projects.permissions import holders
from projects.queries.team import members_with
from projects.results import open_words
from projects.services.webhooks import TEST_EVENT
from storage.sealed import unseal

LEASE = timedelta(seconds=60)
ROUND_SECONDS = 20.0
AT_A_TIME = 50
LOOKED_AT = 500
KEPT_DAYS = 30


@dataclass(frozen=True)
class Outcome:
    """How one try went. `trouble` says that the whole target is unwell."""

    good: bool
    reason: str
    status: int | None = None
    trouble: bool = False


def deliver_due(seconds: float = ROUND_SECONDS) -> int:
    """One round over all webhooks that have something to send; returns how many tries were made."""
    until, tries = time.monotonic() + seconds, 0
    now = timezone.now()
    entries = Entry.objects.filter(project_key=OuterRef("project__key"), seq__gt=OuterRef("cursor"))
    due = Delivery.objects.filter(webhook=OuterRef("pk"), state=Delivery.State.WAITING, next_try_at__lte=now)
    free = Q(lease_expires_at=None) | Q(lease_expires_at__lt=now)
    busy = Webhook.objects.filter(free, is_active=True).filter(Exists(entries) | Exists(due))
    for webhook in busy.order_by(F("lease_expires_at").asc(nulls_first=True)):
        if time.monotonic() >= until:
            break
        tries += deliver_to(webhook, until)
    return tries


def deliver_to(webhook: Webhook, until: float) -> int:
    """Send what one webhook has to get, one after the other, until it has all, or one has to wait."""
    token, tries = uuid.uuid4(), 0
    now = timezone.now()
    free = Q(lease_expires_at=None) | Q(lease_expires_at__lt=now)
    claimed = Webhook.objects.filter(free, pk=webhook.pk, is_active=True)
    if not claimed.update(lease_token=token, lease_expires_at=now + LEASE):
        return 0
    try:
        while tries < AT_A_TIME and time.monotonic() < until:
            delivery = _next(webhook.pk, token)
            if delivery is None:
                break
            _settle(delivery, token, _try(delivery))
            tries += 1
    finally:  # the time stays, so that whoever waited longest comes first
        Webhook.objects.filter(pk=webhook.pk, lease_token=token).update(
            lease_token=None, lease_expires_at=timezone.now()
        )
    return tries


def _held(webhook_id: uuid.UUID, token: uuid.UUID) -> Webhook | None:
    """The webhook's row, locked, while the lease is ours; beaten on."""
    rows = Webhook.objects.select_for_update(of=("self",)).select_related("project")
    webhook = rows.filter(pk=webhook_id, lease_token=token).first()
    if webhook is not None:
        webhook.lease_expires_at = timezone.now() + LEASE
        webhook.save(update_fields=["lease_expires_at"])
    return webhook


@transaction.atomic
def _next(webhook_id: uuid.UUID, token: uuid.UUID) -> Delivery | None:
    """What is to be tried now: what was asked for by hand, else the next event in order. None while one has to wait."""
    webhook = _held(webhook_id, token)
    if webhook is None or not webhook.is_active or _rests(webhook):
        return None
    waiting = Delivery.objects.filter(webhook=webhook, state=Delivery.State.WAITING).select_related("webhook__project")
    by_hand = waiting.filter(in_order=False, next_try_at__lte=timezone.now()).order_by("next_try_at").first()
    if by_hand is not None:
        return by_hand
    head = waiting.filter(in_order=True).order_by("seq").first()
    if head is None:
        return _next_event(webhook)
    return head if head.next_try_at <= timezone.now() else None


def _rests(webhook: Webhook) -> bool:
    now = timezone.now()
    return Breaker.objects.filter(project=webhook.project, origin=webhook.origin, open_until__gt=now).exists()


def _next_event(webhook: Webhook) -> Delivery | None:
    """Look down at the audit from the cursor on. The cursor passes only what nobody wants, or what has a row here."""
    while True:
        later = Entry.objects.filter(project_key=webhook.project.key, seq__gt=webhook.cursor).order_by("seq")
        events = list(later.values_list("seq", "name")[:LOOKED_AT])
        for seq, name in events:
            webhook.cursor = seq
            if fits(name, webhook.patterns):
                webhook.save(update_fields=["cursor"])
                return Delivery.objects.create(webhook=webhook, seq=seq, event=name, next_try_at=timezone.now())
        webhook.save(update_fields=["cursor"])
        if len(events) < LOOKED_AT:
            return None


def _try(delivery: Delivery) -> Outcome:
    """Dial once. No transaction is open here."""
    webhook = delivery.webhook
    body = body_of(webhook.shape, facts_of(delivery))
    at = int(time.time())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"Baton/{settings.VERSION}",
        "Baton-Event": delivery.event,
        "Baton-Delivery": str(delivery.pk),
        "Baton-Signature": sign(unseal(bytes(webhook.sealed_secret)), at, body),
    }
    try:
        url = unseal(bytes(webhook.sealed_url))
        answer = send(url, body, headers=headers, allow=settings.OUTBOUND_ALLOW)
    except Refused as refused:
        return Outcome(False, refused.text)
    except Unreached as unreached:
        return Outcome(False, str(unreached), trouble=True)
    good = succeeded(answer.status)
    said = f"It answered {answer.status}." + (" Redirects are not followed." if 300 <= answer.status < 400 else "")
    return Outcome(good, "" if good else said, answer.status, means_trouble(answer.status))


def facts_of(delivery: Delivery) -> dict[str, object]:
    """What a body tells: of this project alone."""
    project = delivery.webhook.project
    facts: dict[str, object] = {
        "id": str(delivery.pk),
        "event": delivery.event,
        "project": {"key": project.key, "name": project.name, "url": f"{settings.BASE_URL}/p/{project.key}/"},
    }
    if delivery.event == TEST_EVENT:
        what = f"is testing the webhook {delivery.webhook.name}"
        return facts | {"number": None, "at": delivery.created_at.isoformat(), "who": "Baton", "what": what, "data": {}}
    entry = Entry.objects.get(seq=delivery.seq or 0, project_key=project.key)
    data = open_words(project.key).data(without_private(entry.data))
    said = {"number": entry.seq, "at": entry.at.isoformat(), "who": entry.actor_name, "what": told(entry.name, data)}
    return facts | said | {"data": data}


@transaction.atomic
def _settle(delivery: Delivery, token: uuid.UUID, outcome: Outcome) -> None:
    """Write down how the try went, if the lease is still ours; otherwise somebody else tries it again."""
    webhook = _held(delivery.webhook_id, token)
    row = Delivery.objects.select_for_update(of=("self",)).filter(pk=delivery.pk, state=Delivery.State.WAITING).first()
    if webhook is None or row is None:
        return
    row.attempts, row.status, row.reason = row.attempts + 1, outcome.status, outcome.reason[:300]
    _count(webhook.project, webhook.origin, outcome)
    wait = None if outcome.good else wait_after(row.attempts, webhook.dead_in_a_row)
    if wait is not None:
        row.next_try_at = timezone.now() + wait
    else:
        row.state = Delivery.State.SENT if outcome.good else Delivery.State.DEAD
        row.ended_at = timezone.now()
        _ended(webhook, row)
    row.save(update_fields=["attempts", "status", "reason", "next_try_at", "state", "ended_at"])


def _count(project: Project, origin: str, outcome: Outcome) -> None:
    """The breaker of the host: open after many failures, closed again by the first success."""
    if not outcome.trouble:
        Breaker.objects.filter(project=project, origin=origin).update(failures=0, open_until=None)
        return
    breaker, _ = Breaker.objects.get_or_create(project=project, origin=origin)
    breaker.failures += 1
    if breaker.failures >= BREAKS_AFTER:
        breaker.open_until = timezone.now() + PAUSE
    breaker.save(update_fields=["failures", "open_until"])


def _ended(webhook: Webhook, delivery: Delivery) -> None:
    """Count what was given up in a row; the first time, those who look after the webhook are told."""
    dead = delivery.state == Delivery.State.DEAD
    webhook.dead_in_a_row = webhook.dead_in_a_row + 1 if dead else 0
    webhook.save(update_fields=["dead_in_a_row"])
    if webhook.dead_in_a_row == 1 and dead:
        people = members_with(webhook.project, holders("webhook.manage"))
        text = f"The webhook {webhook.name} gave up on {delivery.event}: {delivery.reason}"
        url = f"/p/{webhook.project.key}/webhooks/{webhook.pk}/"
        tell([person.pk for person in people], text, url=url, project_key=webhook.project.key)


def forget_deliveries(now: datetime) -> int:
    """Remove the rows of old deliveries that arrived; what was given up stays until the webhook goes."""
    old = Delivery.objects.filter(state=Delivery.State.SENT, ended_at__lt=now - timedelta(days=KEPT_DAYS))
    return old.delete()[0]
