"""Saying what right and wrong answers are worth, and what would be done without a model."""

import math
import re
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts.models import User
from audit.services import record
from problems.problem import Conflict, Invalid
from projects import baselines
from projects.measures import UNLABELLED
from projects.models.baseline import Baseline
from projects.models.projects import Project
from projects.models.worth import Worth
from projects.queries.baseline import baseline_of
from projects.queries.worth import FIELDS, money_of, worth_of
from projects.rejudging import judge_as_of_today
from projects.services.projects import lock_project

LARGEST = 1e12
NO_MONEY = "Nobody knows which answers are right here, so no answer can be worth money. Use a number of the business."
NO_PRACTICE = "Nobody knows which answers are right here, so a practice without a model cannot be held against it."


@transaction.atomic
def set_worth(project: Project, *, values: Mapping[str, Any], by: User) -> Worth:
    """A new version of the table of money; the same numbers again change nothing."""
    if project.kind in UNLABELLED:
        raise Conflict(NO_MONEY, code="no_answers")
    clean, wrong = _checked(values)
    if wrong:
        raise Invalid(" ".join(dict.fromkeys(wrong.values())), fields=wrong)
    lock_project(project)
    before = worth_of(project)
    if before and vars(money_of(before)) == clean:
        return before
    worth = Worth.objects.create(project=project, version=before.version + 1 if before else 1, created_by=by, **clean)
    record(by, "worth.changed", worth, project_key=project.key, version=worth.version, values=clean)
    judge_as_of_today(project)
    return worth


def _checked(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    currency = str(values.get("currency") or "EUR").strip().upper()
    wrong = (
        {} if re.fullmatch(r"[A-Z]{3}", currency) else {"currency": "Use the three letters of a currency, like EUR."}
    )
    clean: dict[str, Any] = {"currency": currency}
    for field in FIELDS[1:]:
        given = values.get(field)
        if given is None:
            clean[field] = None if field == "cases_a_month" else 0.0
            continue
        clean[field] = float(given)
        if not math.isfinite(clean[field]) or abs(clean[field]) > LARGEST:
            wrong[field] = "Give a number."
    if clean["cases_a_month"] is not None and clean["cases_a_month"] <= 0:
        wrong["cases_a_month"] = "Give how many cases a month brings, above 0."
    return clean, wrong


@transaction.atomic
def set_baseline(project: Project, *, kind: str, values: Mapping[str, Any], by: User) -> Baseline:
    """A new version of what would be done without a model; the same again changes nothing."""
    if project.kind in UNLABELLED:
        raise Conflict(NO_PRACTICE, code="no_answers")
    spec, wrong = baselines.make(kind, project.kind, values)
    if spec is None:
        raise Invalid(" ".join(dict.fromkeys(wrong.values())), fields=wrong)
    lock_project(project)
    before = baseline_of(project)
    if before and before.spec == spec:
        return before
    version = before.version + 1 if before else 1
    found = Baseline.objects.create(project=project, version=version, spec=spec, created_by=by)
    words = baselines.sentence(spec)
    record(by, "baseline.changed", found, project_key=project.key, version=version, words=words)
    return found
