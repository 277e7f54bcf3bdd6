"""Pages of a registered version: its card and what people write on it, what changed, aliases, the file to take."""

import json
from typing import Any

from django import forms
from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from datasets.downloads import sealed
from experiments import cards
from experiments.forms.registry import AliasForm, CardForm
from experiments.models.registry import ModelVersion
from experiments.queries.models import model_version_for, versions_of
from experiments.queries.registry import (
    aliases_of,
    card_facts,
    card_text,
    changes_between,
    model_for,
    texts_to_begin_with,
    version_before,
)
from experiments.queries.taking import package_of
from experiments.services.registry import remove_alias, set_alias, write_card
from problems.problem import Missing, Problem
from projects.access import ProjectPage
from projects.pages.projects import person
from web.pages import FormPage


class CardPage(ProjectPage):
    """The model card, to be read and printed."""

    action = "model.read"
    stage = "deploy"
    template = "experiments/card.html"

    def get(self, request: HttpRequest, name: str, number: int) -> HttpResponse:
        """The page."""
        version = model_version_for(self.project, name, number)
        facts = card_facts(version, self.roles)
        shown: dict[str, Any] = {
            "sections": cards.sections(facts),
            "finding": cards.finding(facts),
            "text": card_text(version),
        }
        return self.show(model_version=version, **shown)


class CardJson(ProjectPage):
    """The card as a JSON file."""

    action = "model.read"

    def get(self, request: HttpRequest, name: str, number: int) -> HttpResponseBase:
        """The file."""
        facts = card_facts(model_version_for(self.project, name, number), self.roles)
        content = json.dumps(cards.as_json(facts), indent=2, ensure_ascii=False, default=str)
        response = HttpResponse(content, content_type="application/json")
        sealed(response, f"{name}-v{number}-card.json")
        return response


class CardMarkdown(ProjectPage):
    """The card as a Markdown file."""

    action = "model.read"

    def get(self, request: HttpRequest, name: str, number: int) -> HttpResponseBase:
        """The file."""
        facts = card_facts(model_version_for(self.project, name, number), self.roles)
        response = HttpResponse(cards.as_markdown(facts), content_type="text/markdown; charset=utf-8")
        sealed(response, f"{name}-v{number}-card.md")
        return response


class CardWrite(ProjectPage, FormPage):
    """What people say on the card."""

    action = "model.register"
    stage = "deploy"
    template = "experiments/card_write.html"

    @property
    def version(self) -> ModelVersion:
        """The version that the address names."""
        return model_version_for(self.project, self.kwargs["name"], self.kwargs["number"])

    def make_form(self, data: Any = None, files: Any = None) -> CardForm:
        """The last texts, else those of the version before."""
        text = card_text(self.version)
        return CardForm(data, initial=texts_to_begin_with(self.version) | {"seen": text.number if text else 0})

    def context(self, form: forms.BaseForm) -> dict[str, Any]:
        """The version."""
        return {"model_version": self.version, "text": card_text(self.version)}

    def act(self, form: Any) -> str:
        """Keep them as the card's next text."""
        texts = {one.key: form.cleaned_data[one.key] for one in cards.FIELDS}
        write_card(self.version, texts=texts, seen=form.cleaned_data["seen"], by=person(self.request))
        messages.success(self.request, "The card is written.")
        return reverse("model-card", args=[self.project.key, self.kwargs["name"], self.kwargs["number"]])


class Changes(ProjectPage):
    """What changed between two versions."""

    action = "model.read"
    stage = "deploy"
    template = "experiments/changes.html"

    def get(self, request: HttpRequest, name: str, number: int) -> HttpResponse:
        """Against `?from=`, else against the version before."""
        version = model_version_for(self.project, name, number)
        before = _number(request.GET.get("from", "")) or getattr(version_before(version), "number", None)
        others = [one.number for one in versions_of(version.model) if one.number != number]
        notes = changes_between(self.project, name, before, number, self.roles) if before else None
        return self.show(model_version=version, notes=notes, others=others, before=before)


def _number(text: str) -> int | None:
    if text and not (text.isascii() and text.isdigit() and len(text) < 9):
        raise Missing("Versions are named by their numbers, like ?from=2.")
    return int(text) if text else None


class Aliases(ProjectPage):
    """The names that point at versions of a model, and setting one."""

    action = {"GET": "model.read", "POST": "model.register"}
    stage = "deploy"
    template = "experiments/aliases.html"

    def page(self, name: str, status: int = 200, **more: Any) -> HttpResponse:
        """The list and the form."""
        model = model_for(self.project, name)
        numbers = [one.number for one in versions_of(model)]
        context: dict[str, Any] = {"model": model, "rows": aliases_of(model), "form": AliasForm(numbers=numbers)}
        return self.show(status=status, **(context | more))

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """Show them."""
        return self.page(name)

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Set or move one."""
        model = model_for(self.project, name)
        form = AliasForm(request.POST, numbers=[one.number for one in versions_of(model)])
        if not form.is_valid():
            return self.page(name, status=422, form=form)
        version = model_version_for(self.project, name, int(form.cleaned_data["version"]))
        try:
            alias = set_alias(model, name=form.cleaned_data["alias"], version=version, by=person(request))
        except Problem as problem:
            form.add_error("alias", problem.text)
            return self.page(name, status=problem.status, form=form)
        messages.success(request, f"“{alias.name}” points at version {version.number}.")
        return redirect("model-aliases", self.project.key, name)


class AliasRemove(ProjectPage):
    """Let a name point at nothing."""

    action = {"POST": "model.register"}

    def post(self, request: HttpRequest, name: str, alias: str) -> HttpResponse:
        """Do it."""
        remove_alias(model_for(self.project, name), name=alias, by=person(request))
        messages.success(request, f"“{alias}” points at nothing any more.")
        return redirect("model-aliases", self.project.key, name)


class Take(ProjectPage):
    """The version as a file to be used elsewhere."""

    action = "model.download"

    def get(self, request: HttpRequest, name: str, number: int) -> HttpResponseBase:
        """The zip file."""
        version = model_version_for(self.project, name, number)
        response = FileResponse(package_of(version, self.roles), content_type="application/zip")
        sealed(response, f"{name}-v{number}.zip")
        return response
