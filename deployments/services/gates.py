"""The gate to an environment: asking, checking again, judging again when other targets are signed."""

from django.db import transaction
from django.urls import reverse

from audit.actors import Actor
from audit.services import record
from deployments import gate_rules
from deployments.models import Release
from deployments.queries.deployments import champion_of, deployment_of
from deployments.queries.environments import PRODUCTION
from deployments.queries.gates import facts_of, needs_rehearsal
from deployments.queries.versions import fingerprint_of, latest_gate, rehearsal_of, rule_for_version, version_at
from deployments.services.judging import judge
from deployments.services.telling import PLATFORM, tell_team
from experiments.models.registry import ModelVersion
from jobs import services as jobs
from jobs.models import Job
from problems.problem import Conflict, Invalid
from projects.contract import Verdict
from projects.models.define import Contract
from projects.models.gates import Gate
from projects.models.projects import Project
from projects.queries.gates import open_gates
from projects.services.gates import open_gate


def request_promotion(
    version: ModelVersion, *, environment: str, comment: str, by: Actor, instead: bool = False
) -> Gate:
    """Ask to let a version into an environment: opens its gate, or looks at the checks of the open one again.

    `instead` puts the asker in the place of whoever asked before.
    """
    gate = ask(version, environment, comment, by, instead)
    _, running = rehearsal_of(version)
    if not running and needs_rehearsal(version):
        _start_rehearsal(version, by)
        gate = ask(version, environment, "", by)
    return gate


def check_again(version: ModelVersion, *, environment: str, by: Actor) -> Gate:
    """Measure once more, and look at every check again."""
    _, running = rehearsal_of(version)
    if not running:
        _start_rehearsal(version, by)
    return ask(version, environment, "", by)


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
def ask(version: ModelVersion, environment: str, comment: str, by: Actor, instead: bool = False) -> Gate:
    if environment not in gate_rules.ENVIRONMENTS:
        known = ", ".join(gate_rules.ENVIRONMENTS)
        raise Invalid(
            f"There is no environment {environment[:40]}. Known: {known}.", fields={"to": f"One of: {known}."}
        )
    _refuse_if_in_use(version, environment)
    project, rule = version.model.project, rule_for_version(version, environment)
    url = reverse("model-version", args=[project.key, version.model.name, version.number])
    return open_gate(
        project,
        subject=version,
        name=str(version),
        url=url if environment == PRODUCTION else f"{url}?to={environment}",
        environment=environment,
        fingerprint=fingerprint_of(version, environment),
        checks=gate_rules.checks(facts_of(version, environment)),
        roles=rule.roles,
        rule=rule.as_dict(),
        comment=comment.strip()[:2000],
        by=by,
        instead=instead,
    )


def _refuse_if_in_use(version: ModelVersion, environment: str) -> None:
    deployment = deployment_of(version, environment)
    champion = champion_of(deployment) if deployment else None
    if champion and champion.version_id == version.pk:
        raise Conflict(f"{version} is in {environment} already.", code="already_there")


@transaction.atomic
def refresh_checks(version: ModelVersion, *, by: Actor) -> None:
    """A rehearsal has ended: the open gate of this version shows what it measured."""
    for environment in gate_rules.ENVIRONMENTS:
        gate = latest_gate(version, environment)
        if gate and gate.state == Gate.State.OPEN:
            ask(version, gate.environment, "", by)


def judge_again(project: Project, contract: Contract) -> None:
    """Other targets are signed: what is in use is judged by them, and what waits at a gate has to ask again."""
    champions = Release.objects.filter(deployment__project=project, state=Release.State.CHAMPION)
    for release in champions.select_related("deployment", "version__model", "version__run__project"):
        judge(release, contract)
        release.save(update_fields=["contract", "verdicts"])
        missed = [row["name"] for row in release.verdicts if row["verdict"] == Verdict.NOT_MET]
        about = {"version": str(release.version), "contract": contract.version, "missed": missed}
        record(PLATFORM, "release.judged_again", release, project_key=project.key, **about)
        if missed:
            text = f"{release.version}, in use, misses the targets signed now: {', '.join(missed)}."
            tell_team(project, text, release.deployment)
    for gate in open_gates([project]):
        version = version_at(gate)
        if version:
            ask(version, gate.environment, gate.comment, gate.requested_by or PLATFORM)
