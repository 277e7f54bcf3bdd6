"""Every text that the charter ever had."""

import uuid

from django.db import models

from accounts.models import User
from projects.models.projects import Project


class CharterVersion(models.Model):
    """The charter as it was saved once; never changed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="charter_versions")
    number = models.PositiveIntegerField()
    texts = models.JSONField()
    saved_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    saved_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="one_charter_version")]

    def __str__(self) -> str:
        return f"{self.project} charter v{self.number}"
