"""A registered version as a project or a model of another tool, for those who may see all that is in it."""

from typing import BinaryIO

from datasets.queries.seen import Roles
from deployments.packages import mlflow_model, projects
from deployments.packages.forms import FORMS
from experiments.models.registry import ModelVersion
from experiments.queries.taking import opened, parts_of
from problems.problem import Missing


def package_as(version: ModelVersion, form: str, roles: Roles) -> BinaryIO:
    """The zip file in one of the forms, opened at its beginning."""
    if form not in FORMS:
        raise Missing(f"There is no form {form[:40]} of a package. There are: {', '.join(FORMS)}.")
    parts = parts_of(version, roles)
    return opened(mlflow_model.model(parts) if form == "mlflow" else projects.project(form, parts))
