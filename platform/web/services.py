"""Keeping the answers of requests with an `Idempotency-Key`, so that a repeat gets the first one."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from problems.problem import Conflict
from web.models import Answer

KEPT_FOR = timedelta(days=2)
SHOWN_ONCE = frozenset({"secret", "token", "link", "password"})
Make = Callable[[], tuple[int, dict[str, Any]]]


@dataclass(frozen=True)
class Kept:
    """An answer, and whether it was given before."""

    status: int
    body: Any
    repeated: bool


@transaction.atomic
def answer_once(place: str, request_digest: str, make: Make) -> Kept:
    """Do `make` in one transaction with the row that remembers its answer. What is shown once is not remembered."""
    key = hashlib.sha256(place.encode()).hexdigest()
    stored, fresh = Answer.objects.get_or_create(key=key, defaults={"request_digest": request_digest})
    if not fresh:
        if stored.request_digest != request_digest:
            raise Conflict("This Idempotency-Key was used for another request.", code="key_reused")
        return Kept(stored.status, stored.body, repeated=True)
    status, body = make()
    stored.status, stored.body = status, without_secrets(body)
    stored.save()
    return Kept(status, body, repeated=False)


def without_secrets(body: Any) -> Any:
    """The same answer with null for every value that is shown only once."""
    if isinstance(body, Mapping):
        return {name: None if name in SHOWN_ONCE else without_secrets(value) for name, value in body.items()}
    if isinstance(body, list):
        return [without_secrets(value) for value in body]
    return body


def forget_answers() -> int:
    """Remove answers that nobody will ask for again; returns how many."""
    return Answer.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()[0]
