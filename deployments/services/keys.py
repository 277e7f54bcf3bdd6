"""The keys of calling applications: made, changed, revoked."""

from collections.abc import Sequence
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
from problems.problem import Conflict, Invalid

DEFAULT_DAYS, MOST_DAYS = 90, 365
MOST_A_MINUTE, MOST_ROWS_A_DAY = 10_000_000, 1_000_000_000_000
MOST_DEPLOYMENTS = 50


@transaction.atomic
def make_key(
    deployment: Deployment,
    *,
    name: str,
    days: int,
    by: Actor,
    also: Sequence[str] = (),
    per_minute: int | None = None,
    rows_per_day: int | None = None,
) -> tuple[ConsumerKey, str]:
    """A key for one calling application, for a deployment and perhaps others of its project.

    The secret is returned this once; only its hash is kept.
    """
    name = name.strip()
    if not name or len(name) > 80:
        raise Invalid(
            "Name the application that will use this key, in up to 80 characters.",
            fields={"name": "1 to 80 characters."},
        )
    if not 1 <= days <= MOST_DAYS:
        raise Invalid(f"A key lives from 1 to {MOST_DAYS} days.", fields={"days": f"1 to {MOST_DAYS}."})
    limits, others = _limits(per_minute, rows_per_day), _others(deployment, also)
    secret = new_secret("bk")
    key = ConsumerKey.objects.create(
        deployment=deployment,
        name=name,
        prefix=secret[:12],
        digest=digest(secret),
        created_by=as_user(by),
        expires_at=timezone.now() + timedelta(days=days),
        **limits,
    )
    key.also.set(others)
    changed()
    project_key = deployment.project.key
    about = {"deployment": deployment.name, "key_name": name, "also": [one.name for one in others], **limits}
    record(by, "key.made", key, project_key=project_key, **about, days=days)
    return key, secret


@transaction.atomic
def change_key(
    key: ConsumerKey, *, also: Sequence[str], per_minute: int | None, rows_per_day: int | None, by: Actor
) -> ConsumerKey:
    """Other deployments or limits for a key that works; servers know within a second."""
    row = ConsumerKey.objects.select_for_update().get(pk=key.pk)
    if row.revoked_at or row.has_expired:
        raise Conflict(f"The key of {row.name} works no more. Make a new one.", code="ended")
    limits, others = _limits(per_minute, rows_per_day), _others(row.deployment, also)
    row.per_minute, row.rows_per_day = limits["per_minute"], limits["rows_per_day"]
    row.save(update_fields=["per_minute", "rows_per_day"])
    row.also.set(others)
    changed()
    about = {"deployment": row.deployment.name, "key_name": row.name, "also": [one.name for one in others], **limits}
    record(by, "key.changed", row, project_key=row.deployment.project.key, **about)
    return row


def _limits(per_minute: int | None, rows_per_day: int | None) -> dict[str, int | None]:
    given = {"per_minute": (per_minute, MOST_A_MINUTE), "rows_per_day": (rows_per_day, MOST_ROWS_A_DAY)}
    for name, (value, most) in given.items():
        if value is not None and not 1 <= value <= most:
            text = f"A limit is a whole number from 1 to {most}; leave it out for none."
            raise Invalid(text, fields={name: text})
    return {name: value for name, (value, _) in given.items()}


def _others(deployment: Deployment, names: Sequence[str]) -> list[Deployment]:
    """Further deployments of the same project, by name."""
    wanted = list(dict.fromkeys(name for name in names if name != deployment.name))
    if len(wanted) > MOST_DEPLOYMENTS:
        raise Invalid(f"Name at most {MOST_DEPLOYMENTS} deployments.", fields={"also": "Too many."})
    found = {one.name: one for one in Deployment.objects.filter(project=deployment.project_id, name__in=wanted)}
    if strange := [name for name in wanted if name not in found]:
        text = f"There is no deployment “{strange[0][:60]}” in this project."
        raise Invalid(text, fields={"also": text})
    return [found[name] for name in wanted]


@transaction.atomic
def revoke_key(key: ConsumerKey, *, by: Actor) -> None:
    """End a key within a second. Revoking twice changes nothing."""
    if ConsumerKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=Now()):
        changed()
        deployment = key.deployment
        record(
            by, "key.revoked", key, project_key=deployment.project.key, deployment=deployment.name, key_name=key.name
        )
