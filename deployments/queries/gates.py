"""What the checks of a gate need to know of a version."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from deployments import conditions
from deployments.gate_rules import ENVIRONMENTS, Book, Champion, Facts, FailedCase
from deployments.models import Release
from deployments.queries.decisions import rule_for
from deployments.queries.deployments import champion_of, deployment_of
from deployments.queries.environments import PRODUCTION, missed_environments, outside_scope
from deployments.queries.versions import judgements_of, limits_of, rehearsal_of, rule_for_version, signature_of
from experiments.models.cases import EdgeCase
from experiments.models.registry import ModelVersion
from experiments.models.runs import Run
from experiments.queries.cases import book_of, results_for, unasked
from experiments.queries.evaluations import protected_in
from experiments.value import under
from projects.queries.charter import is_approved
from projects.queries.define import charter_of, contract_in_force
from projects.queries.risk import tier_of
from projects.risk import Tier


def facts_of(version: ModelVersion, environment: str) -> Facts:
    """Everything that the checks of one version need."""
    project = version.model.project
    contract = contract_in_force(project)
    rehearsal, running = rehearsal_of(version)
    rule = rule_for(project, version.run)
    parts = wanted_parts(version, environment)
    return Facts(
        judgements=judgements_of(version, contract, rehearsal),
        contract_version=contract.version if contract else None,
        contract_signed=bool(contract and contract.signed_at),
        signature=signature_of(version),
        metrics=under(version.run.evaluation, version.run.metrics, rule),
        held_back=_held_back(version.run),
        champion=_champion(version, environment),
        rehearsal=rehearsal,
        rehearsal_running=running,
        judged_at=f"{rule.named}, {100 * rule.threshold:.4g}%" if rule else "",
        charter_approved=is_approved(charter_of(version.model.project)),
        must=rule_for_version(version, environment).must,
        book=answered_book(version.run),
        missed=missed_environments(version, environment),
        environment=environment,
        outside=outside_scope(version, environment),
        limits=limits_of(version, environment),
        wanted=parts,
        looked_at=_has(rehearsal, parts, version.run),
    )


def wanted_parts(version: ModelVersion, environment: str) -> tuple[str, ...]:
    """Which parts of a judging the gate to an environment needs."""
    high = environment == PRODUCTION and tier_of(version.model.project) == Tier.HIGH
    return conditions.wanted(limits_of(version, environment), high, bool(high and protected_in(version.run)))


def parts_to_look_at(version: ModelVersion) -> tuple[str, ...]:
    """The same for the gates to all environments: what a rehearsal looks at."""
    asked = {part for name in ENVIRONMENTS for part in wanted_parts(version, name)}
    return tuple(part for part in ("fairness", "stress") if part in asked)


def _has(rehearsal: dict[str, Any] | None, parts: tuple[str, ...], run: Run) -> bool:
    """Whether a rehearsal looked at these parts by the threshold that decides now, and at all that is protected now."""
    if not parts:
        return rehearsal is not None
    if rehearsal is None or not set(parts) <= set(rehearsal.get("parts", ())):
        return False
    rule = rule_for(run.project, run)
    if rehearsal.get("at") != (rule.threshold if rule else None):
        return False
    return "fairness" not in parts or set(protected_in(run)) <= set(rehearsal.get("attributes", ()))


def answered_book(run: Run) -> Book:
    """How a run's model answers what the edge-case book says now."""
    book = book_of(run.project)
    results = results_for(run, book)
    wrong = [one for one in book if one.pk in results and not results[one.pk].passed]
    failed = tuple(FailedCase(one.case.number, one.name, one.reason, one.blocking) for one in wrong)
    return Book(len(results), len(book) - len(results), failed)


def champions_to_ask(hours: int = 24) -> list[Release]:
    """What is in use and was not asked about the whole edge-case book for so long."""
    with_book = EdgeCase.objects.filter(retired_at=None).values("project")
    champions = Release.objects.filter(state=Release.State.CHAMPION, deployment__project__in=with_book)
    long_ago, found = timezone.now() - timedelta(hours=hours), []
    for release in champions.select_related("version__run__project"):
        book = book_of(release.version.run.project)
        results = results_for(release.version.run, book)
        if len(results) < len(book) or any(one.checked_at < long_ago for one in results.values()):
            found.append(release)
    return found


def needs_rehearsal(version: ModelVersion) -> bool:
    """Whether nobody has measured this version as its gates want it now, or asked it what the edge-case book says."""
    measured, _ = rehearsal_of(version)
    if measured is None or not _has(measured, parts_to_look_at(version), version.run):
        return True
    return bool(unasked(version.run))


def _held_back(run: Run) -> str:
    """Names the rows that a run was measured on: the same data, cut the same way, for the same target."""
    spec = run.spec
    return f"{run.data.table_id} {sorted(spec.get('split', {}).items())} {spec.get('target')} {spec.get('positive')}"


def _champion(version: ModelVersion, environment: str) -> Champion | None:
    deployment = deployment_of(version, environment)
    release = champion_of(deployment) if deployment else None
    if release is None or release.version_id == version.pk:
        return None
    live = release.version
    metrics = under(live.run.evaluation, live.run.metrics, rule_for(version.model.project, live.run))
    return Champion(live.number, signature_of(live), metrics, _held_back(live.run))
