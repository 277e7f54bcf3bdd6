"""Pages of the rule by which a model is retrained by itself."""

from dataclasses import asdict
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from experiments import recent_rows
from monitoring import autonomy, seen
from monitoring.forms import PolicyForm
from monitoring.models import Monitor, RetrainPolicy
from monitoring.pages.asking import person
from monitoring.queries import rule as standing
from monitoring.queries import watch as queries
from monitoring.services import policies
from problems.problem import Missing
from projects.access import ProjectPage
from projects.queries.risk import tier_of
from web.pages import FormPage


class Autonomy(ProjectPage, FormPage):
    """The rule in force, what it would do now and what holds it; proposing the next version is the form."""

    action = {"GET": "monitor.read", "POST": "autonomy.change"}
    stage = "monitor"
    template = "monitoring/autonomy.html"

    def make_form(self, data: Any = None, files: Any = None) -> PolicyForm:
        """The next version, beginning as the newest one stands."""
        newest = self._monitor().policies.first()
        names = (*policies.FIELDS, *policies.MORE)
        first = RetrainPolicy()
        more = {name: getattr(first, name) for name in policies.MORE}
        start = {name: getattr(newest, name) for name in names} if newest else asdict(autonomy.Rules()) | more
        return PolicyForm(data, initial=start)

    def act(self, form: PolicyForm) -> str:
        """Propose it."""
        values = {name: form.cleaned_data[name] for name in (*policies.FIELDS, *policies.MORE)}
        policies.propose_policy(
            self._monitor(), values=values, reason=form.cleaned_data["reason"], by=person(self.request)
        )
        return reverse("autonomy", args=[self.project.key, self.kwargs["name"]])

    def context(self, form: Any) -> dict[str, Any]:
        """The versions, and how things stand for the one in force."""
        monitor = self._monitor()
        found, in_force = standing.policies_of(monitor), standing.policy_in_force(monitor)
        now, tier = standing.standing_of(monitor), tier_of(self.project)
        due = autonomy.due(standing.rules_of(in_force), now.facts) if in_force and now else None
        eyes = seen.eyes_on(monitor.deployment, self.roles)
        waiting = found[0] if found and not found[0].in_force else None
        return {
            "monitor": monitor,
            "versions": found,
            "in_force": in_force,
            "level": autonomy.LEVELS[in_force.level_now] if in_force else "",
            "due": due,
            "cause": eyes.text(due.cause) if due else "",
            "facts": now.facts if now else None,
            "waiting": waiting,
            "waiting_level": autonomy.LEVELS[waiting.level] if waiting else "",
            "signers": autonomy.signatures_needed(waiting.level, tier) if waiting else "",
            "signed": [one.user.name if one.user else "somebody who left" for one in waiting.signatures.all()]
            if waiting
            else [],
            "learns_from": recent_rows.said(standing.window_of(in_force)) if in_force else "",
            "tier": tier.words,
        }

    def _monitor(self) -> Monitor:
        return queries.monitor_for(self.project, str(self.kwargs["name"]))


class SignAutonomy(ProjectPage):
    """Sign the newest version of the rule."""

    action = "gate.sign"
    stage = "monitor"

    def post(self, request: HttpRequest, name: str, version: int) -> HttpResponse:
        """Put it in force."""
        monitor = queries.monitor_for(self.project, name)
        policy = monitor.policies.filter(version=version).first()
        if policy is None:
            raise Missing(f"There is no version {version} of this rule.")
        signed = policies.sign_policy(policy, by=person(request))
        told = "is in force" if signed.in_force else "has your signature and waits for the others"
        messages.success(request, f"Version {version} {told}.")
        return redirect("autonomy", self.project.key, name)
