"""Work handed from one role to another."""

import uuid

from django.db import models

from accounts.models import User
from projects.handing import REASONS
from projects.models.projects import Project
from projects.models.tasks import Task
from projects.permissions import Role


class Handoff(models.Model):
    """One passing of the work: what is handed over, checked against evidence, with open questions and an answer.

    `checklist` holds the exit points as they stood when it was offered: key, words, holds, name, url.
    """

    class State(models.TextChoices):
        """The clock runs while it is offered."""

        OFFERED = "offered", "Offered"
        ACCEPTED = "accepted", "Accepted"
        RETURNED = "returned", "Sent back"
        WITHDRAWN = "withdrawn", "Withdrawn"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="handoffs")
    number = models.PositiveIntegerField()
    round = models.PositiveSmallIntegerField()
    from_role = models.CharField(max_length=20, choices=Role.pairs())
    to_role = models.CharField(max_length=20, choices=Role.pairs())
    state = models.CharField(max_length=10, choices=State.choices, default=State.OFFERED)
    checklist = models.JSONField(default=list)
    questions = models.JSONField(default=list)
    note = models.TextField(blank=True)
    due_on = models.DateField(null=True, blank=True)
    offered_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    offered_at = models.DateTimeField(auto_now_add=True)
    answered_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    answered_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=10, choices=list(REASONS.items()), blank=True)
    reason_text = models.TextField(blank=True)
    task = models.ForeignKey(Task, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="one_handoff_number"),
            models.UniqueConstraint(
                fields=["project", "from_role", "to_role"],
                condition=models.Q(state="offered"),
                name="one_offer_per_boundary",
            ),
        ]
        indexes = [models.Index(fields=["project", "state", "to_role"])]

    def __str__(self) -> str:
        return f"hand-off {self.number}"

    @property
    def giver(self) -> Role:
        """Who hands over."""
        return Role(self.from_role)

    @property
    def receiver(self) -> Role:
        """Who takes it."""
        return Role(self.to_role)


class Breakage(models.Model):
    """Something that broke later and came from a hand-off that had been accepted."""

    handoff = models.ForeignKey(Handoff, on_delete=models.CASCADE, related_name="breakages")
    words = models.CharField(max_length=300)
    url = models.CharField(max_length=300, blank=True)
    by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    task = models.ForeignKey(Task, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.words
