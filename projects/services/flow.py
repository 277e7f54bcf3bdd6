"""Saying when stages are due, answering reopened ones, and closing a round for the next."""

from datetime import date
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from audit.services import record
from notices.services import tell
from problems.problem import Conflict, Denied, Invalid
from projects.models.flow import Round, StageAnswer, StageDue
from projects.models.projects import Project
from projects.models.team import Membership
from projects.overview import STAGES, Stop, rail, results
from projects.permissions import Role, allows
from projects.queries.define import contract_in_force
from projects.queries.flow import begun_of
from projects.queries.team import members_with
from projects.services.projects import lock_project
from projects.stages import OWNERS

LONGEST = 4000


def _roles(project: Project, user: User) -> frozenset[Role]:
    return frozenset(Role(m.role) for m in Membership.objects.filter(project=project, user=user))


def _stop(project: Project, stage: str) -> Stop:
    found = next((stop for stop in rail(project) if stop.stage == stage), None)
    if found is None:
        raise Invalid("There is no such stage.", fields={"stage": f"One of: {', '.join(STAGES)}."})
    return found


def _refuse_others(project: Project, allowed: set[Role], by: User, what: str) -> None:
    """The action's door let many roles in; this stage has its own few."""
    if _roles(project, by) & allowed or by.is_admin:
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


@transaction.atomic
def open_next_round(project: Project, *, seen: int, note: str, by: User) -> Round:
    """Keep what this round reached, and begin the next: earlier outcomes stay and are looked at again."""
    if not (allows(_roles(project, by), "round.open") or by.is_admin):
        raise Denied("Opening the next round needs a business role or the owner.")
    if len(note) > LONGEST:
        raise Invalid("The note is too long.", fields={"note": f"Use at most {LONGEST} characters."})
    lock_project(project)
    project.refresh_from_db(fields=["round"])
    if seen != project.round:
        raise Conflict(f"Round {project.round} is open already.", code="changed_meanwhile", round=project.round)
    begun = begun_of(project)
    closed = Round.objects.create(
        project=project,
        number=project.round,
        note=note.strip(),
        reached=reached(project, rail(project)),
        opened_at=begun.at,
        closed_at=timezone.now(),
        closed_by=by,
    )
    project.round += 1
    project.save(update_fields=["round"])
    record(by, "round.opened", closed, project_key=project.key, number=project.round, note=closed.note)
    people = {person.pk for person in members_with(project, list(Role))} - {by.pk}
    text = f"{by.name} opened round {project.round} of {project.name}."
    tell(people, text, url=reverse("rounds", args=[project.key]), project_key=project.key)
    return closed


def reached(project: Project, stops: list[Stop]) -> dict[str, Any]:
    """What a round has brought so far: the result with its verdicts, the targets' version, each stage's outcome.

    `fresh` is false while the result is still the one of an earlier round.
    """
    result, contract = results([project]).get(project.pk), contract_in_force(project)
    begun = begun_of(project)
    made = [stop for stop in stops if stop.outcome and stop.stage in ("train", "evaluate", "deploy")]
    return {
        "fresh": any(stop.outcome and stop.outcome.at >= begun.at for stop in made) or begun.number == 1,
        "result": result.name.strip(" ,") if result else "",
        "url": result.url if result else "",
        "detail": result.detail if result else "",
        "rows": [dict(row) for row in result.rows] if result else [],
        "contract": contract.version if contract else None,
        "stages": [
            {"stage": stop.name, "words": stop.outcome.words, "at": stop.outcome.at.isoformat()}
            for stop in stops
            if stop.outcome and stop.stage != "monitor"
        ],
    }
