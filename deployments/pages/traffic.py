"""A trial on the pages: started from a version, moved and stopped on its deployment, and what it shows there."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from deployments.forms import SettingsForm, ShadowForm
from deployments.models import TrafficPlan
from deployments.pages.deployments import DeploymentPages
from deployments.pages.versions import VersionPage, person
from deployments.queries.deployments import deployment_for
from deployments.queries.traffic import plan_to_change
from deployments.services.traffic import advance, change_settings, start_shadow, stop
from deployments.traffic import minutes_of
from experiments.queries.models import model_version_for
from problems.problem import Problem


class Shadow(VersionPage):
    """Let a version answer beside the model in use."""

    action = {"POST": "model.promote"}

    def post(self, request: HttpRequest, name: str, number: int) -> HttpResponse:
        """Do it."""
        version = model_version_for(self.project, name, number)
        form = ShadowForm(request.POST)
        if not form.is_valid():
            return self.page(version, status=422, shadow_form=form)
        try:
            minutes = minutes_of(form.cleaned_data["hold"])
            start_shadow(version, environment=self.environment(version), minutes=minutes, by=person(request))
        except Problem as problem:
            return self.refused(version, problem)
        messages.success(request, f"{version} is on its way into the shadow of the model in use.")
        return self.here(version)


class Move(DeploymentPages):
    """The trial under way, moved by a person."""

    def moved(self, request: HttpRequest, name: str, verb: Any, said: str) -> HttpResponse:
        """Do it, and say it."""
        deployment = deployment_for(self.project, name)
        reason = request.POST.get("reason", "")[:2000]
        try:
            plan = verb(plan_to_change(deployment), reason=reason, by=person(request))
        except Problem as problem:
            return self.refused(deployment, problem)
        done = plan.state == TrafficPlan.State.DONE
        number = plan.challenger.version.number
        messages.success(request, f"Version {number} is in use now." if done else said.format(number=number))
        return redirect("deployment", self.project.key, name)


class Advance(Move):
    """The next step now."""

    action = {"POST": "model.promote"}

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Do it."""
        return self.moved(request, name, advance, "The next step of version {number} has begun.")


class Stop(Move):
    """All requests to the model in use."""

    action = {"POST": "model.roll_back"}

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Do it."""
        return self.moved(request, name, stop, "The trial of version {number} has ended. The team has been told.")


class Settings(DeploymentPages):
    """How long a request may take, and what holds while the log cannot be written."""

    action = {"POST": "model.promote"}

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Do it."""
        deployment = deployment_for(self.project, name)
        form = SettingsForm(request.POST, auto_id="set_%s")
        if not form.is_valid():
            return self.page(deployment, status=422, settings_form=form)
        try:
            change_settings(deployment, **form.cleaned_data, by=person(request))
        except Problem as problem:
            return self.refused(deployment, problem, settings_form=form)
        messages.success(request, "Changed. Servers know within a second.")
        return redirect("deployment", self.project.key, name)
