"""Reads about evaluations of runs."""

from collections.abc import Iterable, Sequence

from django.db.models import QuerySet

from datasets import masking
from datasets.queries.seen import Roles, hidden_by
from experiments import seen
from experiments.forecasting.steps import with_past
from experiments.models.evaluations import Evaluation
from experiments.models.runs import Run
from problems.problem import Missing
from projects.contract import TargetKind
from projects.models.projects import Project
from projects.queries.charter import columns_of
from projects.queries.define import charter_of, contract_in_force, goals_of


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


def protected_columns(project: Project) -> list[str]:
    """The columns that hold protected attributes, as Define names them."""
    return columns_of(charter_of(project).protected)


MOST_ATTRIBUTES = 8


def protected_in(run: Run, further: Sequence[str] = ()) -> list[str]:
    """The columns of a run's data whose groups must be treated alike: of its targets, and those the charter names."""
    known = {entry["name"] for entry in run.data.schema}
    named = [goal.column for goal in goals_of(contract_in_force(run.project)) if goal.kind == TargetKind.FAIRNESS]
    named += [*protected_columns(run.project), *further]
    return [name for name in dict.fromkeys(named) if name in known and name != run.spec.get("target")][:MOST_ATTRIBUTES]


def last_attributes(project: Project) -> list[str]:
    """The columns whose groups were looked at last in this project."""
    last = Evaluation.objects.filter(run__project=project).order_by("-created_at").values_list("attributes", flat=True)
    return list(last.first() or [])
