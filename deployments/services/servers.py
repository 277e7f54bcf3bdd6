"""What prediction servers count and tell, and the stored pieces of their log."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from audit.actors import Actor
from audit.services import record
from deployments.models import Deployment, Release, Revision, Segment, Server
from deployments.services.telling import SERVER, tell_team
from storage import blobs
from storage.models import Blob


def changed() -> None:
    """Count one change for the prediction servers."""
    if not Revision.objects.filter(pk=1).update(number=F("number") + 1):
        Revision.objects.get_or_create(pk=1, defaults={"number": 1})


def server_seen(name: str) -> None:
    """A prediction server is alive."""
    Server.objects.update_or_create(name=name, defaults={"seen_at": timezone.now()})
    Server.objects.filter(seen_at__lt=timezone.now() - timedelta(hours=1)).delete()


@transaction.atomic
def tell_log_trouble(server: str, trouble: str) -> None:
    """A server cannot write its log: the teams that are answered all the same, and those that are not, are told."""
    live = Deployment.objects.filter(releases__state=Release.State.CHAMPION).select_related("project").distinct()
    for deployment in live:
        now = "It answers all the same, unlogged" if deployment.answers_unlogged else "Callers get a 503"
        key = deployment.project.key
        record(
            SERVER, "log.troubled", deployment, project_key=key, deployment=deployment.name, server=server, why=trouble
        )
        tell_team(deployment.project, f"{deployment.name}: {trouble} {now} until it can be written again.", deployment)


def mark_trouble(release_id: str, trouble: str) -> None:
    """A server cannot load a release (any more), or can again. The people who can go back are told once."""
    changed = Release.objects.filter(pk=release_id).exclude(trouble=trouble)
    release = changed.select_related("deployment__project", "version__model").first()
    if release is None:
        return
    with transaction.atomic():
        if not changed.update(trouble=trouble):
            return
        project, name = release.deployment.project, "release.damaged" if trouble else "release.mended"
        record(SERVER, name, release, project_key=project.key, version=str(release.version), why=trouble)
        if trouble:
            tell_team(project, f"{release.deployment.name} needs you: {trouble}", release.deployment)


def add_segment(found: dict[str, Any], table: Blob) -> bool:
    """Register a stored piece of the log, once. Rows of a deployment that no longer exists have no place to go."""
    deployment = Deployment.objects.filter(name=found["deployment"]).first()
    if deployment is None:
        return False
    _, fresh = Segment.objects.get_or_create(
        deployment=deployment,
        source=found["source"],
        defaults={
            "table": table,
            "rows": found["rows"],
            "is_shadow": found.get("is_shadow", False),
            "first_at": datetime.fromisoformat(found["first_at"]),
            "last_at": datetime.fromisoformat(found["last_at"]),
        },
    )
    return fresh


def forget_answers(before: datetime, *, by: Actor) -> int:
    """Let stored answers go for good, with their inputs, where the newest of a piece is older; gives how many."""
    gone = 0
    for deployment in Deployment.objects.filter(segments__last_at__lt=before).select_related("project").distinct():
        old = deployment.segments.filter(last_at__lt=before)
        with transaction.atomic():
            pieces = list(old.values_list("pk", "table_id", "rows"))
            rows, key = sum(rows for _, _, rows in pieces), deployment.project.key
            record(by, "log.forgotten", deployment, project_key=key, deployment=deployment.name, rows=rows)
            deployment.segments.filter(pk__in=[pk for pk, _, _ in pieces]).delete()
        blobs.free(table for _, table, _ in pieces)
        gone += rows
    return gone
