"""The pages that have a logged model measured and judged."""

from functools import cached_property
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from experiments.forms.uploads import JudgeForm
from experiments.models.logged import LogFile
from experiments.pages.uploads import Measured
from experiments.queries.log_models import NOTHING, data_of, files_of_model, files_of_run, model_page, place_of
from experiments.queries.logged import logged_run
from experiments.services.log_judging import judge_logged
from experiments.services.uploads import KINDS
from problems.problem import Invalid
from projects.pages.projects import person
from projects.results import words


class _Judging(Measured):
    """What both pages share: the files, the version, and what the file does not say itself."""

    template = "experiments/judge_logged.html"

    @cached_property
    def files(self) -> list[LogFile]:
        """What can be judged here."""
        raise NotImplementedError

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Queue it, where there is something to measure it on."""
        if not self.versions:
            return self.show("experiments/no_data.html", status=409)
        return super().post(request, *args, **kwargs)

    def make_form(self, data: Any = None, files: Any = None) -> JudgeForm:
        """Which file, on which rows, and what is stated."""
        pairs = [(name, f"{version}, {version.rows:,} rows") for name, version in self.versions.items()]
        known = [(str(one.pk), place_of(one)) for one in self.files]
        return JudgeForm(data, files=known, versions=pairs, kind=self.project.kind)

    def act(self, form: JudgeForm) -> str:
        """Look at it and queue its check."""
        if not self.files:
            raise Invalid(NOTHING, fields={"file": NOTHING})
        file = next(one for one in self.files if str(one.pk) == form.cleaned_data["file"])
        try:
            with words(self.project.key, self.roles).refusals():
                run, _ = judge_logged(
                    self.project,
                    file,
                    stated=form.stated(),
                    data=self.versions[form.cleaned_data["rows"]],
                    notes=form.cleaned_data["notes"],
                    by=person(self.request),
                )
        except Invalid as problem:
            raise self.at_its_field(problem, form) from problem
        return reverse("run", args=[self.project.key, run.number])

    def context(self, form: Any) -> dict[str, Any]:
        """Whether there is something to judge, and which data it says that it learned from."""
        return {"takes": self.project.kind in KINDS, "files": self.files, "learned": data_of(self.files)}


class JudgeRun(_Judging):
    """Judge a model of a logged run."""

    @cached_property
    def files(self) -> list[LogFile]:
        """The run's files that can be judged."""
        return files_of_run(logged_run(self.project, self.kwargs["number"]))


class JudgeModel(_Judging):
    """Judge a logged model."""

    @cached_property
    def files(self) -> list[LogFile]:
        """The model's skops files."""
        return files_of_model(model_page(self.project, self.kwargs["model_id"]).model)
