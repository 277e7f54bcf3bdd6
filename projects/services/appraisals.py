"""Judging what a project is worth, how risky and how feasible it is."""

from django.db import transaction

from accounts.models import User
from audit.services import record
from problems.problem import Invalid
from projects.models.appraisals import Appraisal
from projects.models.projects import Project
from projects.queries.appraisals import appraisal_of
from projects.services.projects import lock_project

REASON_LENGTH = 2000


@transaction.atomic
def appraise(project: Project, *, value: int, risk: int, feasibility: int, reason: str, by: User) -> Appraisal:
    """One judgement, 1 to 5 on each scale; earlier ones are kept."""
    scales = {"value": value, "risk": risk, "feasibility": feasibility}
    wrong = {name: "1 to 5." for name, number in scales.items() if not 1 <= number <= 5}
    if not 0 < len(reason.strip()) <= REASON_LENGTH:
        wrong["reason"] = f"Say why, in up to {REASON_LENGTH} characters."
    if wrong:
        raise Invalid("Look at the marked fields.", fields=wrong)
    lock_project(project)
    before = appraisal_of(project)
    version = before.version + 1 if before else 1
    row = Appraisal.objects.create(project=project, version=version, reason=reason.strip(), created_by=by, **scales)
    record(by, "project.appraised", row, project_key=project.key, version=version, reason=row.reason, **scales)
    return row
