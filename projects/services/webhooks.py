"""Making, changing and ending webhooks, and asking for a delivery."""

import hmac
import secrets
from collections.abc import Collection

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from audit.models import Entry
from audit.services import record
from outbound.addresses import parse
from problems.problem import Conflict, Invalid
from projects.hooking import MAX_PATTERNS, PATTERN
from projects.models.projects import Project
from projects.models.webhooks import Breaker, Delivery, Webhook
from projects.services.projects import lock_project
from storage.sealed import seal, unseal

MAX_WEBHOOKS = 20
TEST_EVENT = "webhook.test"


def _checked_name(name: str) -> str:
    plain = " ".join(name.split())
    if not 1 <= len(plain) <= 80 or not plain.isprintable():
        text = "A name has 1 to 80 printable characters."
        raise Invalid(text, fields={"name": text})
    return plain


def _checked_patterns(patterns: Collection[str]) -> list[str]:
    plain = list(dict.fromkeys(word for pattern in patterns if (word := pattern.strip().lower())))
    wrong = next((word for word in plain if not PATTERN.fullmatch(word) or len(word) > 80), None)
    if wrong is not None or not 1 <= len(plain) <= MAX_PATTERNS:
        text = f"Give 1 to {MAX_PATTERNS} patterns such as gate.* or model.promoted; * means everything."
        raise Invalid(text, fields={"patterns": text})
    return plain


def _checked_shape(shape: str) -> str:
    if shape not in Webhook.Shape.values:
        raise Invalid("The shape is plain or slack.", fields={"shape": "plain or slack."})
    return shape


def _origin(url: str) -> str:
    """What of the address may be shown. Whether it may be dialled is asked again, of the resolver, at each delivery."""
    return parse(url.strip(), allow=settings.OUTBOUND_ALLOW).origin[:300]


def _new_secret() -> str:
    return f"whsec_{secrets.token_urlsafe(32)}"


@transaction.atomic
def make_webhook(
    project: Project, *, name: str, url: str, patterns: Collection[str], shape: str = "plain", by: User
) -> tuple[Webhook, str]:
    """A webhook that is told of everything from now on, and its secret: the only time that anybody sees it."""
    plain, origin, wanted = _checked_name(name), _origin(url), _checked_patterns(patterns)
    lock_project(project)
    if project.webhooks.count() >= MAX_WEBHOOKS:
        raise Conflict(f"A project has at most {MAX_WEBHOOKS} webhooks. Remove one first.", code="too_many_webhooks")
    last = Entry.objects.order_by("-seq").values_list("seq", flat=True).first()
    secret = _new_secret()
    webhook = Webhook(
        project=project,
        name=plain,
        origin=origin,
        sealed_url=seal(url.strip()),
        sealed_secret=seal(secret),
        patterns=wanted,
        shape=_checked_shape(shape),
        cursor=last or 0,
        created_by=by,
    )
    _save(webhook)
    record(by, "webhook.made", webhook, project_key=project.key, hook=plain, target=origin, patterns=wanted)
    return webhook, secret


def _save(webhook: Webhook, fields: list[str] | None = None) -> None:
    try:
        with transaction.atomic():
            webhook.save(update_fields=fields)
    except IntegrityError:
        text = "A webhook of this project has that name already."
        raise Invalid(text, fields={"name": text}) from None


def _row(webhook: Webhook) -> Webhook:
    return Webhook.objects.select_for_update(of=("self",)).select_related("project").get(pk=webhook.pk)


@transaction.atomic
def change_webhook(
    webhook: Webhook,
    *,
    by: User,
    name: str | None = None,
    url: str | None = None,
    secret: str = "",
    patterns: Collection[str] | None = None,
    shape: str | None = None,
    is_active: bool | None = None,
) -> Webhook:
    """Change what is given. Another address needs the secret: whoever cannot enter it makes a new one with it."""
    row, changed = _row(webhook), []
    if url and url.strip() != unseal(bytes(row.sealed_url)):
        _prove(row, secret)
        row.origin, row.sealed_url = _origin(url), seal(url.strip())
        changed += ["origin", "sealed_url"]
    for field, value in (
        ("name", None if name is None else _checked_name(name)),
        ("patterns", None if patterns is None else _checked_patterns(patterns)),
        ("shape", None if shape is None else _checked_shape(shape)),
        ("is_active", is_active),
    ):
        if value is not None and value != getattr(row, field):
            setattr(row, field, value)
            changed.append(field)
    if changed:
        _save(row, changed)
        what = [field for field in changed if field != "sealed_url"]
        record(by, "webhook.changed", row, project_key=row.project.key, hook=row.name, target=row.origin, what=what)
    return row


def _prove(webhook: Webhook, secret: str) -> None:
    known = unseal(bytes(webhook.sealed_secret))
    if not hmac.compare_digest(known.encode(), secret.strip().encode()):
        text = "Another address needs the secret: enter it again, or make a new one."
        raise Invalid(text, fields={"secret": text}, code="secret_needed")


@transaction.atomic
def renew_secret(webhook: Webhook, *, by: User, url: str = "") -> tuple[Webhook, str]:
    """A new secret, shown once, in force at once; with it the address may change."""
    row, secret = _row(webhook), _new_secret()
    row.sealed_secret = seal(secret)
    if url.strip():
        row.origin, row.sealed_url = _origin(url), seal(url.strip())
    row.save(update_fields=["sealed_secret", "origin", "sealed_url"])
    record(by, "webhook.secret_renewed", row, project_key=row.project.key, hook=row.name, target=row.origin)
    return row, secret


@transaction.atomic
def remove_webhook(webhook: Webhook, *, by: User) -> None:
    """End it: nothing more is sent, what waited is dropped."""
    row = _row(webhook)
    record(by, "webhook.removed", row, project_key=row.project.key, hook=row.name, target=row.origin)
    row.delete()


@transaction.atomic
def send_test(webhook: Webhook, *, by: User) -> Delivery:
    """Put a test event on its way; it goes out within seconds, and the list of deliveries tells how it went."""
    row = _row(webhook)
    waiting = Delivery.objects.filter(webhook=row, event=TEST_EVENT, state=Delivery.State.WAITING).first()
    if waiting is not None:
        return waiting
    record(by, "webhook.tested", row, project_key=row.project.key, hook=row.name)
    return Delivery.objects.create(webhook=row, event=TEST_EVENT, in_order=False, next_try_at=timezone.now())


@transaction.atomic
def send_again(delivery: Delivery, *, by: User) -> Delivery:
    """Try once more what was given up. It comes out of order, with the id that it had."""
    row = Delivery.objects.select_for_update(of=("self",)).select_related("webhook__project").get(pk=delivery.pk)
    if row.state != Delivery.State.DEAD:
        raise Conflict(f"This delivery is not given up: {row.get_state_display().lower()}.", code="not_dead")
    row.state, row.in_order, row.attempts = Delivery.State.WAITING, False, 0
    row.next_try_at, row.ended_at = timezone.now(), None
    row.save(update_fields=["state", "in_order", "attempts", "next_try_at", "ended_at"])
    Breaker.objects.filter(project=row.webhook.project, origin=row.webhook.origin).update(failures=0, open_until=None)
    data = {"hook": row.webhook.name, "event": row.event}
    record(by, "webhook.sent_again", row.webhook, project_key=row.webhook.project.key, **data)
    return row
