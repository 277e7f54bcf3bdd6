"""Reads about runs and models that pages, jobs and the rooms above need."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db.models import F, OuterRef, Prefetch, Q, QuerySet, Subquery

from accounts.models import User
from datasets import masking
from datasets.models.versions import Dataset, Version
from datasets.queries.seen import Roles, hidden_by, hidden_in
from datasets.queries.versions import next_to_learn_from, published_versions
from experiments import seen
from experiments.evaluation.choice import deciding_metric
from experiments.evaluation.comparison import Entry
from experiments.evaluation.worth import money_goals
from experiments.forecasting.steps import with_past
from experiments.judging_words import expected_words
from experiments.models import (
    Cause,
    EdgeCase,
    EdgeCaseResult,
    EdgeCaseRevision,
    Evaluation,
    Model,
    ModelVersion,
    Run,
)
from experiments.value import confusion_under, under
from problems.problem import Missing
from projects.contract import Judgement, Measurement, judged_from, measurements
from projects.measures import MEASURES, WORDS
from projects.models.define import Contract
from projects.models.projects import Project
from projects.policies import Rule
from projects.queries.define import contract_in_force, goals_of
from projects.queries.projects import visible_to
from projects.queries.worth import money_of, worth_of
from storage.blobs import verified_path

HEAVY, MOST_TO_PICK = ("evaluation", "environment"), 20
SORTS = {"number": "number", "data": "data__number", "method": "method", "when": "created_at"}


def run_for(project: Project, number: int) -> Run:
    """One run of the project, with what its page names."""
    related = ("project", "data__dataset", "contract", "copied_from", "created_by", "model_version__model")
    run = Run.objects.filter(project=project, number=number).select_related(*related).first()
    if run is None:
        raise Missing(f"There is no run {number} in this project.")
    return run


def hide_values(run: Run, roles: Roles) -> Run:
    """The run without values of columns that these roles must not see; never save it."""
    return hide_all([run], roles)[0]


def hide_all(runs: Iterable[Run], roles: Roles) -> list[Run]:
    """The same for many runs, in one query; what was not read of a run is not asked for."""
    found = list(runs)
    hidden = hidden_by((run.data.dataset for run in found), roles)
    for run in found:
        if closed := hidden.get(run.data.dataset_id):
            closed = with_past(closed, run.spec) if "spec" not in run.get_deferred_fields() else closed
            columns = {*closed, str(run.spec.get("target")), *(run.spec.get("inputs") or ())}
            run.message = masking.unquoted(run.message, columns)
            run.cause_text = masking.unquoted(run.cause_text, columns)
            for name in {"spec", "metrics", "evaluation"} - run.get_deferred_fields():
                setattr(run, name, masking.tree(getattr(run, name), closed))
    return found


def runs_of(project: Project, *, state: str = "", sort: str = "") -> QuerySet[Run]:
    """The project's runs for lists: without their evaluations, newest first or as sorted."""
    runs = Run.objects.filter(project=project).select_related("data__dataset", "created_by", "model_version__model")
    runs = runs.defer(*HEAVY)
    if state in Run.State.values:
        runs = runs.filter(state=state)
    name, falling = sort.removeprefix("-"), sort.startswith("-")
    field = F(SORTS[name]) if name in SORTS else F(f"metrics__{name}__value") if name in MEASURES else None
    if field is None:
        return runs.order_by("-number")
    return runs.order_by(field.desc(nulls_last=True) if falling else field.asc(nulls_last=True), "-number")


def runs_for(project: Project, numbers: Sequence[int]) -> list[Run]:
    """These runs of the project, in this order; all must exist."""
    related = ("data__dataset", "model_version__model", "contract")
    found = {
        run.number: run for run in Run.objects.filter(project=project, number__in=numbers).select_related(*related)
    }
    for number in numbers:
        if number not in found:
            raise Missing(f"There is no run {number} in this project.")
    return [found[number] for number in numbers]


def newest_runs(projects: Collection[Project]) -> list[Run]:
    """The newest run of each of these projects."""
    newest = Run.objects.filter(project=OuterRef("project")).order_by("-number").values("number")[:1]
    runs = Run.objects.filter(project__in=projects, number=Subquery(newest))
    return list(runs.select_related("project", "created_by").defer(*HEAVY))


def runs_by(user: User, projects: Collection[Project], limit: int = 8) -> list[Run]:
    """The runs that a person started in these projects, newest first."""
    runs = Run.objects.filter(project__in=projects, created_by=user).select_related("project", "data__dataset")
    return list(runs.defer(*HEAVY).order_by("-created_at")[:limit])


def newest_finished(projects: Collection[Project]) -> list[Run]:
    """The newest run that ended well of each of these projects."""
    finished = Run.objects.filter(state=Run.State.FINISHED)
    newest = finished.filter(project=OuterRef("project")).order_by("-number").values("number")[:1]
    runs = finished.filter(project__in=projects, number=Subquery(newest))
    return list(runs.select_related("data__dataset", "contract").defer(*HEAVY, *_heavy_of_data("data")))


def with_finished_runs(projects: Collection[Project]) -> set[UUID]:
    """Which of these projects have a run that ended well."""
    runs = Run.objects.filter(project__in=projects, state=Run.State.FINISHED)
    return set(runs.order_by().values_list("project_id", flat=True).distinct())


def entry_of(run: Run) -> Entry:
    """A run as comparison sees it."""
    rows = (run.data.table_id, run.evaluation["split"]["fingerprint"])
    return Entry(run.number, run.method, run.spec, run.metrics, rows, run.evaluation["target"])


def finished_runs(project: Project) -> QuerySet[Run]:
    """Runs that ended well, newest first."""
    return runs_of(project, state=Run.State.FINISHED)


def made_again(run: Run) -> list[Run]:
    """The finished runs that made this one again, newest first."""
    again = Run.objects.filter(copied_from=run, cause=Cause.REPRODUCTION, state=Run.State.FINISHED)
    return list(again.only("number", "evaluation")[:5])


def last_run(project: Project) -> Run | None:
    """The newest run, however it ended."""
    return Run.objects.filter(project=project).select_related("data__dataset").defer(*HEAVY).first()


def data_in_use(project: Project) -> Version | None:
    """What the next run would learn from: the newest published version of the last run's dataset, else of any."""
    before = last_run(project)
    return next_to_learn_from(project, before.data.dataset_id if before else None)


def decides(project: Project) -> str:
    """The metric that decides between runs of this project now."""
    return deciding_metric(project.kind, goals_of(contract_in_force(project)), None)


def judged_run(
    run: Run, contract: Contract | None, more: Mapping[str, Any] | None = None, *, rule: Rule | None = None
) -> list[Judgement]:
    """What a run measured, by a contract's targets; `more` is what was measured of its model elsewhere, by key.

    With a decision policy's `rule`, what a threshold changes is measured at the policy's.
    """
    goals = goals_of(contract)
    metrics = under(run.evaluation, run.metrics, rule)
    money = money_of(worth_of(run.project)) if any(goal.source == "money" for goal in goals) else None
    counted = money_goals(goals, money, confusion_under(run.evaluation, run.method, rule), metrics.get("mae"))
    return judged_from(goals, {**metrics, **counted, **(more or {})})


def versions_of(model: Model) -> QuerySet[ModelVersion]:
    """A model's versions, newest first."""
    return model.versions.select_related("model", "run", "created_by")


def model_versions(project: Project) -> QuerySet[ModelVersion]:
    """All registered versions of the project, newest first."""
    versions = ModelVersion.objects.filter(model__project=project).order_by("-created_at", "-number")
    return versions.select_related("model__project", "run", "created_by", "bundle").defer(*_heavy_of_run())


def model_version_for(project: Project, name: str, number: int) -> ModelVersion:
    """One registered version of the project."""
    versions = ModelVersion.objects.filter(model__project=project, model__name=name, number=number)
    version = versions.select_related("model__project", "run__data__dataset", "run__contract", "created_by").first()
    if version is None:
        raise Missing(f"There is no version {number} of a model “{name}” in this project.")
    return version


def models_for(user: User, search: str = "") -> QuerySet[Model]:
    """The models of all projects that a person may read, with their newest version first in `versions`."""
    versions = ModelVersion.objects.select_related("run", "created_by").defer(*_heavy_of_run()).order_by("-number")
    models = Model.objects.filter(project__in=visible_to(user)).filter(versions__isnull=False).distinct()
    if search:
        models = models.filter(Q(name__icontains=search) | Q(project__name__icontains=search))
    newest = models.select_related("project").prefetch_related(Prefetch("versions", queryset=versions))
    return newest.order_by("project__name", "name")


def _heavy_of_run() -> list[str]:
    return [f"run__{name}" for name in HEAVY]


def _heavy_of_data(path: str) -> list[str]:
    return [f"{path}__{name}" for name in ("schema", "profile", "report")]


def newest_versions(projects: Collection[Project]) -> dict[UUID, ModelVersion]:
    """The version registered last in each of these projects."""
    found: dict[UUID, ModelVersion] = {}
    versions = ModelVersion.objects.filter(model__project__in=projects).order_by("created_at")
    related = ("model__project", "run__data__dataset", "run__contract")
    for version in versions.select_related(*related).defer(*_heavy_of_run(), *_heavy_of_data("run__data")):
        found[version.model.project_id] = version
    return found


def bundle_path(version: ModelVersion) -> Path:
    """The bundle's file, its hash just checked."""
    return verified_path(version.bundle_id)


def signature_of(version: ModelVersion) -> dict[str, Any]:
    """What the model accepts, without reading its bundle."""
    signature: dict[str, Any] = version.run.evaluation["signature"]
    return signature


def champion_metrics(version: ModelVersion) -> dict[str, Measurement]:
    """What a version measured on its own held-back rows, by metric."""
    return measurements(version.run.metrics)


def named(version: Version) -> str:
    """A data version as pages and forms name it: `telco/v1`."""
    return f"{version.dataset.name}/v{version.number}"


# ---- Evaluations ----


def evaluations_of(run: Run) -> QuerySet[Evaluation]:
    """A run's evaluations for lists, newest first."""
    found = Evaluation.objects.filter(run=run).select_related("run", "data__dataset", "created_by", "contract")
    return found.defer("found")


def evaluation_for(project: Project, run: int, number: int) -> Evaluation:
    """One evaluation of a run of the project, whole."""
    related = ("run__project", "run__data__dataset", "data__dataset", "contract", "created_by")
    found = Evaluation.objects.filter(run__project=project, run__number=run, run__deleted_at=None, number=number)
    evaluation = found.select_related(*related).first()
    if evaluation is None:
        raise Missing(f"Run {run} of this project has no evaluation {number}.")
    return evaluation


def seen_evaluations(found: Iterable[Evaluation], roles: Roles) -> list[Evaluation]:
    """Evaluations as these roles may see them; never save them."""
    rows = list(found)
    datasets = [dataset for row in rows for dataset in (row.data.dataset, row.run.data.dataset)]
    hidden = hidden_by(datasets, roles) if rows else {}
    for row in rows:
        closed = hidden.get(row.data.dataset_id, frozenset()) | hidden.get(row.run.data.dataset_id, frozenset())
        if closed:
            row.message = masking.unquoted(row.message)
            if "found" not in row.get_deferred_fields():
                row.found = seen.evaluation(row.found, with_past(closed, row.run.spec))
    return rows


def last_attributes(project: Project) -> list[str]:
    """The columns whose groups were looked at last in this project."""
    last = Evaluation.objects.filter(run__project=project).order_by("-created_at").values_list("attributes", flat=True)
    return list(last.first() or [])


def rival_of(run: Run) -> ModelVersion | None:
    """The version registered last that answers the same question and is not this run."""
    versions = ModelVersion.objects.filter(model__project=run.project).exclude(run=run).order_by("-created_at")
    signature = run.evaluation.get("signature") or {}
    for version in versions.select_related("run")[:20]:
        theirs = version.run.evaluation.get("signature") or {}
        if all(theirs.get(key) == signature.get(key) for key in ("kind", "target", "positive")):
            return version
    return None


# ---- The edge-case book ----


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


def must_words(project: Project, revision: EdgeCaseRevision, closed: Collection[str]) -> str:
    """What must come out, in words; the answer is hidden from those who must not see the answers of the data."""
    fields = {name: getattr(revision, name) for name in ("answer", "low", "high")}
    if fields["answer"] and closed and (last := last_run(project)) and last.spec.get("target") in closed:
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
    found = results.select_related("run__project", "run__model_version__model").defer(*_heavy_of_run())[:50]
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
