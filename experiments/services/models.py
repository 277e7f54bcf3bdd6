"""Writes about registered models."""

import re

from django.db import transaction
from django.db.models import Max

from accounts.models import as_user
from audit.actors import Actor
from audit.services import record
from experiments.models.registry import Model, ModelVersion
from experiments.models.runs import Run
from problems.problem import Conflict, Gone, Invalid
from projects.services.projects import lock_project

LONGEST_NAME = 60
LONGEST_REASON = 2000


@transaction.atomic
def register(run: Run, *, name: str, reason: str, by: Actor) -> ModelVersion:
    """Make a finished run the next version of a model, or the first of a new one. A run is registered once."""
    name, reason = _name(name), _reason(reason)
    project = run.project
    lock_project(project)  # one number after the other
    found = Run.objects.select_related("bundle").filter(pk=run.pk).first()
    if found is None:
        raise Gone(f"Run {run.number} was deleted a moment ago.")
    run = found
    if run.state != Run.State.FINISHED or run.bundle is None:
        raise Conflict(f"Run {run.number} has no model to register: it is {run.get_state_display().lower()}.")
    if earlier := ModelVersion.everything.filter(run=run).select_related("model").first():
        raise Conflict(f"Run {run.number} is already registered as {earlier}.", code="already_registered")
    model, is_new = Model.objects.get_or_create(project=project, name=name)
    if not is_new:
        _same_question(model, run)
    last = ModelVersion.everything.filter(model=model).aggregate(last=Max("number"))["last"] or 0
    version = ModelVersion.objects.create(
        model=model, number=last + 1, run=run, bundle=run.bundle, reason=reason, created_by=as_user(by)
    )
    record(
        by,
        "model.registered",
        version,
        project_key=project.key,
        model=name,
        version=version.number,
        run=run.number,
        bundle=run.bundle_id,
        reason=reason,
    )
    return version


def _name(text: str) -> str:
    name = text.strip().lower() if isinstance(text, str) else ""
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) or len(name) > LONGEST_NAME:
        words = "Use small letters, digits and single hyphens, at most 60, like churn-classifier."
        raise Invalid(words, fields={"name": words})
    return name


def _reason(text: str) -> str:
    reason = text.strip() if isinstance(text, str) else ""
    if not reason:
        raise Invalid("Say in a sentence why this run.", fields={"reason": "Say in a sentence why this run."})
    if len(reason) > LONGEST_REASON:
        words = f"Use at most {LONGEST_REASON} characters."
        raise Invalid(words, fields={"reason": words})
    return reason.replace("\x00", "")


def _same_question(model: Model, run: Run) -> None:
    """Versions of one model answer one question; callers of its deployment rely on that."""
    before = model.versions.select_related("run").first()
    if before is None:
        return
    ours, theirs = run.evaluation["signature"], before.run.evaluation["signature"]
    if any(ours[key] != theirs[key] for key in ("kind", "target", "positive")):
        raise Conflict(
            f"“{model.name}” predicts {theirs['target']}"
            f"{' = ' + theirs['positive'] if theirs['positive'] else ''}; this run predicts something else. "
            "Register it under another name.",
            code="other_question",
        )
