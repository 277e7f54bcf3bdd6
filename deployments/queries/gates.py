"""What the checks of a gate need to know of a version."""

from datetime import timedelta

from django.utils import timezone

from deployments.gate_rules import Book, Champion, Facts, FailedCase
from deployments.models import Release
from deployments.queries.decisions import rule_for
from deployments.queries.deployments import champion_of, deployment_of
from deployments.queries.environments import missed_environments, outside_scope
from deployments.queries.versions import judgements_of, rehearsal_of, rule_for_version, signature_of
from experiments.models.cases import EdgeCase
from experiments.models.registry import ModelVersion
from experiments.models.runs import Run
from experiments.queries.cases import book_of, results_for, unasked
from experiments.value import under
from projects.queries.charter import is_approved
from projects.queries.define import charter_of, contract_in_force


def facts_of(version: ModelVersion, environment: str) -> Facts:
    """Everything that the checks of one version need."""
    project = version.model.project
    contract = contract_in_force(project)
    rehearsal, running = rehearsal_of(version)
    rule = rule_for(project, version.run)
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
    )


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
    """Whether nobody has measured this version yet, or asked it about what the edge-case book says now."""
    return rehearsal_of(version)[0] is None or bool(unasked(version.run))


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
