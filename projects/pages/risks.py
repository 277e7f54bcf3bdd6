"""Risks: the eight questions, the tier that follows, and what the tier asks for at the gate."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from problems.problem import Problem
from projects.forms.charter import RiskForm, RiskTextsForm
from projects.gate_policy import rule_for, sentences
from projects.pages.charter import both_texts, charter_frame, clash
from projects.pages.projects import ROWS, person
from projects.pages.whole import WholePage
from projects.queries.define import charter_of, texts_of
from projects.queries.risk import risk_history, risk_of, tier_of
from projects.risk import BY_KEY, Tier
from projects.services.charter import save_charter
from projects.services.risk import answer_risk


class RiskPage(WholePage):
    """What both addresses of this page share."""

    template = "projects/define/risks.html"
    stage = "define"

    def content(self) -> dict[str, Any]:
        charter, latest, tier = charter_of(self.project), risk_of(self.project), tier_of(self.project)
        texts = texts_of(charter) | {"version": charter.version}
        answers = (latest.answers if latest else {}) | {"version": latest.version if latest else 0}
        history = Paginator(risk_history(self.project), ROWS).get_page(self.request.GET.get("page"))
        return charter_frame(self, charter) | {
            "texts_form": RiskTextsForm(initial=texts, locked=not self.may("charter.change"), auto_id="text_%s"),
            "risk_form": RiskForm(initial=answers, locked=not self.may("risk.answer")),
            "latest": latest,
            "tier": tier,
            "gates": [(each, each == tier, sentences(rule_for(each, "production"))) for each in Tier],
            "page_obj": history,
        }


class Risks(RiskPage):
    """The page, and answering the questions."""

    action = {"GET": "project.read", "POST": "risk.answer"}

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show it."""
        return self.page()

    def post(self, request: HttpRequest) -> HttpResponse:
        """Answer, or show both answers when somebody answered meanwhile."""
        form = RiskForm(request.POST)
        if not form.is_valid():
            return self.page(status=422, risk_form=form)
        try:
            version = form.cleaned_data["version"]
            found = answer_risk(self.project, version=version, answers=form.answers(), by=person(request))
        except Problem as problem:
            return self.refused(problem, risk_form=RiskForm(clash(request.POST, problem)), other=_other(problem))
        messages.success(request, f"Answered: {Tier(found.tier).words.lower()}.")
        return redirect("risks", self.project.key)


def _other(problem: Problem) -> list[tuple[str, str]]:
    """The questions that another person answered otherwise, with that answer."""
    theirs, yours = problem.facts.get("theirs", {}), problem.facts.get("yours", {})
    return [
        (BY_KEY[key].text, choice.words)
        for key, value in theirs.items()
        if key in BY_KEY and value != yours.get(key) and (choice := BY_KEY[key].choice(value))
    ]


class RiskTexts(RiskPage):
    """Save the texts of the charter that belong to risk."""

    action = {"POST": "charter.change"}

    def post(self, request: HttpRequest) -> HttpResponse:
        """Save them, or show both when somebody saved the charter meanwhile."""
        form = RiskTextsForm(request.POST, auto_id="text_%s")
        if not form.is_valid():
            return self.page(status=422, texts_form=form)
        try:
            save_charter(self.project, version=form.cleaned_data["version"], texts=form.texts(), by=person(request))
        except Problem as problem:
            newer = RiskTextsForm(clash(request.POST, problem), auto_id="text_%s")
            return self.refused(problem, texts_form=newer, theirs=both_texts(problem))
        messages.success(request, "The text is saved.")
        return redirect("risks", self.project.key)
