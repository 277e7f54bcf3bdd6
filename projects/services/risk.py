"""Answering the risk questions."""

from collections.abc import Mapping

from django.db import transaction

from accounts.models import User
from audit.services import record
from problems.problem import Conflict, Invalid
from projects.models.projects import Project
from projects.models.risk import RiskAnswers
from projects.queries.risk import risk_of
from projects.risk import assess, wrong_answers
from projects.services.projects import lock_project


@transaction.atomic
def answer_risk(project: Project, *, version: int, answers: Mapping[str, str], by: User) -> RiskAnswers:
    """All eight answers as a new version; the tier follows. `version` is the one that was seen, 0 for none."""
    given = {str(key): str(value) for key, value in answers.items()}
    if wrong := wrong_answers(given):
        raise Invalid("Answer every question with one of its answers.", fields=wrong)
    lock_project(project)
    latest = risk_of(project)
    if (latest.version if latest else 0) != version:
        text = f"{latest.created_by.name if latest else 'Nobody'} has answered since then. Both answers are shown."
        there = {"version": latest.version if latest else 0, "theirs": latest.answers if latest else {}}
        raise Conflict(text, code="changed_meanwhile", yours=given, **there)
    if latest and latest.answers == given:
        return latest
    found = assess(given)
    row = RiskAnswers.objects.create(
        project=project,
        version=version + 1,
        answers=given,
        tier=found.tier.value,
        weight=found.weight,
        reasons=list(found.reasons),
        created_by=by,
    )
    before = latest.tier if latest else ""
    data = {"version": row.version, "tier": row.tier, "before": before, "answers": given}
    record(by, "risk.answered", row, project_key=project.key, **data)
    return row
