"""Models that were made elsewhere, over REST."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from datasets.models.versions import Version
from datasets.queries.versions import version_for
from experiments.services.uploads import check_upload, start_upload
from experiments.specs import LARGEST_SEED
from experiments.uploading.looking import check_size, look
from problems.problem import Invalid
from projects.access import ProjectEndpoint
from projects.api.projects import caller
from projects.models.projects import Project
from projects.queries.work import job_link
from storage import blobs

FORM_OVERHEAD = 256 * 1024


class StatedBody(serializers.Serializer[Any]):
    """The version whose held-back rows measure a model, and what its file does not say itself."""

    dataset = serializers.CharField(required=False, max_length=60)
    version = serializers.IntegerField(required=False, min_value=1)
    target = serializers.CharField(required=False, allow_blank=True, max_length=200)
    positive = serializers.CharField(required=False, allow_blank=True, max_length=200)
    inputs = serializers.CharField(
        required=False, allow_blank=True, max_length=100_000, help_text="One column a line, in the model's order."
    )
    test_share = serializers.FloatField(required=False, min_value=0.05, max_value=0.5)
    seed = serializers.IntegerField(required=False, min_value=0, max_value=LARGEST_SEED)
    threshold = serializers.FloatField(required=False, min_value=0.01, max_value=0.99)
    notes = serializers.CharField(required=False, allow_blank=True, max_length=20_000)


class ModelBody(StatedBody):
    """A skops or ONNX file, the version whose held-back rows measure it, and what the file does not say itself."""

    file = serializers.FileField(max_length=300)


class Uploads(ProjectEndpoint):
    """Bring a model that was made elsewhere."""

    action = "run.upload"
    parser_classes = [MultiPartParser]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """After the door, refuse what is too large before its body is read."""
        super().initial(request, *args, **kwargs)
        length = str(request.META.get("CONTENT_LENGTH") or "0")
        check_size((int(length) if length.isdigit() else 0) - FORM_OVERHEAD)

    @extend_schema(
        request={"multipart/form-data": ModelBody},
        responses={202: OpenApiTypes.OBJECT, 413: OpenApiTypes.OBJECT, 422: OpenApiTypes.OBJECT},
    )
    def post(self, request: Request, key: str) -> Response:
        """Upload a model; a job checks it and measures it. The answer names the run that it becomes.

        Skops files of known types and ONNX files of known operators are taken; others are refused with the names of
        those types. Without `dataset` and `version` the newest published version measures it. ONNX needs ONNX Runtime
        on the server; without it the answer is 422 with the code `not_installed`.
        """
        body = ModelBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        file = given.pop("file")
        check_size(file.size)
        found = look(file.file, file.name)
        file.seek(0)
        data = measured_on(self.project, given)
        asked: dict[str, Any] = {"names": found.names, "stated": stated_in(given), "data": data}
        with self.words.refusals():
            check_upload(self.project, **asked)
        blob = blobs.put(file.chunks())

        def make() -> tuple[int, dict[str, Any]]:
            with self.words.refusals():
                run, job = start_upload(
                    self.project,
                    file=blob,
                    file_name=file.name,
                    **asked,
                    notes=given.get("notes", ""),
                    by=caller(request),
                )
            url = f"/api/v1/projects/{self.project.key}/runs/{run.number}/"
            return 202, {"run": run.number, "url": url, "job": job_link(job)}

        return self.once(make)


def measured_on(project: Project, given: dict[str, Any]) -> Version | None:
    """The version that a body names; None where it names none."""
    if ("dataset" in given) != ("version" in given):
        raise Invalid("Name a dataset and its version, or neither.", fields={"version": "Name both, or neither."})
    return version_for(project, given["dataset"], given["version"]) if "dataset" in given else None


def stated_in(given: dict[str, Any]) -> dict[str, Any]:
    """What a body says, as a spec has it."""
    split: dict[str, Any] = {"kind": "random"} | {name: given[name] for name in ("test_share", "seed") if name in given}
    found = {name: given.get(name) for name in ("target", "positive", "threshold", "seed")}
    lines = [line.strip() for line in given.get("inputs", "").splitlines()]
    return found | {"split": split, "inputs": [line for line in lines if line]}
