"""The decision log."""

import uuid

from django.db import models

from accounts.models import User
from projects.models.projects import Project


class Decision(models.Model):
    """What was decided and why. Never changed; a later decision takes its place and says so."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="decisions")
    number = models.PositiveIntegerField()
    question = models.CharField(max_length=300)
    options = models.JSONField(default=list)
    choice = models.CharField(max_length=300)
    reason = models.TextField()
    supersedes = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="superseded_by"
    )
    subject_type = models.CharField(max_length=60, blank=True)
    subject_id = models.CharField(max_length=160, blank=True)
    subject_name = models.CharField(max_length=160, blank=True)
    subject_url = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="one_decision_number")]

    def __str__(self) -> str:
        return f"decision {self.number}"
