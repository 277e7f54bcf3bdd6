"""Fills the socket of rows for edge cases: an answered row, by the deployment and the id of its prediction."""

from collections.abc import Mapping
from typing import Any

from deployments.queries.deployments import deployment_for
from experiments.picking import picks
from monitoring.queries.answered import answered_row
from projects.models.projects import Project
from projects.permissions import Role


@picks("prediction")
def from_prediction(project: Project, roles: frozenset[Role], asked: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """What a caller sent, as these roles may see it, and where it is from."""
    deployment = deployment_for(project, str(asked.get("deployment", "")))
    found = answered_row(deployment, str(asked.get("prediction", "")), roles)
    return found.row, f"{deployment.name}, prediction {found.id} of {found.at:%d %B %Y, %H:%M}"
