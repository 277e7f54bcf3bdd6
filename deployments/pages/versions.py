"""A model version at a gate: checks by the platform, signatures by people, and the way into an environment."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.models import User
from deployments import findings, gate_rules, snippets
from deployments.forms import AskForm, ShadowForm, TrialForm
from deployments.models import Deployment, Release
from deployments.packages.forms import FORMS
from deployments.pages.deploy import row_of
from deployments.pages.gate_rows import check_rows, may_take_over, signature_rows, signed_alone, waiver_days
from deployments.queries.deployments import champion_of, deployment_of
from deployments.queries.environments import PRODUCTION, environments_of, next_environment, path_of
from deployments.queries.gates import facts_of
from deployments.queries.packages import onnx_standing
from deployments.queries.versions import fingerprint_of, latest_gate, rule_for_version, versions_of
from deployments.services.gates import check_again, request_promotion
from deployments.services.releases import promote
from experiments.models.registry import ModelVersion
from experiments.pages.value import value_context
from experiments.queries.models import model_version_for
from experiments.queries.registry import beside
from jobs.queries import latest_of
from problems.problem import Denied, Missing, Problem
from projects.access import ProjectPage
from projects.gate_policy import GateRule, sentences
from projects.models.gates import Gate
from projects.permissions import Role
from projects.queries.define import contract_in_force
from projects.queries.gates import blocked_by
from projects.queries.risk import risk_of
from projects.risk import Tier


def person(request: HttpRequest) -> User:
    """The signed-in person."""
    assert isinstance(request.user, User)
    return request.user


class VersionPage(ProjectPage):
    """What all addresses of a version share: its whole page."""

    template = "deployments/version.html"
    stage = "deploy"

    def page(self, version: ModelVersion, status: int = 200, **changed: Any) -> HttpResponse:
        """The whole page, with some of its content put in by the caller."""
        where = self.environment(version)
        gate = latest_gate(version, where)
        releases = version.releases.filter(deployment__environment=where)
        release = releases.select_related("deployment").order_by("-created_at").first()
        standing = self._standing(version, where, gate, release)
        checks = gate.checks if gate and standing == "open" else gate_rules.checks(facts_of(version, where))
        waits = blocked_by(gate) if gate and standing == "open" else []
        shown = gate if standing in ("open", "refused", "champion", "preparing") else None
        rule = rule_for_version(version, where)
        context = self._panel(shown, checks, rule) | {
            "model_version": version,
            "environment": where,
            "environments": list(dict.fromkeys([*environments_of(self.project), where])),
            "path_steps": path_of(version, where, standing),
            "deployment": deployment_of(version, where),
            "release": release,
            "gate": shown,
            "standing": standing,
            "checks": checks,
            "signatures": signature_rows(gate, person(self.request), self.roles)
            if gate and standing != "changed"
            else [],
            "waits": waits,
            "missing": findings.missing_words(waits, checks),
            "finding": findings.of_version(version.number, standing, waits, checks, _sent_back(gate), where),
            "ask_form": AskForm(),
            "package_forms": FORMS,
            "onnx": onnx_standing(version),
            "job": self._job(version, release),
            "versions": [row_of(one) for one in versions_of(self.project).filter(model=version.model)[:50]],
        }
        asked = waits if standing == "open" else [f"signature:{role}" for role in rule.roles]
        context |= self._calls(version, where, asked)
        context |= value_context(version.run, contract_in_force(self.project)) | beside(version)
        context |= {"serving": findings.of_serving(version.run.evaluation.get("serving"))}
        context |= _ways_in(deployment_of(version, where))
        return self.show(status=status, **(context | changed))

    def _calls(self, version: ModelVersion, where: str, waits: list[str]) -> dict[str, Any]:
        """The call that promotes it, and what that answers now."""
        key, name = self.project.key, version.model.name
        return {
            "curl": snippets.promote_curl(settings.BASE_URL, key, name, version.number, where),
            "answer": snippets.promote_answer(waits, f"/api/v1/projects/{key}/jobs/…/"),
        }

    def _panel(self, gate: Gate | None, checks: list[gate_rules.Check], rule: GateRule) -> dict[str, Any]:
        """The checks with what settles them, and what the risk tier asks for."""
        user = person(self.request)
        return {
            "tier": Tier(rule.tier),
            "tier_answered": risk_of(self.project) is not None,
            "rule": sentences(rule),
            "signers": [Role(role) for role in rule.roles],
            "check_rows": check_rows(gate, checks, user, self.roles),
            "passing": sum(1 for check in checks if check["state"] == "pass"),
            "warning": sum(1 for check in checks if check["state"] == "warn"),
            "failing": sum(1 for check in checks if check["state"] == "fail"),
            "waiver_days": waiver_days(),
            "may_take_over": may_take_over(gate, user) and self.may("model.promote"),
            "alone": signed_alone(gate),
        }

    def environment(self, version: ModelVersion) -> str:
        """The one that was asked for; else the one whose gate is open, else the next on the version's way."""
        asked = self.request.POST.get("to") or self.request.GET.get("to") or ""
        if asked and asked not in gate_rules.ENVIRONMENTS:
            raise Missing(f"There is no environment {asked[:40]}.")
        return asked or next_environment(version)

    def here(self, version: ModelVersion) -> HttpResponse:
        """Back to the page of the version, at the same environment."""
        to = self.environment(version)
        url = reverse("model-version", args=[self.project.key, version.model.name, version.number])
        return redirect(url if to == PRODUCTION else f"{url}?to={to}")

    def _standing(self, version: ModelVersion, where: str, gate: Gate | None, release: Release | None) -> str:
        if release and release.state in (Release.State.CHAMPION, Release.State.PREPARING, Release.State.TRIAL):
            return str(release.state)
        if gate and gate.state == Gate.State.OPEN:
            return "open" if gate.fingerprint == fingerprint_of(version, where) else "changed"
        if gate and gate.state == Gate.State.REFUSED:
            return "refused"
        was = version.releases.filter(state=Release.State.RETIRED, deployment__environment=where).exists()
        return "retired" if was else "none"

    def _job(self, version: ModelVersion, release: Release | None) -> Any:
        """The promotion or rehearsal that runs, or the promotion that failed last."""
        of_release = latest_of(release) if release else None
        if of_release and (of_release.is_open or (release and release.state == Release.State.FAILED)):
            return of_release
        of_version = latest_of(version)
        return of_version if of_version and (of_version.is_open or of_version.state == "failed") else None

    def refused(self, version: ModelVersion, problem: Problem) -> HttpResponse:
        """The page again, saying why; doors that are shut stay shut."""
        if isinstance(problem, (Denied, Missing)):
            raise problem
        return self.page(version, status=problem.status, problem=problem)


class Version(VersionPage):
    """The page."""

    action = "model.read"

    def get(self, request: HttpRequest, name: str, number: int) -> HttpResponse:
        """Show it."""
        return self.page(model_version_for(self.project, name, number))


class Ask(VersionPage):
    """Ask for an environment: opens its gate."""

    action = {"POST": "model.promote"}

    def post(self, request: HttpRequest, name: str, number: int) -> HttpResponse:
        """Do it."""
        version = model_version_for(self.project, name, number)
        form = AskForm(request.POST)
        if not form.is_valid():
            return self.page(version, status=422, ask_form=form)
        try:
            comment, instead = form.cleaned_data["comment"], request.POST.get("instead") == "yes"
            where = self.environment(version)
            request_promotion(version, environment=where, comment=comment, by=person(request), instead=instead)
        except Problem as problem:
            return self.refused(version, problem)
        messages.success(request, "Asked. The people who sign have been told.")
        return self.here(version)


class CheckAgain(VersionPage):
    """Run the checks of an open gate again."""

    action = {"POST": "model.promote"}

    def post(self, request: HttpRequest, name: str, number: int) -> HttpResponse:
        """Do it."""
        version = model_version_for(self.project, name, number)
        try:
            check_again(version, environment=self.environment(version), by=person(request))
        except Problem as problem:
            return self.refused(version, problem)
        return self.here(version)


class Promote(VersionPage):
    """Promote to an environment, or say what is missing."""

    action = {"POST": "model.promote"}

    def post(self, request: HttpRequest, name: str, number: int) -> HttpResponse:
        """Do it."""
        version = model_version_for(self.project, name, number)
        form = TrialForm(request.POST, auto_id="trial_%s")
        if not form.is_valid():
            return self.page(version, status=422, trial_form=form)
        where = self.environment(version)
        try:
            promote(version, environment=where, comment="", trial=form.trial(), by=person(request))
        except Problem as problem:
            return self.refused(version, problem)
        messages.success(request, f"{version} is on its way to {where}.")
        return self.here(version)


def _sent_back(gate: Gate | None) -> str:
    """Why it was sent back, if it was."""
    refused = next((one for one in gate.signatures.all() if not one.given), None) if gate else None
    return refused.reason if refused else ""


def _ways_in(deployment: Deployment | None) -> dict[str, Any]:
    """The forms of a trial, and whether there is a model in use to try a version beside."""
    return {
        "trial_form": TrialForm(auto_id="trial_%s"),
        "shadow_form": ShadowForm(auto_id="shadow_%s"),
        "in_use": deployment is not None and champion_of(deployment) is not None,
    }
