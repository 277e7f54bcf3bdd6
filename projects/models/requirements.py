"""What the business asks for, and the objects that answer it."""

import uuid

from django.db import models

from accounts.models import User
from projects.models.projects import Project


class Requirement(models.Model):
    """One thing that is asked for. `version` guards against two writers at once."""

    class Priority(models.TextChoices):
        """How much it is wanted."""

        MUST = "must", "Must"
        SHOULD = "should", "Should"
        COULD = "could", "Could"

    class State(models.TextChoices):
        """How it stands."""

        OPEN = "open", "Open"
        MET = "met", "Met"
        DROPPED = "dropped", "Dropped"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="requirements")
    number = models.PositiveIntegerField()
    version = models.PositiveIntegerField(default=1)
    text = models.TextField()
    priority = models.CharField(max_length=8, choices=Priority.choices, default=Priority.MUST)
    source = models.CharField(max_length=120)
    acceptance = models.TextField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="one_requirement_number")]

    def __str__(self) -> str:
        return f"R{self.number}"


class RequirementLink(models.Model):
    """An object that answers a requirement, known by type word, id, name and address."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    requirement = models.ForeignKey(Requirement, on_delete=models.CASCADE, related_name="links")
    subject_type = models.CharField(max_length=60)
    subject_id = models.CharField(max_length=120)
    subject_name = models.CharField(max_length=160)
    subject_url = models.CharField(max_length=300)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["subject_type", "created_at"]
        constraints = [
            models.UniqueConstraint(fields=["requirement", "subject_type", "subject_id"], name="one_link_per_object")
        ]
        indexes = [models.Index(fields=["subject_type", "subject_id"])]

    def __str__(self) -> str:
        return f"{self.requirement} by {self.subject_name}"
