"""Setting targets and signing them."""

from collections.abc import Sequence

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from audit.services import record
from notices.services import tell
from problems.problem import Conflict, Denied, Invalid
from projects import targets
from projects.contract import Goal
from projects.models.define import Contract, Target
from projects.models.projects import Project
from projects.models.team import Membership
from projects.permissions import Role, allows, holders
from projects.queries.define import (
    charter_of,
    goals_of,
    last_writer,
    latest_contract,
    seen_goals,
    texts_of,
)
from projects.queries.team import members_with
from projects.readiness import missing, readiness
from projects.rejudging import judge_again
from projects.services.kpis import keep_kpis
from projects.services.projects import lock_project


@transaction.atomic
def set_targets(project: Project, goals: Sequence[Goal], *, by: User, seen: str | None = None) -> Contract:
    """Put this list of targets in the place of the newest one. A signed version never changes: it gets a successor.

    `seen` is the fingerprint of the list that the writer saw; another one by now is never overwritten unseen.
    """
    lock_project(project)
    contract = latest_contract(project)
    present = goals_of(contract)
    if seen is not None and seen != targets.fingerprint(present):
        raise _changed_meanwhile(project, contract, seen)
    _check_goals(project, goals)
    if contract and list(goals) == present:
        return contract
    if contract and contract.signed_at:
        _refuse_without_business(project, by)
    if contract is None or contract.signed_at:
        version = contract.version + 1 if contract else 1
        contract = Contract.objects.create(project=project, version=version, created_by=by)
    contract.targets.all().delete()
    rows = [Target(contract=contract, position=place, **vars(goal)) for place, goal in enumerate(goals)]
    Target.objects.bulk_create(rows)
    keep_kpis(project, goals, by=by)
    data = {"version": contract.version, "count": len(goals), "targets": [vars(goal) for goal in goals]}
    record(by, "contract.changed", contract, project_key=project.key, **data)
    return contract


def _refuse_without_business(project: Project, by: User) -> None:
    """What was signed is changed only by those who may sign it again."""
    roles = frozenset(Role(m.role) for m in Membership.objects.filter(project=project, user=by))
    if allows(roles, "contract.sign"):
        return
    able = holders("contract.sign")
    names = " or ".join(role.label.lower() for role in able)
    people = ", ".join(user.name for user in members_with(project, able)[:5])
    asking = f"Ask {people}." if people else "Nobody in this project holds one of these roles yet."
    text = f"These targets are signed. Changing them needs the role of a {names}. {asking}"
    raise Denied(text, action="target.change", roles=[role.value for role in able])


def _changed_meanwhile(project: Project, contract: Contract | None, seen: str) -> Conflict:
    """What became of the list that the writer saw, and who changed it."""
    before, who = seen_goals(project, seen), charter_of(project).positive_word
    said = targets.changes(before, goals_of(contract), who) if before is not None else []
    name = last_writer(project)
    by = f": {name} wrote them" if name else ""
    text = f"The targets changed since you opened this page{by}. Look at them again."
    return Conflict(
        " ".join([text, *(f"{one}." for one in said)]),
        code="changed_meanwhile",
        changes=said,
        version=contract.version if contract else 0,
        fingerprint=targets.fingerprint(goals_of(contract)),
    )


def _check_goals(project: Project, goals: Sequence[Goal]) -> None:
    for place, goal in enumerate(goals):
        if wrong := targets.make(project.kind, **vars(goal))[1]:
            raise Invalid(" ".join(wrong.values()), fields={f"targets[{place}].{k}": v for k, v in wrong.items()})
    if wrong_list := targets.wrong_list(goals):
        raise Invalid(wrong_list, fields={"targets": wrong_list})


@transaction.atomic
def sign_contract(project: Project, *, seen: str, by: User) -> Contract:
    """Sign the newest targets, exactly as they were seen. They can never change after that."""
    roles = frozenset(Role(m.role) for m in Membership.objects.filter(project=project, user=by))
    if not allows(roles, "contract.sign"):
        raise Denied("Signing the targets needs the role of a business analyst or product manager.")
    lock_project(project)
    contract = latest_contract(project)
    goals = goals_of(contract)
    if contract is None or contract.signed_at:
        raise Conflict("These targets are signed already." if contract else "There are no targets.", code="too_late")
    if seen != targets.fingerprint(goals):
        raise _changed_meanwhile(project, contract, seen)
    points = missing(readiness(project.kind, texts_of(charter_of(project)), goals))
    if points:
        text = "Not ready to sign. " + " ".join(point.todo for point in points)
        raise Conflict(text, code="blocked", blocked_by=[f"point:{point.key}" for point in points])
    contract.signed_by, contract.signed_at = by, timezone.now()
    contract.save(update_fields=["signed_by", "signed_at"])
    record(by, "contract.signed", contract, project_key=project.key, version=contract.version, fingerprint=seen)
    judge_again(project, contract)
    others = [user.pk for user in members_with(project, [Role.DATA_ENGINEER, Role.DATA_SCIENTIST]) if user != by]
    text, url = f"The targets of {project.name} are signed. Data comes next.", reverse("define", args=[project.key])
    tell(others, text, url=url, project_key=project.key)
    return contract
