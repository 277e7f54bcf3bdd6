"""Every write of the deployments room: asking for production, promoting, going back, keys, the stored log."""

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from accounts.models import as_user
from accounts.one_time import digest, new_secret
from audit.actors import Actor, Machine
from audit.services import record
from deployments import gate_rules, queries
from deployments.models import ConsumerKey, Deployment, Release, Revision, Segment, Server
from experiments.models.registry import ModelVersion
from jobs import services as jobs
from jobs.models import Job
from notices.services import tell
from problems.problem import Conflict, Invalid
from projects.contract import Verdict, as_row
from projects.models.define import Contract
from projects.models.gates import Gate, Waiver
from projects.models.projects import Project
from projects.permissions import Role
from projects.queries.define import contract_in_force
from projects.queries.gates import blocked_by, open_gates, settled
from projects.queries.team import members_with
from projects.services.gates import open_gate, pass_gate
from storage.blobs import verified_path
from storage.models import Blob

DEFAULT_DAYS, MOST_DAYS = 90, 365
SERVER, PLATFORM = Machine("prediction server"), Machine("platform")
TOLD = [
    Role.OWNER,
    Role.BUSINESS_ANALYST,
    Role.PRODUCT_MANAGER,
    Role.DATA_SCIENTIST,
    Role.ML_ENGINEER,
    Role.MLOPS_ENGINEER,
]


# ---- The gate ----


def request_promotion(
    version: ModelVersion, *, environment: str, comment: str, by: Actor, instead: bool = False
) -> Gate:
    """Ask to let a version into an environment: opens its gate, or looks at the checks of the open one again.

    `instead` puts the asker in the place of whoever asked before.
    """
    gate = _ask(version, environment, comment, by, instead)
    _, running = queries.rehearsal_of(version)
    if not running and queries.needs_rehearsal(version):
        _start_rehearsal(version, by)
        gate = _ask(version, environment, "", by)
    return gate


def check_again(version: ModelVersion, *, environment: str, by: Actor) -> Gate:
    """Measure once more, and look at every check again."""
    _, running = queries.rehearsal_of(version)
    if not running:
        _start_rehearsal(version, by)
    return _ask(version, environment, "", by)


def _start_rehearsal(version: ModelVersion, by: Actor) -> Job:
    return jobs.start(
        "deployments.rehearse",
        by=by,
        title=f"Rehearsing {version}",
        subject=version,
        project_key=version.model.project.key,
        payload={"version": str(version.pk)},
    )


@transaction.atomic
def _ask(version: ModelVersion, environment: str, comment: str, by: Actor, instead: bool = False) -> Gate:
    if environment not in gate_rules.ENVIRONMENTS:
        known = ", ".join(gate_rules.ENVIRONMENTS)
        raise Invalid(
            f"There is no environment {environment[:40]}. Known: {known}.", fields={"to": f"One of: {known}."}
        )
    _refuse_if_in_use(version, environment)
    project, rule = version.model.project, queries.rule_for_version(version, environment)
    return open_gate(
        project,
        subject=version,
        name=str(version),
        url=reverse("model-version", args=[project.key, version.model.name, version.number]),
        environment=environment,
        fingerprint=queries.fingerprint_of(version, environment),
        checks=gate_rules.checks(queries.facts_of(version, environment)),
        roles=rule.roles,
        rule=rule.as_dict(),
        comment=comment.strip()[:2000],
        by=by,
        instead=instead,
    )


def _refuse_if_in_use(version: ModelVersion, environment: str) -> None:
    deployment = queries.deployment_of(version, environment)
    champion = queries.champion_of(deployment) if deployment else None
    if champion and champion.version_id == version.pk:
        raise Conflict(f"{version} is in {environment} already.", code="already_there")


@transaction.atomic
def refresh_checks(version: ModelVersion, *, by: Actor) -> None:
    """A rehearsal has ended: the open gate of this version shows what it measured."""
    gate = queries.latest_gate(version)
    if gate and gate.state == Gate.State.OPEN:
        _ask(version, gate.environment, "", by)


# ---- New targets ----


def _judge(release: Release, contract: Contract | None) -> None:
    """How the version stands by these targets, from what was measured of it."""
    judged = queries.judgements_of(release.version, contract, release.measured)
    release.contract, release.verdicts = contract, [as_row(one) for one in judged]


def judge_again(project: Project, contract: Contract) -> None:
    """Other targets are signed: what is in use is judged by them, and what waits at a gate has to ask again."""
    champions = Release.objects.filter(deployment__project=project, state=Release.State.CHAMPION)
    for release in champions.select_related("deployment", "version__model", "version__run__project"):
        _judge(release, contract)
        release.save(update_fields=["contract", "verdicts"])
        missed = [row["name"] for row in release.verdicts if row["verdict"] == Verdict.NOT_MET]
        about = {"version": str(release.version), "contract": contract.version, "missed": missed}
        record(PLATFORM, "release.judged_again", release, project_key=project.key, **about)
        if missed:
            text = f"{release.version}, in use, misses the targets signed now: {', '.join(missed)}."
            _tell_team(project, text, release.deployment)
    for gate in open_gates([project]):
        version = queries.version_at(gate)
        if version:
            _ask(version, gate.environment, gate.comment, gate.requested_by or PLATFORM)


# ---- Promotion ----


def promote(version: ModelVersion, *, environment: str, comment: str, by: Actor) -> Job:
    """Start the promotion, or raise a Conflict that names all that still stands in the way (the gate is open then)."""
    gate = request_promotion(version, environment=environment, comment=comment, by=by)
    if waits := blocked_by(gate):
        count = f"{len(waits)} things are" if len(waits) > 1 else "One thing is"
        raise Conflict(f"{version} may not go to {environment} yet. {count} missing.", code="blocked", blocked_by=waits)
    return _start_promotion(version, gate, by)


def _start_promotion(version: ModelVersion, gate: Gate, by: Actor) -> Job:
    project = version.model.project
    try:
        with transaction.atomic():
            deployment = _deployment_for(version, gate.environment)
            release = Release.objects.create(deployment=deployment, version=version, gate=gate, created_by=as_user(by))
            record(by, "release.requested", release, project_key=project.key, version=str(version))
            return jobs.start(
                "deployments.promote",
                by=by,
                title=f"Promoting {version} to {gate.environment}",
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
    if found := queries.deployment_of(version, environment):
        return found
    project = version.model.project
    name = version.model.name
    if Deployment.objects.filter(name=name).exists():
        name = f"{project.key}-{name}"[:60]
    return Deployment.objects.create(project=project, model=version.model, name=name, environment=environment)


def refuse_failing_cases(release: Release) -> None:
    """A case that blocks and comes out otherwise stops the switch, unless the gate waived it."""
    excused = settled(release.gate) if release.gate else {}
    for case in queries.answered_book(release.version.run).failed:
        waiver = excused.get(f"edge_case_{case.number}")
        if case.blocking and not (waiver and waiver.kind == Waiver.Kind.WAIVED):
            text = f"Edge case {case.number}, “{case.name}”, must come out otherwise: {case.reason}"
            raise Conflict(f"{text} Nothing was switched.", code="edge_case")


def finish_promotion(release: Release, measured: dict[str, Any], *, by: Actor) -> None:
    """Make the release champion and retire the one before; call it in the transaction that ends the job."""
    deployment = Deployment.objects.select_for_update().get(pk=release.deployment_id)
    rows = Release.objects.select_for_update(of=("self",)).select_related("version__model__project", "gate")
    row = rows.get(pk=release.pk)
    if row.state != Release.State.PREPARING or row.gate is None:
        raise Conflict("This promotion was called off.", code="called_off")
    if row.gate.fingerprint != queries.fingerprint_of(row.version, row.gate.environment):
        raise Conflict(
            "The targets or the rules were changed after the signatures. Ask for production again.", code="changed"
        )
    before = _retire_champion(deployment)
    row.state, row.started_at, row.measured = Release.State.CHAMPION, timezone.now(), measured
    _judge(row, contract_in_force(row.deployment.project))
    row.save()
    pass_gate(row.gate, by=by)
    _changed()
    was = str(before.version) if before else ""
    project = deployment.project
    record(by, "release.promoted", row, project_key=project.key, version=str(row.version), before=was)
    text = f"{row.version} is in production" + (f" in place of version {before.version.number}." if before else ".")
    _tell_team(project, text, deployment)


def fail_promotion(release_id: str, message: str, *, by: Actor) -> None:
    """The promotion did not end well; the champion stays."""
    failed = Release.objects.filter(pk=release_id, state=Release.State.PREPARING)
    release = failed.select_related("deployment__project", "version__model").first()
    if release is None:
        return
    failed.update(state=Release.State.FAILED, message=message, ended_at=Now())
    record(by, "release.failed", release, project_key=release.deployment.project.key, why=message)
    text = f"{release.version} did not go to production: {message}"
    _tell_team(release.deployment.project, text, release.deployment)


def _retire_champion(deployment: Deployment) -> Release | None:
    champion = queries.champion_of(deployment)
    if champion:
        Release.objects.filter(pk=champion.pk).update(state=Release.State.RETIRED, ended_at=Now())
    return champion


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
    champion = queries.champion_of(row)
    if champion and champion.version_id == to.version_id:
        raise Conflict(f"{to.version} is in use already.", code="already_there")
    verified_path(to.version.bundle_id)  # a damaged one is refused, and the current one stays
    for other in row.releases.filter(state=Release.State.PREPARING):
        fail_promotion(str(other.pk), "It was called off by a roll-back.", by=by)
    _retire_champion(row)
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
    _judge(release, contract_in_force(row.project))
    release.save(update_fields=["contract", "verdicts"])
    _changed()
    was = str(champion.version) if champion else ""
    key = row.project.key
    record(
        by, "release.rolled_back", release, project_key=key, version=str(to.version), before=was, reason=reason.strip()
    )
    _tell_team(
        row.project, f"{by.actor_name} rolled {row.name} back to version {to.version.number}: {reason.strip()}", row
    )
    return release


@transaction.atomic
def take_out_of_use(deployment: Deployment, *, reason: str, by: Actor) -> None:
    """Stop answering: the model in use is kept ready, and a promotion under way is called off."""
    if not reason.strip():
        raise Invalid("Say why it stops.", fields={"reason": "Say why it stops."})
    row = Deployment.objects.select_for_update().select_related("project").get(pk=deployment.pk)
    champion = _retire_champion(row)
    if champion is None:
        raise Conflict(f"Nothing is in use under {row.name}.", code="not_in_use")
    for other in row.releases.filter(state=Release.State.PREPARING):
        fail_promotion(str(other.pk), "It was called off, because the deployment was taken out of use.", by=by)
    _changed()
    key = row.project.key
    record(by, "release.taken_out", champion, project_key=key, version=str(champion.version), reason=reason.strip())
    _tell_team(row.project, f"{by.actor_name} took {row.name} out of use: {reason.strip()}", row)


def _tell_team(project: Project, text: str, deployment: Deployment) -> None:
    people = [user.pk for user in members_with(project, TOLD)]
    tell(people, text, url=reverse("deployment", args=[project.key, deployment.name]), project_key=project.key)


# ---- Keys ----


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
    _changed()
    project_key = deployment.project.key
    record(by, "key.made", key, project_key=project_key, deployment=deployment.name, key_name=name, days=days)
    return key, secret


@transaction.atomic
def revoke_key(key: ConsumerKey, *, by: Actor) -> None:
    """End a key within a second. Revoking twice changes nothing."""
    if ConsumerKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=Now()):
        _changed()
        deployment = key.deployment
        record(
            by, "key.revoked", key, project_key=deployment.project.key, deployment=deployment.name, key_name=key.name
        )


# ---- What prediction servers and the log tell ----


def _changed() -> None:
    """Count one change for the prediction servers."""
    if not Revision.objects.filter(pk=1).update(number=F("number") + 1):
        Revision.objects.get_or_create(pk=1, defaults={"number": 1})


def server_seen(name: str) -> None:
    """A prediction server is alive."""
    Server.objects.update_or_create(name=name, defaults={"seen_at": timezone.now()})
    Server.objects.filter(seen_at__lt=timezone.now() - timedelta(hours=1)).delete()


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
            _tell_team(project, f"{release.deployment.name} needs you: {trouble}", release.deployment)


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
            "first_at": datetime.fromisoformat(found["first_at"]),
            "last_at": datetime.fromisoformat(found["last_at"]),
        },
    )
    return fresh
