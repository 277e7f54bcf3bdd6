"""Decision policies: the one in force, the newest, all of them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery

from problems.problem import Missing
from projects.models.policy import Policy
from projects.models.projects import Project
from projects.policies import Rule, threshold_for


def policies_of(project: Project) -> QuerySet[Policy]:
    """All versions, newest first."""
    return Policy.objects.filter(project=project).select_related("created_by", "signed_by", "copied_from", "worth")


def policy_in_force(project: Project) -> Policy | None:
    """The newest signed version."""
    return policies_of(project).filter(signed_at__isnull=False).first()


def policies_in_force(projects: Collection[Project]) -> dict[Any, Policy]:
    """The newest signed version of each of these projects, by the project's id."""
    signed = Policy.objects.filter(project__in=projects, signed_at__isnull=False).order_by("version")
    return {policy.project_id: policy for policy in signed}


def policies_waiting(projects: Collection[Project]) -> list[Policy]:
    """The newest version of each of these projects that nobody signed."""
    newest = Policy.objects.filter(project=OuterRef("project")).order_by("-version").values("version")[:1]
    waiting = Policy.objects.filter(project__in=projects, signed_at=None, version=Subquery(newest))
    return list(waiting.select_related("project", "worth").order_by("created_at"))


def latest_policy(project: Project) -> Policy | None:
    """The newest version, signed or not."""
    return policies_of(project).first()


def policy_for(project: Project, number: int) -> Policy:
    """One version."""
    policy = policies_of(project).filter(version=number).first()
    if policy is None:
        raise Missing(f"There is no version {number} of the decision policy in this project.")
    return policy


def rule_of(policy: Policy, threshold: float | None = None) -> Rule:
    """The policy as it decides; `threshold` is the one that its capacity gives for another model."""
    at = policy.threshold if threshold is None else threshold
    return Rule(at, policy.person_low, policy.person_high, policy.version, policy.person_cost)


def threshold_on(policy: Policy, scores: Mapping[str, Sequence[int]] | None) -> float:
    """The policy's threshold for the model with these held-back scores: its capacity is kept for every model."""
    if policy.capacity is None or policy.cases_a_period is None or not scores:
        return policy.threshold
    bins = [yes + no for yes, no in zip(scores["yes"], scores["no"], strict=True)]
    return threshold_for(policy.capacity, policy.cases_a_period, bins)
