"""Proposing a decision policy, signing it, going back to an earlier one."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from audit.services import record
from notices.services import tell
from problems.problem import Conflict, Denied, Invalid
from projects import policies
from projects.models.policy import Policy
from projects.models.projects import Kind, Project
from projects.models.team import Membership
from projects.permissions import Role, allows, holders
from projects.policies import Draft
from projects.queries.policies import latest_policy
from projects.queries.team import members_with
from projects.queries.worth import worth_of
from projects.rejudging import judge_as_of_today
from projects.services.projects import lock_project

TOLD = [Role.BUSINESS_ANALYST, Role.PRODUCT_MANAGER, Role.ML_ENGINEER, Role.MLOPS_ENGINEER]
LONGEST_REASON = 2000


def checked(project: Project, values: Mapping[str, Any]) -> Draft:
    """What was asked for, or a refusal that names the fields."""
    if project.kind != Kind.BINARY:
        raise Conflict("Only a yes-or-no question has a decision policy.", code="other_question")
    draft, wrong = policies.make(dict(values))
    if draft is None:
        raise Invalid(" ".join(dict.fromkeys(wrong.values())), fields=wrong)
    return draft


@transaction.atomic
def propose_policy(
    project: Project, *, values: Mapping[str, Any], bins: Sequence[int], reference: str, by: User
) -> Policy:
    """A new version, not in force before it is signed.

    `bins` are the held-back scores of `reference` (see `policies.threshold_for`); a capacity needs them.
    """
    draft = checked(project, values)
    lock_project(project)
    latest, worth = latest_policy(project), worth_of(project)
    cases = None
    threshold = draft.threshold
    if draft.capacity is not None:
        cases = _cases(draft, worth.cases_a_month if worth else None, bins)
        threshold = policies.threshold_for(draft.capacity, cases, bins)
    assert threshold is not None
    policy = Policy.objects.create(
        project=project,
        version=latest.version + 1 if latest else 1,
        threshold=threshold,
        capacity=draft.capacity,
        period=draft.period,
        cases_a_period=cases,
        person_low=draft.low,
        person_high=draft.high,
        person_cost=draft.person_cost,
        worth=worth,
        reference=reference[:80],
        reason=str(values.get("reason") or "").strip()[:LONGEST_REASON],
        created_by=by,
    )
    record(by, "policy.proposed", policy, project_key=project.key, version=policy.version, at=threshold)
    signers = members_with(project, holders("policy.sign"))
    _tell(signers, by, policy, f"Decision policy v{policy.version} of {project.name} waits for a signature.")
    return policy


def _tell(people: Collection[User], by: User, policy: Policy, text: str) -> None:
    url = reverse("decisions", args=[policy.project.key])
    tell([user.pk for user in people if user != by], text, url=url, project_key=policy.project.key)


def _cases(draft: Draft, cases_a_month: float | None, bins: Sequence[int]) -> float:
    if not cases_a_month:
        text = "Say in Worth how many cases a month brings; without it a capacity cannot become a threshold."
        raise Invalid(text, fields={"capacity": text})
    if not sum(bins):
        text = "A capacity needs the scores of a finished run. Train one first, or set a threshold."
        raise Invalid(text, fields={"capacity": text})
    return policies.cases_in(draft.period, cases_a_month)


def _check_signer(project: Project, by: User) -> None:
    roles = frozenset(Role(m.role) for m in Membership.objects.filter(project=project, user=by))
    if not allows(roles, "policy.sign"):
        raise Denied("Signing a decision policy needs the role of a business analyst or product manager.")


@transaction.atomic
def sign_policy(policy: Policy, *, by: User) -> Policy:
    """Put the newest version in force: the next prediction uses it."""
    project = policy.project
    _check_signer(project, by)
    lock_project(project)
    newest = latest_policy(project)
    if newest is None or newest.pk != policy.pk:
        raise Conflict("A newer version was proposed meanwhile. Look at that one.", code="changed_meanwhile")
    if newest.signed_at:
        raise Conflict("This version is signed already.", code="too_late")
    newest.signed_by, newest.signed_at = by, timezone.now()
    newest.save(update_fields=["signed_by", "signed_at"])
    record(by, "policy.signed", newest, project_key=project.key, version=newest.version, at=newest.threshold)
    judge_as_of_today(project)
    text = f"Decision policy v{newest.version} of {project.name} is in force. {policies.sentences(newest)[0]}"
    _tell(members_with(project, TOLD), by, newest, text)
    return newest


@transaction.atomic
def go_back(policy: Policy, *, reason: str, by: User) -> Policy:
    """Put an earlier version in force again, as a new version with the same content, signed by whoever goes back."""
    project = policy.project
    _check_signer(project, by)
    lock_project(project)
    if policy.signed_at is None:
        raise Conflict("Only a version that was in force can be gone back to.", code="never_in_force")
    newest = latest_policy(project)
    assert newest is not None
    if not reason.strip():
        raise Invalid("Say why you go back.", fields={"reason": "Say why you go back."})
    again = Policy.objects.get(pk=policy.pk)
    again.pk, again._state.adding = None, True
    again.version, again.copied_from, again.created_by = newest.version + 1, policy, by
    again.reason, again.signed_by, again.signed_at = reason.strip()[:LONGEST_REASON], None, None
    again.save(force_insert=True)
    record(by, "policy.gone_back", again, project_key=project.key, version=again.version, to=policy.version)
    return sign_policy(again, by=by)
