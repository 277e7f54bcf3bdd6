"""Starting a project from a template, or from what another project agreed on."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from accounts.models import User
from audit.services import record
from problems.problem import Invalid
from projects.blueprints import BLUEPRINTS, PROJECT, Blueprint, FirstTask
from projects.models.projects import Project
from projects.models.tasks import Task
from projects.permissions import Role
from projects.queries.define import charter_of, goals_of, latest_contract, texts_of
from projects.queries.projects import visible_to
from projects.queries.team import members_of
from projects.services.charter import save_charter
from projects.services.define import set_targets
from projects.services.projects import create_project
from projects.services.tasks import open_task

MOST_TASKS = 50


def blueprint_for(user: User, template: str) -> Blueprint:
    """A template by its name, or `project:churn` for one made of a project that this person may read."""
    if template.startswith(PROJECT):
        source = visible_to(user).filter(key=template.removeprefix(PROJECT)).first()
        if source:
            return _from_project(source)
    elif template in BLUEPRINTS:
        return BLUEPRINTS[template]
    text = f"There is no such template. Use {', '.join(BLUEPRINTS)}, or {PROJECT} and the key of a project of yours."
    raise Invalid(text, fields={"template": text})


def _from_project(source: Project) -> Blueprint:
    """What was agreed on, and nothing else: no data, no people, no signature."""
    held = {role for member in members_of(source) for role in member.roles}
    tasks = Task.objects.filter(project=source, assignee=None, subject_type="").order_by("number")[:MOST_TASKS]
    return Blueprint(
        source.name,
        source.kind,
        texts_of(charter_of(source)),
        goals_of(latest_contract(source)),
        [role for role in Role if role in held and role not in (Role.OWNER, Role.VIEWER)],
        [FirstTask(Role(task.role), task.title, task.detail) for task in tasks if task.role],
    )


@transaction.atomic
def create_from(template: str, *, by: User, roles: Iterable[Role] = (), **given: Any) -> Project:
    """A new project with the template's texts, its targets unsigned, and a task for each first step.

    The kind of answer is the template's own. Roles that nobody holds yet become one task for the owner.
    """
    plan, held = blueprint_for(by, template), list(roles)
    project = create_project(**given | {"kind": plan.kind}, roles=held, by=by)
    if any(plan.texts.values()):
        save_charter(project, version=0, texts=plan.texts, by=by)
    if plan.goals:
        set_targets(project, list(plan.goals), by=by)
    missing = [role.label for role in plan.roles if role not in held]
    if missing:
        open_task(project, title=f"Invite: {', '.join(missing).lower()}"[:200], role=Role.OWNER, by=by)
    for task in plan.tasks:
        open_task(project, title=task.title, detail=task.detail, role=task.role, by=by)
    record(by, "project.started_from", project, project_key=project.key, template=plan.name)
    return project
