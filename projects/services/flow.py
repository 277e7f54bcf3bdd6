"""Saying when stages are due, and answering reopened ones."""

from datetime import date

from django.db import transaction

from accounts.models import User
from audit.services import record
from problems.problem import Conflict, Denied, Invalid
from projects.models.flow import StageAnswer, StageDue
from projects.models.projects import Project
from projects.models.team import Membership
from projects.overview import STAGES, Stop, rail
from projects.permissions import Role
from projects.queries.team import members_with
from projects.services.projects import lock_project
from projects.stages import OWNERS

LONGEST = 4000


def roles_held(project: Project, user: User) -> frozenset[Role]:
    """The roles of this person here."""
    return frozenset(Role(m.role) for m in Membership.objects.filter(project=project, user=user))


def _stop(project: Project, stage: str) -> Stop:
    found = next((stop for stop in rail(project) if stop.stage == stage), None)
    if found is None:
        raise Invalid("There is no such stage.", fields={"stage": f"One of: {', '.join(STAGES)}."})
    return found


def _refuse_others(project: Project, allowed: set[Role], by: User, what: str) -> None:
    """The action's door let many roles in; this stage has its own few."""
    if roles_held(project, by) & allowed or by.is_admin:
        return
    people = ", ".join(person.name for person in members_with(project, allowed)[:5]) or "nobody yet"
    words = ", ".join(role.label for role in Role if role in allowed)
    raise Denied(f"{what} needs one of these roles: {words}. Here that is {people}.", roles=sorted(allowed))


@transaction.atomic
def set_due(project: Project, *, stage: str, due_on: date | None, by: User) -> StageDue | None:
    """When a stage is to be done in this round; None takes the day back. For the owner and whoever holds it."""
    lock_project(project)
    project.refresh_from_db(fields=["round"])
    stop = _stop(project, stage)
    holding = {Role.OWNER, *OWNERS[stage]} | ({stop.holder} if stop.holder else set())
    _refuse_others(project, holding, by, f"Setting the day of {stop.name}")
    known = StageDue.objects.filter(project=project, round=project.round, stage=stage)
    if due_on is None:
        if known.delete()[0]:
            record(by, "stage.due_taken_back", project, project_key=project.key, stage=stop.name)
        return None
    due, _ = StageDue.objects.update_or_create(
        project=project, round=project.round, stage=stage, defaults={"due_on": due_on, "set_by": by}
    )
    record(by, "stage.due_set", project, project_key=project.key, stage=stop.name, due=due_on.isoformat())
    return due


@transaction.atomic
def answer_stage(project: Project, *, stage: str, choice: str, seen: str, note: str = "", by: User) -> StageAnswer:
    """The owner's word about a reopened stage: still fine, or made again. It holds for exactly what was seen."""
    lock_project(project)
    project.refresh_from_db(fields=["round"])
    stop = _stop(project, stage)
    _refuse_others(project, {Role.OWNER, *OWNERS[stage]}, by, f"The word about {stop.name}")
    if choice not in StageAnswer.Choice.values:
        raise Invalid("Say “still fine” or “redo”.", fields={"choice": "fine or redo."})
    if not stop.reasons:
        raise Conflict(f"{stop.name} is not open again. There is nothing to answer.", code="not_reopened")
    if seen != stop.fingerprint:
        text = "Something changed again since you opened this page. Look at the reasons once more."
        raise Conflict(text, code="changed_meanwhile", fingerprint=stop.fingerprint)
    answer = StageAnswer.objects.create(
        project=project,
        round=project.round,
        stage=stage,
        fingerprint=seen,
        choice=choice,
        note=note.strip()[:LONGEST],
        reasons=list(stop.reasons),
        by=by,
    )
    facts = {"stage": stop.name, "reasons": list(stop.reasons), "note": answer.note}
    name = "stage.still_fine" if choice == StageAnswer.Choice.FINE else "stage.redo"
    record(by, name, answer, project_key=project.key, **facts)
    return answer
