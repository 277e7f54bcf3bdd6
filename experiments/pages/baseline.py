"""Without a model: the practice that a model must beat, named in plain columns and measured beside every run."""

from functools import cached_property
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.urls import reverse

from datasets.models.versions import Version
from experiments.pages.value import value_context
from experiments.queries.runs import data_in_use, hide_values, newest_finished, run_for
from projects.access import ProjectPage
from projects.baselines import columns_of
from projects.forms.baseline import BaselineForm, baseline_initial
from projects.pages.projects import person
from projects.queries.baseline import baseline_of, baselines_of
from projects.services.worth import set_baseline
from web.pages import FormPage

ROWS = 20


class BaselinePage(ProjectPage, FormPage):
    """The practice, its history, and how the newest run compares with it."""

    action = {"GET": "project.read", "POST": "baseline.change"}
    template = "experiments/baseline.html"
    stage = "define"

    @cached_property
    def version(self) -> Version | None:
        """The data whose columns can be named: what the next run would learn from."""
        return data_in_use(self.project)

    @cached_property
    def columns(self) -> list[str]:
        """Their names."""
        return [field["name"] for field in self.version.schema] if self.version else []

    def make_form(self, data: Any = None, files: Any = None) -> BaselineForm:
        """The newest practice, to be changed. A column that it names stays to be seen though the data lacks it."""
        named = baseline_of(self.project)
        spec = named.spec if named else {}
        columns = [*self.columns, *(name for name in columns_of(spec) if name not in self.columns)]
        given: dict[str, Any] = {"question": self.project.kind, "columns": columns}
        locked = not self.may("baseline.change")
        return BaselineForm(data, initial=baseline_initial(spec), locked=locked, **given)

    def act(self, form: BaselineForm) -> str:
        """Save it as a new version."""
        kind, values = form.cleaned_data["kind"], form.values()
        named = set_baseline(self.project, kind=kind, values=values, by=person(self.request))
        messages.success(
            self.request, f"Version {named.version} is saved. It is measured beside every run from now on."
        )
        return reverse("baseline", args=[self.project.key])

    def context(self, form: Any) -> dict[str, Any]:
        """The newest version in words, what it cannot find, earlier ones, the newest result beside it."""
        named = baseline_of(self.project)
        gone = [name for name in columns_of(named.spec) if self.columns and name not in self.columns] if named else []
        run = newest_finished([self.project])
        newest = hide_values(run_for(self.project, run[0].number), self.roles) if run else None
        beside = value_context(newest) if newest else {}
        history = Paginator(baselines_of(self.project), ROWS).get_page(self.request.GET.get("page"))
        return beside | {"named": named, "gone": gone, "version": self.version, "page_obj": history}
