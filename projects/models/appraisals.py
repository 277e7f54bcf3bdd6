"""What a project is held to be worth, how risky and how feasible, on fixed scales."""

import uuid

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from accounts.models import User
from projects.models.projects import Project


def _scale() -> "models.PositiveSmallIntegerField[int, int]":
    return models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(5)])


class Appraisal(models.Model):
    """One judgement, 1 to 5 on each scale, with its reason. A new judgement is a new version."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="appraisals")
    version = models.PositiveIntegerField()
    value = _scale()
    risk = _scale()
    feasibility = _scale()
    reason = models.TextField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-version"]
        constraints = [models.UniqueConstraint(fields=["project", "version"], name="one_appraisal_version")]

    def __str__(self) -> str:
        return f"{self.project} appraisal v{self.version}"
