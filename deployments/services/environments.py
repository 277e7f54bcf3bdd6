"""What a project says of its environments."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from audit.actors import Actor
from audit.services import record
from datasets.models.versions import Dataset
from deployments import conditions as limits
from deployments.gate_rules import ENVIRONMENTS
from deployments.models import Deployment, Environment, Release
from deployments.queries.environments import PRODUCTION
from problems.problem import Conflict, Invalid
from projects.models.projects import Project
from projects.permissions import Role


@transaction.atomic
def set_up_environment(
    project: Project,
    name: str,
    *,
    signers: Sequence[str],
    datasets: Sequence[str],
    by: Actor,
    conditions: Mapping[str, Any] | None = None,
) -> Environment:
    """Add an environment, or say otherwise who signs there, which data is allowed and which limits versions keep.

    Versions go through it first. Who signed under other limits is asked again.
    """
    if name not in ENVIRONMENTS:
        known = ", ".join(ENVIRONMENTS)
        raise Invalid(f"There is no environment {name[:40]}. Known: {known}.", fields={"name": f"One of: {known}."})
    roles = {role.value for role in Role} - {Role.VIEWER.value}
    if wrong := [role for role in signers if role not in roles]:
        raise Invalid(f"Nobody signs as “{wrong[0][:40]}”.", fields={"signers": f"One of: {', '.join(sorted(roles))}."})
    if name == PRODUCTION and signers:
        text = "Who signs for production follows from the risk tier."
        raise Invalid(text, fields={"signers": text})
    known_data = set(Dataset.objects.filter(project=project).values_list("name", flat=True))
    if strange := [one for one in datasets if one not in known_data]:
        raise Invalid(f"There is no dataset “{strange[0][:80]}”.", fields={"datasets": "Names of datasets here."})
    said = {
        "signers": list(dict.fromkeys(signers)),
        "datasets": list(dict.fromkeys(datasets)),
        "conditions": limits.checked(conditions or {}),
    }
    row, _ = Environment.objects.update_or_create(project=project, name=name, defaults=said)
    facts = {"environment": name, **said}
    record(by, "environment.set_up", row, project_key=project.key, **facts)
    return row


@transaction.atomic
def drop_environment(environment: Environment, *, by: Actor) -> None:
    """Versions no longer go through it. What is in use there is taken out of use first."""
    live = Deployment.objects.filter(project=environment.project, environment=environment.name)
    if environment.name != PRODUCTION and live.filter(releases__state=Release.State.CHAMPION).exists():
        raise Conflict(f"A model is in use in {environment.name}. Take it out of use first.", code="in_use")
    record(by, "environment.dropped", environment, project_key=environment.project.key, environment=environment.name)
    environment.delete()
