"""Webhooks: the list, one with its deliveries, and what people do with it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from problems.problem import Denied, Missing, Problem
from projects.access import ProjectPage
from projects.forms.webhooks import WebhookChangeForm, WebhookForm
from projects.models.webhooks import Webhook
from projects.pages.projects import ROWS, person
from projects.queries.webhooks import deliveries_of, delivery_for, webhook_for, webhooks_of
from projects.services import webhooks as services
from web.pages import put_on_form


class Webhooks(ProjectPage):
    """The webhooks of the project; POST makes one and shows its secret, only then."""

    action = {"GET": "project.read", "POST": "webhook.manage"}
    template = "projects/webhooks.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show them."""
        return self.page(WebhookForm())

    def page(self, form: WebhookForm, status: int = 200, **more: Any) -> HttpResponse:
        """The page around its form."""
        return self.show(status=status, form=form, webhooks=list(webhooks_of(self.project)), **more)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Make one."""
        form = WebhookForm(request.POST)
        if not form.is_valid():
            return self.page(form, status=422)
        given = {name: form.cleaned_data[name] for name in ("name", "url", "shape")}
        try:
            made, secret = services.make_webhook(self.project, **given, patterns=form.words(), by=person(request))
        except Problem as problem:
            put_on_form(form, problem)
            return self.page(form, status=problem.status)
        return self.page(WebhookForm(), secret=secret, made=made)


class WebhookPages(ProjectPage):
    """What all addresses of one webhook share: its whole page."""

    template = "projects/webhook.html"

    def page(self, webhook: Webhook, status: int = 200, **changed: Any) -> HttpResponse:
        """The page, with some of its content put in by the caller."""
        state = self.request.GET.get("state", "")
        page = Paginator(deliveries_of(webhook, state=state), ROWS).get_page(self.request.GET.get("page"))
        start = {
            "name": webhook.name,
            "patterns": ", ".join(webhook.patterns),
            "shape": webhook.shape,
            "is_active": webhook.is_active,
        }
        context: dict[str, Any] = {
            "webhook": webhook,
            "page_obj": page,
            "state": state,
            "form": WebhookChangeForm(initial=start) if self.may("webhook.manage") else None,
        }
        return self.show(status=status, **(context | changed))

    def refused(self, webhook: Webhook, problem: Problem) -> HttpResponse:
        """The page again, saying why; doors that are shut stay shut."""
        if isinstance(problem, (Denied, Missing)):
            raise problem
        return self.page(webhook, problem.status, problem=problem)


class WebhookPage(WebhookPages):
    """One webhook; POST changes it."""

    action = {"GET": "project.read", "POST": "webhook.manage"}

    def get(self, request: HttpRequest, webhook_id: UUID) -> HttpResponse:
        """Show it."""
        return self.page(webhook_for(self.project, webhook_id))

    def post(self, request: HttpRequest, webhook_id: UUID) -> HttpResponse:
        """Change it."""
        webhook, form = webhook_for(self.project, webhook_id), WebhookChangeForm(request.POST)
        if not form.is_valid():
            return self.page(webhook, status=422, form=form)
        given = {name: form.cleaned_data[name] for name in ("name", "url", "shape", "is_active", "secret")}
        try:
            services.change_webhook(webhook, **given, patterns=form.words(), by=person(request))
        except Problem as problem:
            put_on_form(form, problem)
            return self.page(webhook_for(self.project, webhook_id), status=problem.status, form=form)
        messages.success(request, "Saved.")
        return redirect("webhook", self.project.key, webhook_id)


class WebhookSecret(WebhookPages):
    """A new secret, on this one page."""

    action = {"POST": "webhook.manage"}

    def post(self, request: HttpRequest, webhook_id: UUID) -> HttpResponse:
        """Make it."""
        webhook = webhook_for(self.project, webhook_id)
        try:
            _, secret = services.renew_secret(webhook, url=request.POST.get("url", ""), by=person(request))
        except Problem as problem:
            return self.refused(webhook, problem)
        return self.page(webhook_for(self.project, webhook_id), secret=secret)


class WebhookTest(WebhookPages):
    """Put a test on its way."""

    action = {"POST": "webhook.manage"}

    def post(self, request: HttpRequest, webhook_id: UUID) -> HttpResponse:
        """Do it."""
        services.send_test(webhook_for(self.project, webhook_id), by=person(request))
        messages.success(request, "A test is on its way. The list below tells within seconds how it went.")
        return redirect("webhook", self.project.key, webhook_id)


class WebhookRemove(WebhookPages):
    """End it."""

    action = {"POST": "webhook.manage"}

    def post(self, request: HttpRequest, webhook_id: UUID) -> HttpResponse:
        """Do it."""
        webhook = webhook_for(self.project, webhook_id)
        services.remove_webhook(webhook, by=person(request))
        messages.success(request, f"The webhook {webhook.name} is removed.")
        return redirect("webhooks", self.project.key)


class DeliveryAgain(WebhookPages):
    """Send again what was given up."""

    action = {"POST": "webhook.manage"}

    def post(self, request: HttpRequest, webhook_id: UUID, delivery_id: UUID) -> HttpResponse:
        """Do it."""
        webhook = webhook_for(self.project, webhook_id)
        try:
            services.send_again(delivery_for(webhook, delivery_id), by=person(request))
        except Problem as problem:
            return self.refused(webhook, problem)
        messages.success(request, "It is on its way again.")
        return redirect("webhook", self.project.key, webhook_id)
