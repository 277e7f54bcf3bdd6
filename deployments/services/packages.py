"""Having a version made in a form that has to be proved first."""

from audit.actors import Actor
from audit.services import record
from deployments.queries.packages import onnx_standing
from experiments.models.registry import ModelVersion
from jobs import services as jobs
from jobs.models import Job
from problems.problem import Conflict


def prove_onnx(version: ModelVersion, *, by: Actor) -> Job:
    """Queue the making and the comparing."""
    if onnx_standing(version).running:
        raise Conflict(f"{version} is being made as ONNX already.", code="busy")
    project = version.model.project
    record(by, "model.onnx_asked", version, project_key=project.key, version=str(version))
    return jobs.start(
        "deployments.prove_onnx",
        by=by,
        title=f"Making {version} as ONNX",
        subject=version,
        project_key=project.key,
        payload={"version": str(version.pk)},
    )
