"""Reads about runs: one, lists as somebody may see them, and what a run measured by a contract."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import F, OuterRef, QuerySet, Subquery

from accounts.models import User
from datasets import masking
from datasets.models.versions import Version
from datasets.queries.seen import Roles, hidden_by
from datasets.queries.versions import next_to_learn_from
from experiments.evaluation.choice import deciding_metric
from experiments.evaluation.comparison import Entry
from experiments.evaluation.worth import money_goals
from experiments.forecasting.steps import with_past
from experiments.models.runs import Cause, Run
from experiments.value import confusion_under, under
from problems.problem import Missing
from projects.contract import Judgement, judged_from
from projects.measures import MEASURES
from projects.models.define import Contract
from projects.models.projects import Project
from projects.policies import Rule
from projects.queries.define import contract_in_force, goals_of
from projects.queries.worth import money_of, worth_of

HEAVY = ("evaluation", "environment")
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


def runs_for(project: Project, numbers: Sequence[int], *, light: bool = False) -> list[Run]:
    """These runs of the project, in this order; all must exist. With `light` only what ranks them is read of each."""
    related = ("data__dataset", "model_version__model", "contract")
    rows = Run.objects.filter(project=project, number__in=numbers).select_related(*related)
    rows = rows.defer(*(f"data__{name}" for name in ("schema", "profile", "report")))
    if light:
        asked = {"fingerprint": F("evaluation__split__fingerprint"), "asked_target": F("evaluation__target")}
        rows = rows.defer(*HEAVY).annotate(**asked)
    found = {run.number: run for run in rows}
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
    return list(runs.select_related("data__dataset", "contract").defer(*HEAVY, *heavy_of_data("data")))


def with_finished_runs(projects: Collection[Project]) -> set[UUID]:
    """Which of these projects have a run that ended well."""
    runs = Run.objects.filter(project__in=projects, state=Run.State.FINISHED)
    return set(runs.order_by().values_list("project_id", flat=True).distinct())


def entry_of(run: Run) -> Entry:
    """A run as comparison sees it."""
    if "evaluation" in run.get_deferred_fields():
        rows, target = (run.data.table_id, run.fingerprint), run.asked_target  # type: ignore[attr-defined]
    else:
        rows, target = (run.data.table_id, run.evaluation["split"]["fingerprint"]), run.evaluation["target"]
    return Entry(run.number, run.method, run.spec, run.metrics, rows, target)


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


def heavy_of_run() -> list[str]:
    """The columns of `run` that lists of what hangs on a run leave behind."""
    return [f"run__{name}" for name in HEAVY]


def heavy_of_data(path: str) -> list[str]:
    """The columns of the data version at `path` that lists leave behind."""
    return [f"{path}__{name}" for name in ("schema", "profile", "report")]


def named(version: Version) -> str:
    """A data version as pages and forms name it: `telco/v1`."""
    return f"{version.dataset.name}/v{version.number}"
