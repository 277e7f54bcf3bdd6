"""A registered version to take along as a project or as a model of another tool."""

from django.http import FileResponse, HttpRequest
from django.http.response import HttpResponseBase

from datasets.downloads import sealed
from deployments.queries.packages import package_as
from experiments.queries.models import model_version_for
from projects.access import ProjectPage


class Package(ProjectPage):
    """The version in one of the forms."""

    action = "model.download"

    def get(self, request: HttpRequest, name: str, number: int, form: str) -> HttpResponseBase:
        """The zip file."""
        version = model_version_for(self.project, name, number)
        response = FileResponse(package_as(version, form, self.roles), content_type="application/zip")
        sealed(response, f"{name}-v{number}-{form}.zip")
        return response
