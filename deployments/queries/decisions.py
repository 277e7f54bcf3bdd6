"""The decision policy in force, as it decides on a run’s scores."""

from deployments.models import Release
from experiments import valuing
from experiments.models.runs import Run
from experiments.queries.runs import finished_runs, run_for
from projects.models.projects import Project
from projects.policies import Rule
from projects.queries.policies import policy_in_force


def reference_run(project: Project, number: int | None = None) -> Run | None:
    """Whose held-back scores show what a policy does: the run asked for, that of the model in use, the newest one."""
    if number is not None:
        return run_for(project, number)
    champions = Release.objects.filter(deployment__project=project, state=Release.State.CHAMPION)
    champions = champions.filter(deployment__environment="production")
    used = champions.order_by("-started_at").values_list("version__run__number", flat=True).first()
    newest = used if used is not None else finished_runs(project).values_list("number", flat=True).first()
    return None if newest is None else run_for(project, newest)


def scores_of(run: Run | None) -> list[int]:
    """A run's held-back rows by thousandths of their chance; empty while there are none."""
    kept = run.evaluation.get("thresholds") if run else None
    return [yes + no for yes, no in zip(kept["yes"], kept["no"], strict=True)] if kept else []


def rule_for(project: Project, run: Run) -> Rule | None:
    """The policy in force as it decides on a run's scores."""
    return valuing.rule_for(policy_in_force(project), run.evaluation)
