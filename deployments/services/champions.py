"""Who is in use: the one before steps down, the next one takes its place, in the caller's transaction."""

from django.db.models.functions import Now
from django.utils import timezone

from audit.actors import Actor
from audit.services import record
from deployments.models import Deployment, Release
from deployments.queries.deployments import champion_of
from deployments.queries.traffic import what_changed
from deployments.services.judging import judge
from deployments.services.servers import changed
from deployments.services.telling import tell_team
from problems.problem import Conflict
from projects.queries.define import contract_in_force


def retire_champion(deployment: Deployment) -> Release | None:
    champion = champion_of(deployment)
    if champion:
        Release.objects.filter(pk=champion.pk).update(state=Release.State.RETIRED, ended_at=Now())
    return champion


def refuse_changed(release: Release) -> None:
    """Signatures are for exactly what was signed."""
    if text := what_changed(release):
        raise Conflict(text, code="changed")


def make_champion(release: Release, *, by: Actor) -> None:
    """Put a release into use in the place of the one before; the deployment's row is locked by the caller."""
    deployment = release.deployment
    before = retire_champion(deployment)
    release.state, release.started_at = Release.State.CHAMPION, timezone.now()
    judge(release, contract_in_force(deployment.project))
    release.save()
    changed()
    was, project = str(before.version) if before else "", deployment.project
    record(by, "release.promoted", release, project_key=project.key, version=str(release.version), before=was)
    where = f"{release.version} is in {deployment.environment}"
    tell_team(project, f"{where} in place of version {before.version.number}." if before else f"{where}.", deployment)
