"""A registered version over REST as a project or as a model of another tool."""

from django.http import FileResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from datasets.downloads import sealed
from deployments.queries.packages import package_as
from experiments.queries.models import Named, model_version_for
from projects.access import ProjectEndpoint


class Package(ProjectEndpoint):
    """A version in one of the forms."""

    action = "model.download"

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request, key: str, name: str, number: Named, form: str) -> HttpResponseBase:
        """`fastapi` and `flask` are projects with tests and a Dockerfile, `mlflow` is a model that MLflow loads."""
        version = model_version_for(self.project, name, number)
        response = FileResponse(package_as(version, form, self.roles), content_type="application/zip")
        sealed(response, f"{name}-v{version.number}-{form}.zip")
        return response
