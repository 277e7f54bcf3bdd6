"""The keys of calling applications: made, revoked."""

from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import as_user
from accounts.one_time import digest, new_secret
from audit.actors import Actor
from audit.services import record
from deployments.models import ConsumerKey, Deployment
from deployments.services.servers import changed
from problems.problem import Invalid

DEFAULT_DAYS, MOST_DAYS = 90, 365


@transaction.atomic
def make_key(deployment: Deployment, *, name: str, days: int, by: Actor) -> tuple[ConsumerKey, str]:
    """A key for one calling application. The secret is returned this once; only its hash is kept."""
    name = name.strip()
    if not name or len(name) > 80:
        raise Invalid(
            "Name the application that will use this key, in up to 80 characters.",
            fields={"name": "1 to 80 characters."},
        )
    if not 1 <= days <= MOST_DAYS:
        raise Invalid(f"A key lives from 1 to {MOST_DAYS} days.", fields={"days": f"1 to {MOST_DAYS}."})
    secret = new_secret("bk")
    key = ConsumerKey.objects.create(
        deployment=deployment,
        name=name,
        prefix=secret[:12],
        digest=digest(secret),
        created_by=as_user(by),
        expires_at=timezone.now() + timedelta(days=days),
    )
    changed()
    project_key = deployment.project.key
    record(by, "key.made", key, project_key=project_key, deployment=deployment.name, key_name=name, days=days)
    return key, secret


@transaction.atomic
def revoke_key(key: ConsumerKey, *, by: Actor) -> None:
    """End a key within a second. Revoking twice changes nothing."""
    if ConsumerKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=Now()):
        changed()
        deployment = key.deployment
        record(
            by, "key.revoked", key, project_key=deployment.project.key, deployment=deployment.name, key_name=key.name
        )
