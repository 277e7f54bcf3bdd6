"""Reads about the edge-case book and how models answered it."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from django.db.models import Prefetch

from datasets import masking
from datasets.models.versions import Dataset, Version
from datasets.queries.seen import Roles, hidden_in
from datasets.queries.versions import published_versions
from experiments.judging_words import expected_words
from experiments.models.cases import EdgeCase, EdgeCaseResult, EdgeCaseRevision
from experiments.models.runs import Run
from experiments.queries.runs import heavy_of_run, last_run
from problems.problem import Missing
from projects.measures import WORDS
from projects.models.projects import Project

MOST_TO_PICK = 20


def cases_of(project: Project) -> list[EdgeCase]:
    """The cases that count, in their order, each with its newest revision first in `revisions`."""
    cases = EdgeCase.objects.filter(project=project, retired_at=None).select_related("owner")
    return list(cases.prefetch_related(Prefetch("revisions", EdgeCaseRevision.objects.select_related("created_by"))))


def case_for(project: Project, number: int) -> EdgeCase:
    """One case of the project, also a retired one, with its revisions."""
    cases = EdgeCase.objects.filter(project=project, number=number).select_related("owner", "project")
    revisions = Prefetch("revisions", EdgeCaseRevision.objects.select_related("created_by"))
    case = cases.prefetch_related(revisions).first()
    if case is None:
        raise Missing(f"There is no edge case {number} in this project.")
    return case


def book_of(project: Project) -> list[EdgeCaseRevision]:
    """What counts now: the newest revision of every case that is not retired."""
    return [next(iter(case.revisions.all())) for case in cases_of(project)]


def results_for(
    run: Run, revisions: Collection[EdgeCaseRevision], closed: Collection[str] = ()
) -> dict[UUID, EdgeCaseResult]:
    """How a run's model answered these revisions, by the revision; one that it was not asked about is left out."""
    found = EdgeCaseResult.objects.filter(run=run, revision__in=list(revisions))
    return {one.revision_id: _seen_result(one, run.spec, closed) for one in found}


def _seen_result(result: EdgeCaseResult, spec: Mapping[str, Any], closed: Collection[str]) -> EdgeCaseResult:
    if spec.get("target") in closed:
        result.said = masking.HIDDEN
    return result


def hides_answers(project: Project, closed: Collection[str]) -> bool:
    """Whether the answers of the data are among the hidden columns."""
    return bool(closed) and (last := last_run(project)) is not None and last.spec.get("target") in closed


def must_words(project: Project, revision: EdgeCaseRevision, hides: bool) -> str:
    """What must come out, in words; `hides` says that the reader must not see the answers of the data."""
    fields = {name: getattr(revision, name) for name in ("answer", "low", "high")}
    if fields["answer"] and hides:
        fields["answer"] = masking.HIDDEN
    return expected_words(fields, chance=project.kind in WORDS)


def unasked(run: Run) -> list[EdgeCaseRevision]:
    """What counts now and this run's model was not asked about yet."""
    book = book_of(run.project)
    answered = results_for(run, book)
    return [revision for revision in book if revision.pk not in answered]


def hidden_of_cases(project: Project, roles: Roles) -> frozenset[str]:
    """The columns of the project's data whose values these roles must not see in the rows of cases."""
    return hidden_in(Dataset.everything.filter(project=project), roles)


def answers_of(case: EdgeCase, closed: Collection[str] = ()) -> list[EdgeCaseResult]:
    """How models answered what a case says now, the newest first."""
    now = next(iter(case.revisions.all()))
    results = EdgeCaseResult.objects.filter(revision=now, run__deleted_at=None)
    found = results.select_related("run__project", "run__model_version__model").defer(*heavy_of_run())[:50]
    return [_seen_result(one, one.run.spec, closed) for one in found]


def case_fields(project: Project, closed: Collection[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """The inputs of the newest finished run's model, and its answers in words as far as they may be seen."""
    run = Run.objects.filter(project=project, state=Run.State.FINISHED).first()
    signature = (run.evaluation.get("signature") if run else None) or {}
    answers = [] if signature.get("target") in closed else [signature.get("positive"), signature.get("negative")]
    return list(signature.get("inputs", [])), [word for word in answers if word is not None]


def rows_to_pick(version: Version) -> list[dict[str, Any]]:
    """The first rows of a version as its profile keeps them."""
    return list(version.profile.get("sample", []))[:MOST_TO_PICK]


def offers_to_pick(project: Project, hidden: Collection[str]) -> tuple[Version | None, list[dict[str, Any]]]:
    """The newest published version and its first rows, as they may be shown."""
    version = published_versions(project).first()
    if version is None:
        return None, []
    return version, [masking.visible(row, hidden) for row in rows_to_pick(version)]
