"""The sample's business side: what answers are worth, what is done without a model, and a signed decision policy."""

from collections.abc import Mapping
from typing import Any

from accounts.models import User
from deployments.queries.decisions import scores_of
from experiments.models.runs import Run
from projects.models.projects import Project
from projects.permissions import Role
from projects.services.policies import propose_policy, sign_policy
from projects.services.worth import set_baseline, set_worth

WORTH = {"currency": "EUR", "right_yes": 49.2, "wrong_yes": -6.5, "cases_a_month": 4000.0}
PRACTICE = {
    "join": "and",
    "conditions": [
        {"column": "contract_type", "op": "=", "value": "month"},
        {"column": "tenure_months", "op": "<", "value": "12"},
    ],
}
POLICY = {"threshold": 0.3, "person_low": 0.25, "person_high": 0.35, "person_cost": 2.0}


def say_worth(project: Project, people: Mapping[Role, User]) -> None:
    """The product manager's numbers, and what the retention team did before there was a model."""
    manager = people[Role.PRODUCT_MANAGER]
    set_worth(project, values=WORTH, by=manager)
    set_baseline(project, kind="rule", values=PRACTICE, by=manager)


def decide(project: Project, run: Run, people: Mapping[Role, User]) -> None:
    """The product manager lowers the threshold, sends close cases to a person, and signs."""
    manager = people[Role.PRODUCT_MANAGER]
    values = POLICY | {"reason": "A call is cheap beside a customer who leaves."}
    given: dict[str, Any] = {"values": values, "bins": scores_of(run), "reference": f"run {run.number}"}
    sign_policy(propose_policy(project, **given, by=manager), by=manager)
