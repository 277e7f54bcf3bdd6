"""What is in use: promoting, going back, taking out of use."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import as_user
from audit.actors import Actor
from audit.services import record
from deployments.models import Deployment, Release, TrafficPlan
from deployments.queries.deployments import champion_of, deployment_of
from deployments.queries.environments import PRODUCTION
from deployments.queries.gates import answered_book
from deployments.services.champions import make_champion, refuse_changed, retire_champion
from deployments.services.gates import request_promotion
from deployments.services.judging import judge
from deployments.services.servers import changed
from deployments.services.telling import tell_team
from deployments.services.trials import Trial, begin, end_trial, lay_plan, refuse_beside_a_trial
from experiments.models.registry import ModelVersion
from jobs import services as jobs
from jobs.models import Job
from problems.problem import Conflict, Invalid
from projects.models.gates import Gate, Waiver
from projects.queries.define import contract_in_force
from projects.queries.gates import blocked_by, settled
from projects.services.gates import pass_gate
from storage.blobs import verified_path


def promote(version: ModelVersion, *, environment: str, comment: str, by: Actor, trial: Trial | None = None) -> Job:
    """Start the promotion, or raise a Conflict that names all that still stands in the way (the gate is open then).

    With a `trial` it does not switch at once: the version answers a growing share of the requests first.
    """
    gate = request_promotion(version, environment=environment, comment=comment, by=by)
    if waits := blocked_by(gate):
        count = f"{len(waits)} things are" if len(waits) > 1 else "One thing is"
        raise Conflict(f"{version} may not go to {environment} yet. {count} missing.", code="blocked", blocked_by=waits)
    return start_release(version, environment, gate=gate, trial=trial, by=by)


def start_release(version: ModelVersion, environment: str, *, gate: Gate | None, trial: Trial | None, by: Actor) -> Job:
    """Queue the rehearsal that ends with the switch, or with the beginning of a trial."""
    project = version.model.project
    try:
        with transaction.atomic():
            deployment = _deployment_for(version, environment)
            refuse_beside_a_trial(deployment)
            release = Release.objects.create(deployment=deployment, version=version, gate=gate, created_by=as_user(by))
            if trial:
                lay_plan(release, trial, by=by)
            record(by, "release.requested", release, project_key=project.key, version=str(version))
            doing = "Trying" if trial else "Promoting"
            return jobs.start(
                "deployments.promote",
                by=by,
                title=f"{doing} {version} in {environment}" if trial else f"{doing} {version} to {environment}",
                subject=release,
                project_key=project.key,
                payload={"release": str(release.pk)},
            )
    except IntegrityError:
        raise Conflict(
            "Another promotion to this deployment is under way. Wait until it has ended.", code="busy"
        ) from None


def _deployment_for(version: ModelVersion, environment: str) -> Deployment:
    """The deployment of this model; its name is the model's, and the project's key goes before one that is taken."""
    if found := deployment_of(version, environment):
        return found
    project = version.model.project
    name = version.model.name if environment == PRODUCTION else f"{version.model.name}-{environment}"[:60]
    if Deployment.objects.filter(name=name).exists():
        name = f"{project.key}-{name}"[:60]
    return Deployment.objects.create(project=project, model=version.model, name=name, environment=environment)


def refuse_failing_cases(release: Release) -> None:
    """A case that blocks and comes out otherwise stops the switch, unless the gate waived it."""
    excused = settled(release.gate) if release.gate else {}
    for case in answered_book(release.version.run).failed:
        waiver = excused.get(f"edge_case_{case.number}")
        if case.blocking and not (waiver and waiver.kind == Waiver.Kind.WAIVED):
            text = f"Edge case {case.number}, “{case.name}”, must come out otherwise: {case.reason}"
            raise Conflict(f"{text} Nothing was switched.", code="edge_case")


def finish_promotion(release: Release, measured: dict[str, Any], *, by: Actor) -> None:
    """Make the release champion and retire the one before; call it in the transaction that ends the job."""
    deployment = Deployment.objects.select_for_update().get(pk=release.deployment_id)
    rows = Release.objects.select_for_update(of=("self",)).select_related("version__model__project", "gate")
    row = rows.get(pk=release.pk)
    plan = TrafficPlan.objects.filter(challenger=row).first()
    if row.state != Release.State.PREPARING or (row.gate is None and plan is None):
        raise Conflict("This promotion was called off.", code="called_off")
    refuse_changed(row)
    row.measured = measured
    if plan:
        begin(plan, row, by=by)
    else:
        end_trial(deployment, f"{row.version} was promoted.", by=by)
        make_champion(row, by=by)
    if row.gate:
        pass_gate(row.gate, by=by)


def fail_promotion(release_id: str, message: str, *, by: Actor) -> None:
    """The promotion did not end well; the champion stays."""
    failed = Release.objects.filter(pk=release_id, state=Release.State.PREPARING)
    release = failed.select_related("deployment__project", "version__model").first()
    if release is None:
        return
    failed.update(state=Release.State.FAILED, message=message, ended_at=Now())
    TrafficPlan.objects.filter(challenger=release).update(
        state=TrafficPlan.State.STOPPED, reason=message, ended_at=Now()
    )
    record(by, "release.failed", release, project_key=release.deployment.project.key, why=message)
    text = f"{release.version} did not go to {release.deployment.environment}: {message}"
    tell_team(release.deployment.project, text, release.deployment)


@transaction.atomic
def roll_back(deployment: Deployment, *, to: Release, reason: str, by: Actor) -> Release:
    """Go back to a version that was in use before: at once, without a gate. A promotion under way is called off."""
    if not reason.strip():
        raise Invalid("Say why you go back.", fields={"reason": "Say why you go back."})
    row = Deployment.objects.select_for_update().select_related("project").get(pk=deployment.pk)
    if to.deployment_id != row.pk or to.started_at is None or to.state != Release.State.RETIRED:
        raise Conflict("One can go back only to a version that was in use here before.", code="never_in_use")
    if to.version.deleted_at:
        raise Conflict(f"{to.version}. Take it out first.", code="in_the_bin")
    champion = champion_of(row)
    if champion and champion.version_id == to.version_id:
        raise Conflict(f"{to.version} is in use already.", code="already_there")
    verified_path(to.version.bundle_id)  # a damaged one is refused, and the current one stays
    for other in row.releases.filter(state=Release.State.PREPARING):
        fail_promotion(str(other.pk), "It was called off by a roll-back.", by=by)
    end_trial(row, f"It was called off by a roll-back: {reason.strip()}", by=by)
    retire_champion(row)
    release = Release.objects.create(
        deployment=row,
        version=to.version,
        gate=to.gate,
        state=Release.State.CHAMPION,
        message=reason.strip()[:2000],
        measured=to.measured,
        went_back_from=champion,
        created_by=as_user(by),
        started_at=timezone.now(),
    )
    judge(release, contract_in_force(row.project))
    release.save(update_fields=["contract", "verdicts"])
    changed()
    was = str(champion.version) if champion else ""
    key = row.project.key
    record(
        by, "release.rolled_back", release, project_key=key, version=str(to.version), before=was, reason=reason.strip()
    )
    tell_team(
        row.project, f"{by.actor_name} rolled {row.name} back to version {to.version.number}: {reason.strip()}", row
    )
    return release


@transaction.atomic
def take_out_of_use(deployment: Deployment, *, reason: str, by: Actor) -> None:
    """Stop answering: the model in use is kept ready, and a promotion under way is called off."""
    if not reason.strip():
        raise Invalid("Say why it stops.", fields={"reason": "Say why it stops."})
    row = Deployment.objects.select_for_update().select_related("project").get(pk=deployment.pk)
    champion = retire_champion(row)
    if champion is None:
        raise Conflict(f"Nothing is in use under {row.name}.", code="not_in_use")
    for other in row.releases.filter(state=Release.State.PREPARING):
        fail_promotion(str(other.pk), "It was called off, because the deployment was taken out of use.", by=by)
    end_trial(row, "It was called off, because the deployment was taken out of use.", by=by)
    changed()
    key = row.project.key
    record(by, "release.taken_out", champion, project_key=key, version=str(champion.version), reason=reason.strip())
    tell_team(row.project, f"{by.actor_name} took {row.name} out of use: {reason.strip()}", row)
