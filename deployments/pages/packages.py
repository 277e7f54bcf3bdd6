"""A registered version to take along as a project or as a model of another tool."""

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from datasets.downloads import sealed
from deployments.pages.versions import person
from deployments.queries.packages import package_as
from deployments.services.packages import prove_onnx
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


class Prove(ProjectPage):
    """Have a version made as ONNX, and its answers compared."""

    action = {"POST": "model.download"}

    def post(self, request: HttpRequest, name: str, number: int) -> HttpResponse:
        """Do it."""
        prove_onnx(model_version_for(self.project, name, number), by=person(request))
        messages.success(request, "It is made as ONNX and its answers are compared. That takes a minute.")
        return redirect("model-version", self.project.key, name, number)
