"""A registered version as a project or a model of another tool, for those who may see all that is in it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from datasets.queries.seen import Roles
from deployments.packages import mlflow_model, onnx_package, projects
from deployments.packages.forms import FORMS, ONNX
from experiments.models.registry import ModelVersion
from experiments.queries.models import bundle_path
from experiments.queries.taking import opened, parts_of
from jobs.models import OPEN_STATES, Job, State
from problems.problem import Conflict, Missing


@dataclass(frozen=True)
class OnnxStanding:
    """Whether a version can be had as ONNX: not asked yet, being made, refused with a reason, or proved on `rows`."""

    running: bool = False
    refused: str = ""
    rows: int = 0
    difference: float = 0.0
    sha256: str = ""

    @property
    def proved(self) -> bool:
        """Whether it was made and answers the same."""
        return bool(self.sha256)


def onnx_standing(version: ModelVersion) -> OnnxStanding:
    """What the last proof of exactly these bytes found."""
    label = version._meta.label_lower
    asked = Job.objects.filter(kind="deployments.prove_onnx", subject_type=label, subject_id=str(version.pk))
    last = asked.order_by("-created_at").first()
    if last is None:
        return OnnxStanding()
    if last.state in OPEN_STATES:
        return OnnxStanding(running=True)
    found = last.result or {}
    if last.state != State.SUCCEEDED or found.get("bundle") != version.bundle_id:
        return OnnxStanding(refused=last.message if last.state == State.FAILED else "")
    return OnnxStanding(False, found["refused"], found["rows"], found["difference"], found["sha256"])


def onnx_facts(version: ModelVersion) -> dict[str, str]:
    """What stands in the file beside the graph."""
    return {"model": version.model.name, "version": str(version.number), "bundle": version.bundle_id}


def package_as(version: ModelVersion, form: str, roles: Roles) -> BinaryIO:
    """The zip file in one of the forms, opened at its beginning."""
    if form not in (*FORMS, ONNX):
        raise Missing(f"There is no form {form[:40]} of a package. There are: {', '.join([*FORMS, ONNX])}.")
    parts = parts_of(version, roles)
    if form == ONNX:
        return opened(_onnx(version, parts))
    return opened(mlflow_model.model(parts) if form == "mlflow" else projects.project(form, parts))


def _onnx(version: ModelVersion, parts: Mapping[str, bytes]) -> dict[str, bytes]:
    """The very bytes that were proved, made again."""
    standing = onnx_standing(version)
    if standing.refused:
        raise Conflict(f"{version} cannot be had as ONNX. {standing.refused}", code="no_onnx")
    if not standing.proved:
        text = f"{version} has to be made as ONNX first, and its answers compared: POST to this address."
        raise Conflict(text, code="not_proved")
    content = onnx_package.file_of(Path(bundle_path(version)), onnx_facts(version))
    if hashlib.sha256(content).hexdigest() != standing.sha256:
        raise Conflict("It comes out otherwise than when it was proved. Have it proved again.", code="not_proved")
    return onnx_package.package(parts, content, standing.rows, standing.difference)
