"""The page that brings a model which was made elsewhere."""

from functools import cached_property
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from datasets.models.versions import Version
from datasets.queries.versions import published_versions
from experiments.forms.uploads import UploadForm
from experiments.queries.runs import named
from experiments.services.uploads import KINDS, check_upload, start_upload
from experiments.uploading.looking import MOST_UPLOAD, check_size, look
from experiments.uploading.onnx_models import installed
from problems.problem import Invalid
from projects.access import ProjectPage
from projects.pages.projects import person
from projects.results import words
from storage import blobs
from web.pages import FormPage

FORM_OVERHEAD = 256 * 1024


class Measured(ProjectPage, FormPage):
    """A page that has a model from elsewhere measured on a published version."""

    action = "run.upload"
    stage = "train"

    @cached_property
    def versions(self) -> dict[str, Version]:
        """What it can be measured on, newest first."""
        return {named(version): version for version in published_versions(self.project)[:50]}

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The form, or what has to happen before there can be one."""
        if not self.versions:
            return self.show("experiments/no_data.html")
        return super().get(request, *args, **kwargs)

    def at_its_field(self, problem: Invalid, form: Any) -> Invalid:
        """The same refusal, at a field that the form has."""
        fields = {name if name in form.fields else "file": text for name, text in problem.fields.items()}
        return Invalid(problem.text, fields=fields, code=problem.code)


class ModelUpload(Measured):
    """Upload a model: the file is looked at, then a job measures it on held-back rows."""

    template = "experiments/upload.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Refuse what is too large before anything of it is kept."""
        length = str(request.META.get("CONTENT_LENGTH") or "0")
        check_size((int(length) if length.isdigit() else 0) - FORM_OVERHEAD)
        if not self.versions:
            return self.show("experiments/no_data.html", status=409)
        return super().post(request, *args, **kwargs)

    def make_form(self, data: Any = None, files: Any = None) -> UploadForm:
        """The file and what is stated."""
        pairs = [(name, f"{version}, {version.rows:,} rows") for name, version in self.versions.items()]
        return UploadForm(data, files, versions=pairs, kind=self.project.kind)

    def act(self, form: UploadForm) -> str:
        """Look at it, keep it, and queue its check."""
        file = form.cleaned_data["file"]
        check_size(file.size)
        found = look(file.file, file.name)
        file.seek(0)
        given: dict[str, Any] = {"stated": form.stated(), "data": self.versions[form.cleaned_data["rows"]]}
        try:
            with words(self.project.key, self.roles).refusals():
                check_upload(self.project, names=found.names, **given)
                run, _ = start_upload(
                    self.project,
                    file=blobs.put(file.chunks()),
                    file_name=file.name,
                    names=found.names,
                    notes=form.cleaned_data["notes"],
                    by=person(self.request),
                    **given,
                )
        except Invalid as problem:
            raise self.at_its_field(problem, form) from problem
        return reverse("run", args=[self.project.key, run.number])

    def context(self, form: Any) -> dict[str, Any]:
        """Whether this kind of question takes models from elsewhere, and how large they may be."""
        return {"takes": self.project.kind in KINDS, "limit": MOST_UPLOAD, "onnx": installed()}
