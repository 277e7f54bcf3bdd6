"""One deployment: what answers, how to call it, who may, what it answered, and the way back."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from deployments import asking, findings, snippets
from deployments.forms import KeyForm, RollBackForm, SettingsForm, TryForm
from deployments.guarding import judged
from deployments.models import Deployment, Release, TrafficPlan
from deployments.pages.versions import person
from deployments.queries.decisions import rule_for
from deployments.queries.deployments import (
    champion_of,
    deployment_for,
    key_for,
    other_names,
    release_for,
    releases_of,
    servers_alive,
    stored_rows,
    ways_back,
)
from deployments.queries.keys import keys_for
from deployments.queries.predictions import recent_predictions
from deployments.queries.traffic import guards_of_plan, plans_of, standing_of
from deployments.queries.versions import seen_signature
from deployments.services.keys import make_key, revoke_key
from deployments.services.releases import roll_back, take_out_of_use
from deployments.traffic import of_rows
from deployments.trial_words import bar_of, path_of, sentence_of
from problems.problem import Denied, Missing, Problem
from projects.access import ProjectPage
from projects.policies import sentences
from projects.queries.policies import policy_in_force

SHOWN, PLANS = 20, 20


def _settings_form(deployment: Deployment) -> SettingsForm:
    now = {"seconds": deployment.seconds, "answers_unlogged": deployment.answers_unlogged}
    return SettingsForm(initial=now, auto_id="set_%s")


def trials_of(deployment: Deployment, champion: Release | None) -> dict[str, Any]:
    """The trial under way, as the page shows it, and those of before."""
    plans = list(plans_of(deployment)[:PLANS])
    plan = next((one for one in plans if one.state == TrafficPlan.State.RUNNING), None)
    context: dict[str, Any] = {"plan": plan, "past_plans": [one for one in plans if one is not plan]}
    if plan is None or champion is None:
        return context
    steps = of_rows(plan.steps)
    step, number = steps[plan.step], plan.challenger.version.number
    standing = standing_of(plan, timezone.now())
    found = judged(standing, guards_of_plan(plan))
    following = steps[plan.step + 1].said if plan.step + 1 < len(steps) else ""
    return context | {
        "trial_path": path_of(steps, plan.step, False),
        "trial_bar": bar_of(step, champion.version.number, number),
        "trial_sentence": sentence_of(step, number, standing.challenger),
        "trial_findings": found.findings,
        "trial_reason": found.reason,
        "trial_next": following,
        "trial_may_go_on": bool(plan.challenger.gate_id or (following and plan.authority)),
        "trial_checks": plan.checks.all()[:5],
    }


class DeploymentPages(ProjectPage):
    """What all addresses of a deployment share: its whole page."""

    template = "deployments/deployment.html"
    stage = "deploy"

    def page(self, deployment: Deployment, status: int = 200, **changed: Any) -> HttpResponse:
        """The whole page, with some of its content put in by the caller."""
        champion = champion_of(deployment)
        ways = ways_back(deployment)
        today = stored_rows([deployment]).get(deployment.pk, (0, 0))
        servers = servers_alive()
        number, trouble = (champion.version.number, champion.trouble) if champion else (None, "")
        before = self.request.GET.get("before", "")
        predictions = recent_predictions(deployment, self.roles, before=before, limit=SHOWN + 1)
        context: dict[str, Any] = {
            "deployment": deployment,
            "champion": champion,
            "ways": ways,
            "servers": servers,
            "answers": today,
            "finding": findings.of_deployment(deployment.name, number, trouble, today[1], servers),
            "releases": releases_of(deployment)[:50],
            "keys": keys_for(deployment)[:50],
            "key_form": KeyForm(others=other_names(deployment), auto_id="key_%s"),
            "settings_form": _settings_form(deployment),
            "roll_back_form": RollBackForm(ways=ways, auto_id="back_%s") if ways else None,
            "dialog_form": RollBackForm(ways=ways, auto_id="dialog_%s") if ways else None,
            "predictions": predictions[:SHOWN],
            "older": predictions[SHOWN - 1].id if len(predictions) > SHOWN else "",
            "url": snippets.predict_url(settings.PREDICT_URL, deployment.name),
        }
        context |= trials_of(deployment, champion)
        policy = policy_in_force(self.project)
        rule = rule_for(self.project, champion.version.run) if champion else None
        context |= {"policy": policy, "rule": rule, "policy_lines": sentences(policy) if policy else []}
        return self.show(
            status=status, kept_days=settings.PREDICTION_DAYS, **(context | self._calls(deployment, champion) | changed)
        )

    def _calls(self, deployment: Deployment, champion: Release | None) -> dict[str, Any]:
        if champion is None:
            return {}
        signature = seen_signature(champion.version, self.roles)
        row = {part["name"]: part.get("example") for part in signature["inputs"]}
        base = settings.PREDICT_URL
        return {
            "curl": snippets.predict_curl(base, deployment.name, row),
            "more_calls": [
                ("Python", snippets.predict_python(base, deployment.name, row)),
                ("JavaScript", snippets.predict_javascript(base, deployment.name, row)),
                ("R", snippets.predict_r(base, deployment.name, row)),
                ("MLflow’s form", snippets.mlflow_curl(base, deployment.name, row)),
                ("Open Inference Protocol (v2)", snippets.v2_curl(base, deployment.name, signature["inputs"])),
            ],
            "try_form": TryForm(signature=signature, auto_id="try_%s"),
        }

    def refused(self, deployment: Deployment, problem: Problem, **changed: Any) -> HttpResponse:
        """The page again, saying why; doors that are shut stay shut."""
        if isinstance(problem, (Denied, Missing)):
            raise problem
        return self.page(deployment, status=problem.status, problem=problem, **changed)


class DeploymentPage(DeploymentPages):
    """The page."""

    action = "model.read"

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """Show it."""
        return self.page(deployment_for(self.project, name))


class KeyMake(DeploymentPages):
    """Make a key; its secret is on this one page."""

    action = {"POST": "key.manage"}

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Do it."""
        deployment = deployment_for(self.project, name)
        form = KeyForm(request.POST, others=other_names(deployment), auto_id="key_%s")
        if not form.is_valid():
            return self.page(deployment, status=422, key_form=form)
        try:
            data = form.cleaned_data
            about = {"name": data["name"], "days": data["days"], **form.limits()}
            key, secret = make_key(deployment, **about, by=person(request))
        except Problem as problem:
            return self.refused(deployment, problem, key_form=form)
        return self.page(deployment, made=key, secret=secret)


class KeyRevoke(DeploymentPages):
    """End a key."""

    action = {"POST": "key.manage"}

    def post(self, request: HttpRequest, name: str, key_id: UUID) -> HttpResponse:
        """Do it."""
        deployment = deployment_for(self.project, name)
        key = key_for(deployment, key_id)
        revoke_key(key, by=person(request))
        messages.success(request, f"{key.name} may no longer ask. It takes effect within a second.")
        return redirect("deployment", self.project.key, name)


class TakeOut(DeploymentPages):
    """Stop answering."""

    action = {"POST": "model.roll_back"}

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Do it at once."""
        deployment = deployment_for(self.project, name)
        try:
            take_out_of_use(deployment, reason=request.POST.get("reason", "")[:2000], by=person(request))
        except Problem as problem:
            return self.refused(deployment, problem)
        messages.success(request, f"{name} answers no more. Its model is kept ready.")
        return redirect("deployment", self.project.key, name)


class RollBack(DeploymentPages):
    """Go back to a version that was in use before."""

    action = {"POST": "model.roll_back"}

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Do it at once."""
        deployment = deployment_for(self.project, name)
        form = RollBackForm(request.POST, ways=ways_back(deployment), auto_id="back_%s")
        if not form.is_valid():
            return self.page(deployment, status=422, roll_back_form=form)
        to = release_for(deployment, form.cleaned_data["to"])
        try:
            roll_back(deployment, to=to, reason=form.cleaned_data["reason"], by=person(request))
        except Problem as problem:
            return self.refused(deployment, problem, roll_back_form=form)
        messages.success(request, f"Version {to.version.number} is in use again. The team has been told.")
        return redirect("deployment", self.project.key, name)


class Try(DeploymentPages):
    """Ask the prediction server for one row, with the reader's own key."""

    action = {"POST": "model.read"}

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Do it."""
        deployment = deployment_for(self.project, name)
        champion = champion_of(deployment)
        if champion is None:
            raise Missing("Nothing is live here yet.")
        form = TryForm(request.POST, signature=seen_signature(champion.version, self.roles), auto_id="try_%s")
        if not form.is_valid():
            return self.page(deployment, status=422, try_form=form)
        try:
            status, answer = asking.ask(
                settings.PREDICT_PORT, deployment.name, form.row(), form.cleaned_data["key"].strip()
            )
        except Problem as problem:
            return self.refused(deployment, problem, try_form=form)
        if status == 200:
            return self.page(deployment, try_form=form, tried=answer)
        form.put_errors(answer.get("errors", []))
        if not form.errors:
            form.add_error("key" if status in (401, 404) else None, str(answer.get("detail", "")))
        return self.page(deployment, status=422, try_form=form)
