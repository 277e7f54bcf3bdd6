"""Worth: what right and wrong answers bring and cost, read back as sentences."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.urls import reverse

from projects.access import ProjectPage
from projects.forms.worth import WorthForm
from projects.money import sentences
from projects.overview import asides
from projects.pages.projects import person
from projects.queries.define import charter_of
from projects.queries.worth import FIELDS, money_of, worth_of, worths_of
from projects.services.worth import set_worth
from web.pages import FormPage

ROWS = 20


class WorthPage(ProjectPage, FormPage):
    """The table of money, its sentences, and its history."""

    action = {"GET": "project.read", "POST": "worth.change"}
    template = "projects/worth.html"
    stage = "define"

    def make_form(self, data: Any = None, files: Any = None) -> WorthForm:
        """The newest numbers, to be changed."""
        worth = worth_of(self.project)
        initial = {field: getattr(worth, field) for field in FIELDS} if worth else {}
        initial = {name: f"{value:.12g}" if isinstance(value, float) else value for name, value in initial.items()}
        return WorthForm(data, initial=initial, kind=self.project.kind, locked=not self.may("worth.change"))

    def act(self, form: WorthForm) -> str:
        """Save them as a new version."""
        worth = set_worth(self.project, values=form.cleaned_data, by=person(self.request))
        messages.success(self.request, f"Version {worth.version} is saved. Results count with it from now on.")
        return reverse("worth", args=[self.project.key])

    def context(self, form: Any) -> dict[str, Any]:
        """The newest version in words, earlier ones, and what results are worth by it."""
        who = charter_of(self.project).positive_word
        history = Paginator(worths_of(self.project), ROWS).get_page(self.request.GET.get("page"))
        rows = [(row, self.read(row, who)) for row in history.object_list]
        newest = worth_of(self.project)
        return {
            "worth": newest,
            "lines": self.read(newest, who) if newest else [],
            "page_obj": history,
            "rows": rows,
            "asides": asides("define", self.project, self.roles),
        }

    def read(self, worth: Any, who: str) -> list[str]:
        """One version as sentences."""
        money = money_of(worth)
        return sentences(money, self.project.kind, who) if money else []
