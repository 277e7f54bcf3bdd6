"""The people whom the undertaking touches, and the work as it is and as it is to be."""

import uuid

from django.db import models

from accounts.models import User
from projects.models.projects import Project


class Stakeholder(models.Model):
    """Somebody who is touched: how much they care, how much they can move, how they are kept informed."""

    class Level(models.TextChoices):
        """A little, somewhat, a lot."""

        LOW = "low", "Low"
        MEDIUM = "medium", "Medium"
        HIGH = "high", "High"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="stakeholders")
    name = models.CharField(max_length=120)
    interest = models.CharField(max_length=6, choices=Level.choices, default=Level.MEDIUM)
    influence = models.CharField(max_length=6, choices=Level.choices, default=Level.MEDIUM)
    informed = models.CharField(max_length=300)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_stakeholder_name")]

    def __str__(self) -> str:
        return self.name


class Process(models.Model):
    """The work in steps, as it is and as it is to be; the step that the model changes is marked by its number."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="process")
    version = models.PositiveIntegerField(default=0)
    as_is = models.JSONField(default=list)
    to_be = models.JSONField(default=list)
    as_is_changed = models.PositiveSmallIntegerField(null=True, blank=True)
    to_be_changed = models.PositiveSmallIntegerField(null=True, blank=True)
    updated_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.project} process v{self.version}"
