"""Webhooks and how their deliveries went."""

from uuid import UUID

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from problems.problem import Missing
from projects.models.projects import Project
from projects.models.webhooks import Breaker, Delivery, Webhook


def webhooks_of(project: Project) -> QuerySet[Webhook]:
    """The webhooks of a project by name, with how much was given up, and until when their hosts are left in peace."""
    dead = Count("deliveries", filter=Q(deliveries__state=Delivery.State.DEAD))
    breaker = Breaker.objects.filter(
        project=OuterRef("project"), origin=OuterRef("origin"), open_until__gt=timezone.now()
    )
    rests = Subquery(breaker.values("open_until")[:1])
    webhooks = project.webhooks.select_related("created_by", "project").annotate(dead=dead, rests_until=rests)
    return webhooks.order_by("name", "created_at")


def webhook_for(project: Project, webhook_id: UUID) -> Webhook:
    """One webhook of the project."""
    webhook = webhooks_of(project).filter(pk=webhook_id).first()
    if webhook is None:
        raise Missing("There is no such webhook in this project.")
    return webhook


def deliveries_of(webhook: Webhook, *, state: str = "") -> QuerySet[Delivery]:
    """Its deliveries, newest first."""
    deliveries = Delivery.objects.filter(webhook=webhook).order_by("-created_at")
    return deliveries.filter(state=state) if state in Delivery.State.values else deliveries


def delivery_for(webhook: Webhook, delivery_id: UUID) -> Delivery:
    """One delivery of the webhook."""
    delivery = Delivery.objects.filter(webhook=webhook, pk=delivery_id).select_related("webhook__project").first()
    if delivery is None:
        raise Missing("There is no such delivery of this webhook.")
    return delivery
