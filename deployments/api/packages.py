"""A registered version over REST as a project or as a model of another tool."""

from django.http import FileResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from datasets.downloads import sealed
from deployments.packages.forms import ONNX
from deployments.queries.packages import package_as
from deployments.services.packages import prove_onnx
from experiments.queries.models import Named, model_version_for
from problems.problem import Conflict
from projects.access import ProjectEndpoint
from projects.api.projects import caller
from projects.queries.work import job_link


class Package(ProjectEndpoint):
    """A version in one of the forms."""

    action = {"GET": "model.download", "POST": "model.download"}

    @extend_schema(request=None, responses={202: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str, number: Named, form: str) -> Response:
        """Prove `onnx`: a job makes it and compares its answers on held-back rows. Then it can be fetched, or not."""
        version = model_version_for(self.project, name, number)
        if form != ONNX:
            raise Conflict(f"Only {ONNX} is proved before it can be fetched.", code="not_needed")
        return Response({"job": job_link(prove_onnx(version, by=caller(request)))}, status=202)

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request, key: str, name: str, number: Named, form: str) -> HttpResponseBase:
        """`fastapi` and `flask` are projects with tests and a Dockerfile, `mlflow` is a model that MLflow loads.

        `onnx` is there after it was proved (POST): 409 before that, and where its answers are not the same."""
        version = model_version_for(self.project, name, number)
        response = FileResponse(package_as(version, form, self.roles), content_type="application/zip")
        sealed(response, f"{name}-v{version.number}-{form}.zip")
        return response
