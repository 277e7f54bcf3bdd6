"""Webhooks over REST."""

from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from projects.access import ProjectEndpoint
from projects.api.projects import caller
from projects.models.webhooks import Delivery, Webhook
from projects.queries.webhooks import deliveries_of, delivery_for, webhook_for, webhooks_of
from projects.services import webhooks as services


def _patterns(**options: Any) -> serializers.ListField:
    return serializers.ListField(child=serializers.CharField(max_length=80), max_length=20, **options)


@extend_schema_field(OpenApiTypes.URI)
class AddressField(serializers.CharField):
    """An address. Which are taken is decided in one place, by `outbound.addresses`."""


class WebhookBody(serializers.Serializer[Any]):
    """A new webhook: where to, for which events, in which shape."""

    name = serializers.CharField(max_length=80)
    url = AddressField(max_length=2000)
    patterns = _patterns(default=["*"])
    shape = serializers.ChoiceField(choices=Webhook.Shape.choices, default=Webhook.Shape.PLAIN)


class WebhookChangeBody(serializers.Serializer[Any]):
    """What is to change. Another `url` needs the `secret`."""

    name = serializers.CharField(max_length=80, required=False)
    url = AddressField(max_length=2000, required=False)
    secret = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    patterns = _patterns(required=False)
    shape = serializers.ChoiceField(choices=Webhook.Shape.choices, required=False)
    is_active = serializers.BooleanField(required=False)


class SecretBody(serializers.Serializer[Any]):
    """Another address, when it is to change together with the secret."""

    url = AddressField(max_length=2000, required=False, default="", allow_blank=True)


def _valid(body: serializers.Serializer[Any]) -> dict[str, Any]:
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)


def show_webhook(webhook: Webhook) -> dict[str, Any]:
    """A webhook without its secret; of its address only the host, because the rest is often a secret too."""
    rests = getattr(webhook, "rests_until", None)
    return {
        "id": str(webhook.pk),
        "name": webhook.name,
        "target": webhook.origin,
        "patterns": webhook.patterns,
        "shape": webhook.shape,
        "is_active": webhook.is_active,
        "given_up": getattr(webhook, "dead", 0),
        "resting_until": rests.isoformat() if rests else None,
        "created_by": webhook.created_by.name if webhook.created_by else None,
        "created_at": webhook.created_at.isoformat(),
    }


def show_delivery(delivery: Delivery) -> dict[str, Any]:
    """One delivery."""
    return {
        "id": str(delivery.pk),
        "event": delivery.event,
        "number": delivery.seq,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "status": delivery.status,
        "reason": delivery.reason,
        "created_at": delivery.created_at.isoformat(),
        "next_try_at": delivery.next_try_at.isoformat() if delivery.state == Delivery.State.WAITING else None,
        "ended_at": delivery.ended_at.isoformat() if delivery.ended_at else None,
    }


class Webhooks(ProjectEndpoint):
    """The webhooks of the project."""

    action = {"GET": "project.read", "POST": "webhook.manage"}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """By name, without secrets; a project has at most 20."""
        return self.page_of(webhooks_of(self.project), show_webhook)

    @extend_schema(request=WebhookBody, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str) -> Response:
        """Make one. `secret` is in this answer and nowhere else."""
        given = _valid(WebhookBody(data=request.data))

        def make() -> tuple[int, dict[str, Any]]:
            made, secret = services.make_webhook(self.project, by=caller(request), **given)
            return 201, show_webhook(made) | {"secret": secret}

        return self.once(make)


class WebhookDetail(ProjectEndpoint):
    """One webhook."""

    action = {"GET": "project.read", "PATCH": "webhook.manage", "DELETE": "webhook.manage"}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, webhook_id: UUID) -> Response:
        """Without its secret."""
        return Response(show_webhook(webhook_for(self.project, webhook_id)))

    @extend_schema(request=WebhookChangeBody, responses={200: OpenApiTypes.OBJECT})
    def patch(self, request: Request, key: str, webhook_id: UUID) -> Response:
        """Change it; another address without the secret is refused with `secret_needed`."""
        webhook = webhook_for(self.project, webhook_id)
        given = _valid(WebhookChangeBody(data=request.data))
        services.change_webhook(webhook, by=caller(request), **given)
        return Response(show_webhook(webhook_for(self.project, webhook_id)))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, key: str, webhook_id: UUID) -> Response:
        """End it."""
        services.remove_webhook(webhook_for(self.project, webhook_id), by=caller(request))
        return Response(status=204)


class WebhookSecret(ProjectEndpoint):
    """A new secret."""

    action = "webhook.manage"

    @extend_schema(request=SecretBody, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, webhook_id: UUID) -> Response:
        """`secret` is in this answer and nowhere else; the old one ends. With it the address may change."""
        webhook = webhook_for(self.project, webhook_id)
        given = _valid(SecretBody(data=request.data))

        def make() -> tuple[int, dict[str, Any]]:
            changed, secret = services.renew_secret(webhook, by=caller(request), **given)
            return 201, show_webhook(changed) | {"secret": secret}

        return self.once(make)


class WebhookTest(ProjectEndpoint):
    """A test."""

    action = "webhook.manage"

    @extend_schema(request=None, responses={202: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, webhook_id: UUID) -> Response:
        """It goes out within seconds; the deliveries tell how it went."""
        delivery = services.send_test(webhook_for(self.project, webhook_id), by=caller(request))
        return Response(show_delivery(delivery), status=202)


class Deliveries(ProjectEndpoint):
    """What was sent."""

    action = "project.read"

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, webhook_id: UUID) -> Response:
        """Newest first; `?state=dead` are those that were given up, each with its reason."""
        webhook = webhook_for(self.project, webhook_id)
        return self.page_of(deliveries_of(webhook, state=request.query_params.get("state", "")), show_delivery)


class DeliveryAgain(ProjectEndpoint):
    """Send again."""

    action = "webhook.manage"

    @extend_schema(request=None, responses={202: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, webhook_id: UUID, delivery_id: UUID) -> Response:
        """Only what was given up; 409 otherwise. It comes out of order, with its old id."""
        delivery = delivery_for(webhook_for(self.project, webhook_id), delivery_id)
        return Response(show_delivery(services.send_again(delivery, by=caller(request))), status=202)
