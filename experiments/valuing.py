"""The worth of runs as pages and the API show it: what a project shares is read once, then each run is counted."""

from collections.abc import Mapping
from typing import Any

from experiments.evaluation.choice import deciding_metric
from experiments.evaluation.thresholds import COUNTED
from experiments.models.runs import Run
from experiments.queries.runs import judged_run
from experiments.value import Value, judged, value_of
from projects.contract import TargetKind, as_row, goal_of
from projects.models.define import Contract
from projects.models.policy import Policy
from projects.models.projects import Project
from projects.policies import Rule
from projects.queries.baseline import baseline_of
from projects.queries.define import charter_of, contract_in_force, goals_of
from projects.queries.policies import policy_in_force, rule_of, threshold_on
from projects.queries.worth import money_of, worth_of


def rule_for(policy: Policy | None, evaluation: Mapping[str, Any]) -> Rule | None:
    """The policy as it decides on this run's scores."""
    return rule_of(policy, threshold_on(policy, evaluation.get("thresholds"))) if policy else None


class Values:
    """The worth of several runs of one project."""

    def __init__(self, project: Project) -> None:
        self.policy = policy_in_force(project)
        self.worth = worth_of(project)
        self.money = money_of(self.worth)
        self.baseline = baseline_of(project)
        self.who = charter_of(project).positive_word
        self.key = deciding_metric(project.kind, goals_of(contract_in_force(project)), None)

    def of(self, run: Run) -> Value:
        """What one finished run brings."""
        rule = rule_for(self.policy, run.evaluation)
        return value_of(run.evaluation, run.metrics, rule=rule, money=self.money, key=self.key, who=self.who)

    def verdicts(self, run: Run, contract: Contract | None) -> list[dict[str, Any]]:
        """The targets judged at the policy's threshold; nothing while no policy is in force."""
        rule = rule_for(self.policy, run.evaluation)
        if rule is None or not run.evaluation.get("thresholds"):
            return []
        return [as_row(one) for one in judged_run(run, contract, rule=rule)]


def rows_under(run: Run, verdicts: list[dict[str, Any]], policy: Policy | None) -> tuple[list[Mapping[str, Any]], str]:
    """Verdicts as lists show them, those that a threshold changes judged at the policy's, and whose that is."""
    rule = rule_for(policy, run.evaluation)
    if rule is None or not run.evaluation.get("thresholds"):
        return list(verdicts), ""
    again = [row for row in verdicts if row["kind"] == TargetKind.METRIC and row["metric"] in COUNTED]
    goals = [goal_of(row) for row in again]
    found = {
        id(row): as_row(one) for row, one in zip(again, judged(run.evaluation, run.metrics, goals, rule), strict=True)
    }
    return [{**row, **found.get(id(row), {})} for row in verdicts], f"{rule.named}, {100 * rule.threshold:.4g}%"
