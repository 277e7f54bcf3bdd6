"""Reads about model versions: their gate, their rehearsal, what they accept."""

from dataclasses import replace
from typing import Any

from django.db.models import Prefetch, QuerySet

from datasets.masking import tree
from datasets.queries.seen import Roles, hidden_of
from deployments import gate_rules
from deployments.models import Release
from deployments.queries.decisions import rule_for
from deployments.queries.environments import environment_of
from experiments.models.registry import ModelVersion
from experiments.queries.runs import judged_run
from jobs.models import Job, State
from projects.contract import LATENCY_KEY, Judgement
from projects.gate_policy import GateRule, stands_for
from projects.gate_policy import rule_for as gate_rule_for
from projects.models.define import Contract
from projects.models.gates import Gate
from projects.models.projects import Project
from projects.queries.define import contract_in_force
from projects.queries.risk import tier_of


def versions_of(project: Project) -> QuerySet[ModelVersion]:
    """All model versions of a project, newest first, with what lists of them show."""
    return (
        ModelVersion.objects.filter(model__project=project)
        .select_related("model", "run__data__dataset", "created_by")
        .prefetch_related(
            Prefetch("releases", queryset=Release.objects.select_related("deployment").order_by("-created_at"))
        )
        .order_by("-created_at")
    )


def latest_gate(version: ModelVersion, environment: str = "production") -> Gate | None:
    """The newest request to let this version through, with its signatures."""
    return (
        Gate.objects.filter(subject_type=version._meta.label_lower, subject_id=str(version.pk), environment=environment)
        .select_related("requested_by", "project")
        .prefetch_related("signatures__user", "waivers__user")
        .order_by("-created_at")
        .first()
    )


def version_at(gate: Gate) -> ModelVersion | None:
    """The model version that a gate is about, if it is about one."""
    if gate.subject_type != ModelVersion._meta.label_lower:
        return None
    versions = ModelVersion.objects.select_related("model__project", "run__data__dataset", "run__project")
    return versions.filter(pk=gate.subject_id).first()


def rehearsal_of(version: ModelVersion) -> tuple[dict[str, Any] | None, bool]:
    """What the last rehearsal of this version measured, and whether one is under way."""
    jobs = Job.objects.filter(
        kind="deployments.rehearse", subject_type=version._meta.label_lower, subject_id=str(version.pk)
    )
    done = jobs.filter(state=State.SUCCEEDED).exclude(result=None).first()
    under_way = jobs.filter(state__in=[State.QUEUED, State.RUNNING]).exists()
    return (done.result if done else None), under_way


def rule_for_version(version: ModelVersion, environment: str) -> GateRule:
    """What the project's risk tier asks of a version on its way to an environment."""
    rule = gate_rule_for(tier_of(version.model.project), environment)
    said = environment_of(version.model.project, environment)
    return replace(rule, roles=tuple(said.signers)) if said and said.signers else rule


def limits_of(version: ModelVersion, environment: str) -> dict[str, float]:
    """The limits that the project set for versions there."""
    said = environment_of(version.model.project, environment)
    return dict(said.conditions) if said else {}


def fingerprint_of(version: ModelVersion, environment: str = "production") -> str:
    """What signatures for this version are bound to."""
    contract = contract_in_force(version.model.project)
    named = (str(contract.pk), contract.version, contract.signed_at is not None) if contract else None
    rule = stands_for(rule_for_version(version, environment))
    if limits := limits_of(version, environment):
        rule += f" {sorted(limits.items())}"
    return gate_rules.fingerprint(version.bundle_id, version.run.data.table_id, named, rule)


def judgements_of(
    version: ModelVersion, contract: Contract | None, rehearsal: dict[str, Any] | None = None
) -> list[Judgement]:
    """A version's measurements against the targets in force now; those of its run's own day may have been others.

    With a policy in force what a threshold changes is measured at the policy's.
    """
    slowest = (rehearsal or {}).get("p95")
    rule = rule_for(version.model.project, version.run)
    return judged_run(version.run, contract, {LATENCY_KEY: slowest} if slowest else {}, rule=rule)


def signature_of(version: ModelVersion) -> dict[str, Any]:
    """What the model accepts, as its run kept it."""
    signature: dict[str, Any] = version.run.evaluation.get("signature") or {"kind": "", "inputs": []}
    return signature


def seen_signature(version: ModelVersion, roles: Roles) -> dict[str, Any]:
    """The same as these roles may see it: without examples and known values of hidden columns."""
    seen: dict[str, Any] = tree(signature_of(version), hidden_of(version.run.data.dataset, roles))
    return seen
