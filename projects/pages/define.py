"""Define: the problem in words, the targets as sentences, and the signature under them."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from problems.problem import Denied, Missing, Problem
from projects import targets
from projects.access import ProjectPage
from projects.contract import Goal, TargetKind
from projects.forms.charter import CharterForm
from projects.forms.targets import WORDS, TargetForm
from projects.overview import asides
from projects.pages.charter import both_texts, charter_frame, clash
from projects.pages.lines import target_lines
from projects.pages.projects import person
from projects.queries.baseline import baseline_of
from projects.queries.charter import further_points
from projects.queries.define import charter_of, contract_history, goals_of, latest_contract, texts_of
from projects.readiness import readiness
from projects.services.charter import save_charter
from projects.services.define import sign_contract


class DefinePage(ProjectPage):
    """What all addresses of this page share: its whole content, with one form that may carry errors."""

    template = "projects/define.html"
    stage = "define"

    def page(self, status: int = 200, **changed: Any) -> HttpResponse:
        """The whole page, with some of its content put in by the caller."""
        project = self.project
        charter = charter_of(project)
        history = list(contract_history(project))
        latest = history[0] if history else None
        signed = next((contract for contract in history if contract.signed_at), None)
        goals, texts = goals_of(latest), texts_of(charter)
        points = readiness(project.kind, texts, goals, baseline=baseline_of(project) is not None)
        points += further_points(project, charter)
        changes = targets.changes(goals_of(signed), goals, charter.positive_word) if signed else []
        locked = not self.may("charter.change")
        context: dict[str, Any] = charter_frame(self, charter) | {
            "charter_form": CharterForm(initial=texts | {"version": charter.version}, kind=project.kind, locked=locked),
            "latest": latest,
            "signed": signed,
            "history": history,
            "lines": target_lines(project, goals, charter.positive_word),
            "target_form": self.target_form(goals, kind=self.request.GET.get("add", "")),
            "kinds": [(kind.value, WORDS[kind]) for kind in TargetKind],
            "seen": targets.fingerprint(goals),
            "points": points,
            "ready": sum(point.ready for point in points),
            "asides": asides("define", project, self.roles),
            "changes": changes,
        }
        return self.show(status=status, **(context | changed))

    def target_form(self, goals: list[Goal], data: Any = None, kind: str = "") -> TargetForm:
        """The form of a further target, of a kind that is named."""
        kind = kind if kind in list(TargetKind) else TargetKind.METRIC.value
        unit = next((goal.unit for goal in goals if goal.unit and goal.measure), "")
        taken = {goal.metric for goal in goals if goal.kind == TargetKind.METRIC}
        return TargetForm(data, project=self.project, kind=kind, taken=taken, unit=unit, auto_id="new_%s")

    def goals(self) -> list[Goal]:
        """The newest targets."""
        return goals_of(latest_contract(self.project))

    def refused(self, problem: Problem, **changed: Any) -> HttpResponse:
        """The page again, saying why; doors that are shut stay shut."""
        if isinstance(problem, (Denied, Missing)):
            raise problem
        return self.page(status=problem.status, problem=problem, **changed)


class Define(DefinePage):
    """The page, and saving the problem in words."""

    action = {"GET": "project.read", "POST": "charter.change"}

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show it."""
        return self.page()

    def post(self, request: HttpRequest) -> HttpResponse:
        """Save the text, or show both when somebody else saved meanwhile."""
        form = CharterForm(request.POST, kind=self.project.kind)
        if not form.is_valid():
            return self.page(status=422, charter_form=form)
        try:
            save_charter(self.project, version=form.cleaned_data["version"], texts=form.texts(), by=person(request))
        except Problem as problem:
            newer = CharterForm(clash(request.POST, problem), kind=self.project.kind)
            return self.refused(problem, charter_form=newer, theirs=both_texts(problem))
        messages.success(request, "The problem is saved.")
        return redirect("define", self.project.key)


class ContractSign(DefinePage):
    """Sign the targets; in the browser only."""

    action = {"POST": "contract.sign"}

    def post(self, request: HttpRequest) -> HttpResponse:
        """Do it."""
        try:
            contract = sign_contract(self.project, seen=request.POST.get("seen", ""), by=person(request))
        except Problem as problem:
            return self.refused(problem)
        messages.success(request, f"Targets version {contract.version} is signed and in force.")
        return redirect("define", self.project.key)
