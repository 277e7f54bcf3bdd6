"""Writes of the edge-case book: a case, another wording of it, its end, and how models answered."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from audit.actors import Actor, Machine
from audit.services import record
from experiments.models.cases import EdgeCase, EdgeCaseResult, EdgeCaseRevision
from experiments.models.runs import Run
from experiments.queries.cases import book_of, results_for, unasked
from experiments.queries.models import newest_versions
from experiments.valuing import rule_for
from jobs.models import OPEN_STATES, Job
from jobs.services import start
from notices.services import tell
from problems.problem import Conflict, Invalid
from projects.models.projects import Kind, Project
from projects.queries.policies import policy_in_force
from projects.services.projects import lock_project
from storage.blobs import verified_path

PLATFORM = Machine("edge-case book")
MOST_CASES, MOST_FIELDS, LONGEST_VALUE, LONGEST_REASON = 500, 500, 10_000, 2000
NO_CASES = {
    Kind.FORECAST: "A forecast has no edge cases: what it must say of a moment changes with every value that comes in.",
    Kind.CLUSTERING: "Groups that nobody named have no edge cases: learned again, they have other numbers and borders.",
}
Values = Mapping[str, Any]


@transaction.atomic
def add_case(project: Project, *, values: Values, by: User) -> EdgeCase:
    """A further case with the next number; models are asked about it from now on."""
    clean = _checked(values)
    if why := NO_CASES.get(Kind(project.kind)):
        raise Invalid(why, code="no_cases")
    lock_project(project)
    if EdgeCase.objects.filter(project=project, retired_at=None).count() >= MOST_CASES:
        raise Conflict(f"The book holds at most {MOST_CASES} cases. Retire one first.", code="full")
    number = (EdgeCase.objects.filter(project=project).aggregate(last=Max("number"))["last"] or 0) + 1
    case = EdgeCase.objects.create(project=project, number=number, owner=by)
    EdgeCaseRevision.objects.create(case=case, number=1, created_by=by, **clean)
    record(by, "edge_case.added", case, project_key=project.key, **_told(case, 1, clean))
    _ask_the_chosen(project)
    return case


@transaction.atomic
def change_case(case: EdgeCase, *, revision: int, values: Values, by: User) -> EdgeCase:
    """Another wording, as a revision of its own; what was said before stays. `revision` is the one that was read."""
    clean = _checked(values)
    row = _locked(case)
    last = row.revisions.aggregate(last=Max("number"))["last"] or 0
    if last != revision:
        raise Conflict(f"Somebody changed edge case {row.number} since you opened it.", code="changed")
    EdgeCaseRevision.objects.create(case=row, number=last + 1, created_by=by, **clean)
    record(by, "edge_case.changed", row, project_key=row.project.key, **_told(row, last + 1, clean))
    _ask_the_chosen(row.project)
    return row


@transaction.atomic
def retire_case(case: EdgeCase, *, reason: str, by: User) -> EdgeCase:
    """The case counts no longer; it and all it said stay in the book."""
    why = reason.strip()[:LONGEST_REASON]
    if not why:
        raise Invalid("Say why it counts no longer.", fields={"reason": "Say why it counts no longer."})
    row = _locked(case)
    row.retired_at = timezone.now()
    row.save(update_fields=["retired_at"])
    record(by, "edge_case.retired", row, project_key=row.project.key, case=row.number, reason=why)
    return row


def _ask_the_chosen(project: Project) -> None:
    """Whoever writes a case sees at once how the model that was registered last answers it."""
    if version := newest_versions([project]).get(project.pk):
        ask_about_cases(version.run, by=PLATFORM)


def _locked(case: EdgeCase) -> EdgeCase:
    row = EdgeCase.objects.select_for_update(of=("self",)).select_related("project").get(pk=case.pk)
    if row.retired_at:
        raise Conflict(f"Edge case {row.number} was retired.", code="retired")
    return row


def _told(case: EdgeCase, revision: int, clean: Values) -> dict[str, Any]:
    """What the audit keeps: the words and what must come out; the row stands in the revision, which never changes."""
    kept = {name: clean[name] for name in ("blocking", "low", "high")}
    return {"case": case.number, "revision": revision, "title": clean["name"], **kept, "says": clean["reason"]}


def _checked(values: Values) -> dict[str, Any]:
    clean: dict[str, Any] = {name: _text(values.get(name)) for name in ("name", "reason", "answer", "origin")}
    clean |= {"low": values.get("low"), "high": values.get("high"), "blocking": bool(values.get("blocking", True))}
    wrong = _wrong(clean)
    row, trouble = _row(values.get("row"))
    wrong |= {"row": trouble} if trouble else {}
    if wrong:
        raise Invalid(next(iter(wrong.values())), fields=wrong)
    return clean | {"row": row, "answer": clean["answer"][:200], "origin": clean["origin"][:200]}


def _text(value: Any) -> str:
    return value.replace("\x00", "").strip() if isinstance(value, str) else ""


def _wrong(clean: Values) -> dict[str, str]:
    wrong = {}
    if not clean["name"] or len(clean["name"]) > 100:
        wrong["name"] = "Give it a name of at most 100 characters."
    if not clean["reason"] or len(clean["reason"]) > LONGEST_REASON:
        wrong["reason"] = f"Say why it must come out so, in at most {LONGEST_REASON} characters."
    for end in ("low", "high"):
        value = clean[end]
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e30
        ):
            wrong[end] = "Use a number."
    low, high = clean["low"], clean["high"]
    if not clean["answer"] and low is None and high is None:
        wrong["answer"] = "Say what must come out: an answer, or a range."
    if not wrong and low is not None and high is not None and low > high:
        wrong["high"] = "The upper end lies below the lower one."
    return wrong


def _row(value: Any) -> tuple[dict[str, Any], str]:
    if not isinstance(value, Mapping) or not value:
        return {}, "Fill in the row that the case is about."
    if len(value) > MOST_FIELDS or not all(isinstance(name, str) and len(name) <= 300 for name in value):
        return {}, f"A row has at most {MOST_FIELDS} named values."
    for name, one in value.items():
        if one is not None and not isinstance(one, str | int | float | bool):
            return {}, f"“{name}” must be a text, a number, true, false or empty."
        if isinstance(one, str) and (len(one) > LONGEST_VALUE or "\x00" in one):
            return {}, f"“{name}” is too long."
        if isinstance(one, float) and not abs(one) <= 1e30:
            return {}, f"“{name}” must be a finite number of at most 1e30."
    return dict(value), ""


@transaction.atomic
def ask_about_cases(run: Run, *, by: Actor, everything: bool = False) -> Job | None:
    """Put the book to a run's model: what it was not asked about yet, or all of it. None where nothing is to be asked
    or a job for it waits already."""
    wanted = book_of(run.project) if everything else unasked(run)
    waiting = Job.objects.filter(
        kind="experiments.ask_cases", subject_type=run._meta.label_lower, subject_id=str(run.pk), state__in=OPEN_STATES
    )
    if not wanted or run.bundle_id is None or waiting.exists():
        return None
    title = f"Ask run {run.number} about {len(wanted)} edge case{'s' if len(wanted) > 1 else ''}"
    return start("experiments.ask_cases", by=by, title=title, subject=run, project_key=run.project.key)


def keep_results(run: Run, results: list[dict[str, Any]]) -> int:
    """How a model answered, one row for each revision, the newest answer; answers how many failed.

    The owner of a case is told when a model comes to answer it otherwise.
    """
    if not results:
        return 0
    now, known = timezone.now(), {str(one.pk): one for one in book_of(run.project)}
    before, failed = results_for(run, list(known.values())), []
    for one in results:
        if revision := known.get(one["id"]):
            values = {"passed": one["passed"], "said": one["said"], "checked_at": now}
            EdgeCaseResult.objects.update_or_create(revision=revision, run=run, defaults=values)
            if not one["passed"]:
                failed.append(revision.case.number)
                if revision.pk not in before or before[revision.pk].passed:
                    _tell(run, revision)
    about = {"run": run.number, "asked": len(results), "failed": failed}
    record(PLATFORM, "edge_case.asked", run, project_key=run.project.key, **about)
    return len(failed)


def _tell(run: Run, revision: EdgeCaseRevision) -> None:
    case, key = revision.case, run.project.key
    if case.owner_id:
        text = f"Run {run.number} answers edge case {case.number}, “{revision.name}”, otherwise than it must."
        tell([case.owner_id], text, url=reverse("case", args=[key, case.number]), project_key=key, kind="work")


def book_spec(run: Run) -> dict[str, Any]:
    """The book and the model as the engine reads them; a decision policy in force decides by its own threshold."""
    assert run.bundle_id is not None
    fields = ("row", "answer", "low", "high")
    asked = [{"id": str(one.pk)} | {name: getattr(one, name) for name in fields} for one in book_of(run.project)]
    rule = rule_for(policy_in_force(run.project), run.evaluation)
    return {"cases": asked, "threshold": rule.threshold if rule else None, "bundle": str(verified_path(run.bundle_id))}
