"""What keys asked, as servers hand it over."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F

from deployments.models import ConsumerKey, Deployment, KeyUse
from deployments.serving.limits import COUNTS, Used


@transaction.atomic
def add_uses(found: Mapping[Used, Mapping[str, float]]) -> None:
    """Add what one server counted. Of a key or a deployment that is gone nothing is kept."""
    known = {
        str(pk) for pk in ConsumerKey.objects.filter(pk__in={key for key, _, _ in found}).values_list("pk", flat=True)
    }
    places = dict(Deployment.objects.filter(name__in={name for _, name, _ in found}).values_list("name", "pk"))
    for (key, name, day), counts in sorted(found.items()):  # in one order, so that two servers never wait in a ring
        if key not in known or name not in places:
            continue
        row, _ = KeyUse.objects.get_or_create(key_id=UUID(key), deployment_id=places[name], day=date.fromisoformat(day))
        more = {one: F(one) + int(counts.get(one, 0)) for one in COUNTS if counts.get(one)}
        last = datetime.fromtimestamp(counts["last_at"], UTC)
        KeyUse.objects.filter(pk=row.pk).update(**more, last_at=last)
