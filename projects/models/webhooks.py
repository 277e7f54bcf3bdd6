"""Webhooks: where a project's events are sent, and how each delivery went."""

import uuid

from django.db import models

from accounts.models import User
from projects.models.projects import Project


class Webhook(models.Model):
    """One outside address that is told of a project's events, in order, from `cursor` on.

    The whole address and the secret are sealed: the path of such an address is often a secret too.
    """

    class Shape(models.TextChoices):
        """What the body looks like."""

        PLAIN = "plain", "All facts, as JSON"
        SLACK = "slack", "One sentence, as Slack, Teams and Mattermost take it"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="webhooks")
    name = models.CharField(max_length=80)
    origin = models.CharField(max_length=300)
    sealed_url = models.BinaryField()
    sealed_secret = models.BinaryField()
    patterns = models.JSONField(default=list)
    shape = models.CharField(max_length=8, choices=Shape.choices, default=Shape.PLAIN)
    is_active = models.BooleanField(default=True)
    cursor = models.BigIntegerField(default=0)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    dead_in_a_row = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "created_at"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_webhook_name")]

    def __str__(self) -> str:
        return self.name


class Breaker(models.Model):
    """How one outside host does for one project: after many failures it is left in peace for a while."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    origin = models.CharField(max_length=300)
    failures = models.PositiveIntegerField(default=0)
    open_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "origin"], name="one_breaker_per_target")]

    def __str__(self) -> str:
        return self.origin


class Delivery(models.Model):
    """One event on its way to one webhook. A repeat has the same id, so the receiver can tell it from a new one."""

    class State(models.TextChoices):
        """Waiting until it is there, or until it was tried often enough."""

        WAITING = "waiting", "Waiting"
        SENT = "sent", "Delivered"
        DEAD = "dead", "Given up"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    seq = models.BigIntegerField(null=True, blank=True)
    event = models.CharField(max_length=80)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    in_order = models.BooleanField(default=True)
    attempts = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField()
    status = models.PositiveIntegerField(null=True, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["webhook", "seq"], name="one_delivery_per_event")]
        indexes = [
            models.Index(fields=["webhook", "state", "in_order"]),
            models.Index(fields=["webhook", "-created_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.webhook}"
